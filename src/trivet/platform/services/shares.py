"""Shares: the organizations that endpoints are shared with, as those may know of them who ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trivet.platform.core.accounts import Organization, Principal
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.core.errors import Forbidden
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services.owners import with_roles


class Shares:
    """Finds organizations by what endpoints and callers say of them.

    Args:
        store: where organizations are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, principal: Principal | None, endpoints: Iterable[Endpoint]) -> Mapping[str, Organization]:
        """The organizations, by id, that any of these endpoints is shared with.

        Args:
            principal: who will read of them: who does not manage an endpoint learns of its own organizations only, who has shown
                no key of none.
            endpoints: which one may see.
        """
        wanted: set[str] = set()
        for endpoint in endpoints:
            if principal is not None:
                known = endpoint.shared_with
                wanted |= known if principal.manages(endpoint.owner_id) else known & principal.roles.keys()
        if not wanted:
            return {}
        found = await self._store.read(lambda tx: [tx.accounts.organization(each) for each in wanted])
        return {organization.id: organization for organization in found if organization is not None}

    async def numbered(self, principal: Principal, numbers: Sequence[int]) -> list[Organization]:
        """The organizations with these integers, in their order.

        Raises:
            Forbidden: there is none of that number that the principal may know of.
        """

        def unit(tx: Transaction) -> list[Organization]:
            current = with_roles(tx, principal)
            known = {
                organization.number: organization
                for organization in tx.accounts.organizations()
                if organization.public or organization.id in current.roles or current.administers()
            }
            missing = [number for number in numbers if number not in known]
            if missing:
                raise Forbidden(
                    f"There is no organization {missing[0]} that this account may share models with.",
                    hint="GET /v1/organizations lists those there are: one's own, and public ones.",
                )
            return [known[number] for number in numbers]

        return await self._store.read(unit)
