"""Organizations: owners whom several accounts belong to, each with a role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from trivet.platform.core import ids
from trivet.platform.core.accounts import Account, Membership, Organization, Principal, Role, Scope
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound
from trivet.platform.core.templates import check_extras
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.owners import check_owns_nothing, organizations_of, remove_belongings, with_roles

T = TypeVar("T")

_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization with its members, by name."""

    organization: Organization
    members: tuple[tuple[Account, Role], ...]


class Organizations:
    """The use cases around organizations.

    Every method takes the `Principal` first, and raises `NotFound` or `Forbidden` by the one rule of access (see
    `services.access`).

    Args:
        store: where they are kept.
        clock: tells the time.
        entropy: gives ids.
        roles_changed: told after each change of who belongs where.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, roles_changed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._roles_changed = roles_changed
        self.on_removed: Callable[[str], None] = lambda _: None
        """Told an organization's id once it is gone."""
        self.on_changed: Callable[[Organization], None] = lambda _: None
        """Told an organization that is there once it is another."""

    async def create(
        self, principal: Principal, name: str, extras: Mapping[str, Any] | None = None, *, public: bool = False
    ) -> Organization:
        """Makes an organization whose owner is the one who asks. Takes the scope ``deploy``.

        Args:
            principal: who asks.
            name: the organization's.
            extras: what a dialect keeps with it, in its own words.
            public: whether everybody may know of it, and share endpoints with it.

        Raises:
            BadRequest, TooLarge: the name can't be one, or the extras are over their limit.
            Conflict: an account or an organization has it.
        """
        access.require(principal, Scope.DEPLOY)
        access.check_name("organization", name)
        now = self._clock()
        organization = Organization(
            ids.make("org", now, self._entropy(_ID_BYTES)), name, now, check_extras(extras or {}), public=public
        )

        def unit(tx: Transaction) -> Organization:
            numbered = replace(organization, number=tx.counters.take("organization"))
            tx.accounts.add_organization(numbered)
            tx.accounts.put_membership(Membership(numbered.id, principal.account_id, Role.OWNER))
            return numbered

        return await self._change(unit)

    async def all(self, principal: Principal) -> list[tuple[Organization, Role | None]]:
        """One's organizations with one's role, by name; all of them for administrators. Takes the scope ``read``."""
        access.require(principal, Scope.READ)

        def unit(tx: Transaction) -> list[tuple[Organization, Role | None]]:
            mine = organizations_of(tx, principal.account_id)
            if not principal.administers():
                return list(mine)
            roles = {organization.id: role for organization, role in mine}
            return [(organization, roles.get(organization.id)) for organization in tx.accounts.organizations()]

        found = await self._store.read(unit)
        return sorted(found, key=lambda pair: pair[0].name.lower())

    async def get(self, principal: Principal, name: str) -> OrganizationView:
        """An organization with its members. For its members (scope ``read``) and administrators."""

        def unit(tx: Transaction) -> OrganizationView:
            current = with_roles(tx, principal)
            organization = access.require_organization(current, tx.accounts.organization_named(name), name)
            access.require(principal, Scope.READ)
            return _view(tx, organization)

        return await self._store.read(unit)

    async def seen(self, principal: Principal | None) -> list[Organization]:
        """All organizations that one may know of, by name: public ones, one's own, and all for administrators.

        Args:
            principal: who asks, with the scope ``read``; None: somebody who has shown no key.
        """
        if principal is not None:
            access.require(principal, Scope.READ)

        def unit(tx: Transaction) -> list[Organization]:
            current = None if principal is None else with_roles(tx, principal)
            return [each for each in tx.accounts.organizations() if _may_know(current, each)]

        return sorted(await self._store.read(unit), key=lambda each: each.name.lower())

    async def look(self, principal: Principal | None, name: str) -> OrganizationView:
        """An organization that one may know of (see `seen`). Who does not belong to it is told of no members.

        Raises:
            NotFound: there is none, or it is not for the one who asks.
        """

        def unit(tx: Transaction) -> OrganizationView:
            current = None if principal is None else with_roles(tx, principal)
            found = tx.accounts.organization_named(name)
            if found is None or not _may_know(current, found):
                raise NotFound.of("organization", name)
            if current is None or not (found.id in current.roles or current.administers()):
                return OrganizationView(found, ())
            return _view(tx, found)

        if principal is not None:
            access.require(principal, Scope.READ)
        return await self._store.read(unit)

    async def numbered(self, principal: Principal, numbers: Iterable[int]) -> list[Organization]:
        """The organizations with these integers, where one may know of all of them (see `seen`); in the order asked for.

        Raises:
            Forbidden: there is none of that number, or it is not for the one who asks: the answer does not tell which.
        """
        access.require(principal, Scope.READ)
        wanted = list(dict.fromkeys(numbers))

        def unit(tx: Transaction) -> list[Organization]:
            current = with_roles(tx, principal)
            found = []
            for number in wanted:
                organization = tx.accounts.organization_numbered(number)
                if organization is None or not access.may_share_with(current, organization):
                    raise Forbidden(
                        f"There is no organization {number} that this key may see.",
                        hint="Choose among your own and the public ones.",
                    )
                found.append(organization)
            return found

        return await self._store.read(unit)

    async def shared_by(
        self, principal: Principal | None, endpoints: Iterable[Endpoint]
    ) -> dict[str, list[Organization]]:
        """The organizations that endpoints are shared with, by the endpoints' ids; as far as one may know of them, by name.

        Args:
            principal: who asks. Who manages an endpoint knows all that it is shared with, others those that they belong to, and
                who has shown no key knows none.
            endpoints: those that the one who asks may see; what is shared with nobody has no entry.
        """
        shared = [endpoint for endpoint in endpoints if endpoint.shared_with]
        if principal is None or not shared:
            return {}
        found = await self._store.read(lambda tx: tx.accounts.organizations())
        return {
            endpoint.id: [
                each for each in found if each.id in endpoint.shared_with and _is_told(principal, endpoint, each)
            ]
            for endpoint in shared
        }

    async def change(
        self,
        principal: Principal,
        name: str,
        *,
        new_name: str | None = None,
        public: bool | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> Organization:
        """Changes what an organization is called, who may know of it, and what dialects say of it. For its owners and admins.

        Args:
            principal: who asks.
            name: the organization's, as it is.
            new_name: as it shall be; None: the same.
            public: whether everybody may know of it, and share endpoints with it; None: as it is.
            extras: what dialects keep, each under its own name, beside what others keep.

        Raises:
            BadRequest, TooLarge: the name can't be one, or the extras are over their limit.
            Conflict: the name is taken; or it owns endpoints, which are called by its name.
        """
        if new_name is not None:
            access.check_name("organization", new_name)

        def unit(tx: Transaction) -> Organization:
            current = with_roles(tx, principal)
            organization = access.require_managed(current, tx.accounts.organization_named(name), name)
            if new_name is not None and new_name != organization.name:
                check_owns_nothing(tx, organization, "renamed")
            changed = replace(
                organization,
                name=new_name or organization.name,
                public=organization.public if public is None else public,
                extras=check_extras({**organization.extras, **(extras or {})}),
            )
            tx.accounts.save_organization(changed)
            return changed

        changed = await self._store.write(unit)
        self.on_changed(changed)
        return changed

    async def keep(self, principal: Principal, name: str, extras: Mapping[str, Any]) -> Organization:
        """Keeps what dialects say of an organization, each under its own name, beside what others keep.

        For its owners and admins.

        Raises:
            TooLarge: it is over its limit.
        """
        return await self.change(principal, name, extras=extras)

    async def put_member(self, principal: Principal, organization: str, account: str, role: str) -> OrganizationView:
        """Gives an account a role in an organization. Its owners may give any; its admins may add plain members.

        Args:
            principal: who asks; needs the scope ``deploy``.
            organization: its name.
            account: the account's name.
            role: ``owner``, ``admin`` or ``member``.

        Raises:
            Conflict: the organization would be left without an owner.
        """
        try:
            wanted = Role(role)
        except ValueError:
            raise BadRequest(f"There is no role {role[:40]!r}.", hint=f"The roles are: {', '.join(Role)}.") from None
        return await self._change_member(principal, organization, account, wanted)

    async def remove_member(self, principal: Principal, organization: str, account: str) -> OrganizationView:
        """Takes an account out of an organization. Its owners and admins may do that, and everybody may leave.

        Raises:
            Conflict: it is the last owner.
        """
        return await self._change_member(principal, organization, account, None)

    async def _change_member(
        self, principal: Principal, organization_name: str, account_name: str, role: Role | None
    ) -> OrganizationView:
        def unit(tx: Transaction) -> OrganizationView:
            current = with_roles(tx, principal)
            found = tx.accounts.organization_named(organization_name)
            organization = access.require_known(current, found, organization_name)
            account = tx.accounts.named(account_name)
            leaves = role is None and account is not None and account.id == principal.account_id
            if not leaves:  # before anything is told about whether the account exists
                access.require_manager(current, organization)
            if account is None:
                raise NotFound.of("account", account_name)
            members = tx.accounts.members_of(organization.id)
            access.check_member_change(current, organization, account, members, role)
            if role is None:
                tx.accounts.remove_membership(organization.id, account.id)
            else:
                tx.accounts.put_membership(Membership(organization.id, account.id, role))
            return _view(tx, organization)

        return await self._change(unit)

    async def remove(self, principal: Principal, name: str) -> Organization:
        """Removes an organization with its memberships, secrets and images; what was shared with it is so no longer.

        For its owners (scope ``deploy``) and administrators.

        Raises:
            Conflict: it owns endpoints.
        """

        def unit(tx: Transaction) -> Organization:
            current = with_roles(tx, principal)
            organization = access.require_managed(current, tx.accounts.organization_named(name), name, Role.OWNER)
            check_owns_nothing(tx, organization)
            for endpoint in tx.endpoints.all():
                if organization.id in endpoint.shared_with:
                    tx.endpoints.save(replace(endpoint, shared_with=endpoint.shared_with - {organization.id}))
            remove_belongings(tx, organization.id)
            tx.accounts.remove_organization(organization.id)
            return organization

        removed = await self._change(unit)
        self.on_removed(removed.id)
        return removed

    async def _change(self, unit: Callable[[Transaction], T]) -> T:
        """Applies a change of roles. Where it is refused or fails that is told as well: it might have taken."""
        try:
            return await self._store.write(unit)
        finally:
            self._roles_changed()


def _may_know(principal: Principal | None, organization: Organization) -> bool:
    return organization.public if principal is None else access.may_share_with(principal, organization)


def _is_told(principal: Principal, endpoint: Endpoint, organization: Organization) -> bool:
    return principal.manages(endpoint.owner_id) or organization.id in principal.roles


def _view(tx: Transaction, organization: Organization) -> OrganizationView:
    found = [(tx.accounts.get(m.account_id), m.role) for m in tx.accounts.members_of(organization.id)]
    known = [(account, role) for account, role in found if account is not None]
    return OrganizationView(organization, tuple(sorted(known, key=lambda pair: pair[0].name.lower())))
