"""Invitations: an organization asks people in, who answer for themselves. Nothing is sent: whoever invites hands the id on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

from trivet.platform.core import invitations as rules
from trivet.platform.core.accounts import Membership, Organization, Principal, Role, Scope
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, Unauthenticated
from trivet.platform.core.invitations import LIFETIME, MOST_AT_ONCE, Invitation, InvitationStatus
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.owners import with_roles

T = TypeVar("T")

_ID_BYTES = 16


class Invitations:
    """The use cases around invitations.

    Every method takes the `Principal` first, and raises `NotFound` or `Forbidden` by the one rule of access (see
    `services.access`). An invitation is there for whoever has its id, as that was handed to them.

    Args:
        store: where they are kept.
        clock: tells the time.
        entropy: gives ids.
        roles_changed: told after each answer: who belongs where may be another.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, roles_changed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._roles_changed = roles_changed

    async def invite(self, principal: Principal, organization: str, addresses: Sequence[str]) -> list[Invitation]:
        """Invites people to an organization. For its owners and admins. Who is invited already gets a week more.

        Args:
            principal: who asks.
            organization: its name.
            addresses: e-mail addresses, or the names of accounts that have none.

        Raises:
            BadRequest: there are none or too many, or one can't be an address.
            Conflict: somebody is a member already, or too many invitations wait.
        """
        wanted = list(dict.fromkeys(rules.check_invitee(each) for each in addresses))
        if not 1 <= len(wanted) <= MOST_AT_ONCE:
            raise BadRequest(
                f"{len(wanted)} people can't be invited at once.", hint=f"Name between 1 and {MOST_AT_ONCE} of them."
            )
        now = self._clock()
        fresh = [str(uuid.UUID(bytes=self._entropy(_ID_BYTES), version=4)) for _ in wanted]

        def unit(tx: Transaction) -> list[Invitation]:
            found = _managed(tx, principal, tx.accounts.organization_named(organization), organization)
            known = {
                each.address: each
                for each in tx.invitations.of_organization(found.id)
                if each.status is InvitationStatus.PENDING
            }
            rules.check_pending(len(known.keys() | set(wanted)))
            _check_no_members(tx, found, wanted)
            made = []
            for id_, address in zip(fresh, wanted, strict=True):
                if address in known:
                    invitation = rules.renewed(known[address], now)
                else:
                    expires_at = now + LIFETIME
                    invitation = Invitation(id_, found.id, address, now, expires_at, principal.account_id)
                tx.invitations.put(invitation)
                made.append(invitation)
            return made

        return await self._store.write(unit)

    async def of_organization(self, principal: Principal, organization: str) -> list[Invitation]:
        """The invitations of an organization, answered ones too, oldest first. For its owners and admins."""

        def unit(tx: Transaction) -> list[Invitation]:
            found = _managed(tx, principal, tx.accounts.organization_named(organization), organization)
            return tx.invitations.of_organization(found.id)

        return await self._store.read(unit)

    async def mine(self, principal: Principal) -> list[tuple[Invitation, Organization]]:
        """The invitations that one can answer now, each with its organization, oldest first. Takes the scope ``read``."""
        access.require(principal, Scope.READ)
        now = self._clock()

        def unit(tx: Transaction) -> list[tuple[Invitation, Organization]]:
            account = tx.accounts.get(principal.account_id)
            pending = [] if account is None else tx.invitations.pending(rules.address_of(account))
            found = [(each, tx.accounts.organization(each.organization_id)) for each in pending if each.is_open(now)]
            return [(invitation, organization) for invitation, organization in found if organization is not None]

        return await self._store.read(unit)

    async def get(self, principal: Principal, organization: str, invitation_id: str) -> Invitation:
        """One invitation, for whoever has its id. Takes the scope ``read``.

        Args:
            principal: who asks.
            organization: its name.
            invitation_id: the invitation's.
        """
        access.require(principal, Scope.READ)

        def unit(tx: Transaction) -> Invitation:
            return _invitation(tx, tx.accounts.organization_named(organization), invitation_id)

        return await self._store.read(unit)

    async def answer(self, principal: Principal, organization: str, invitation_id: str, *, accepts: bool) -> Invitation:
        """Answers an invitation that is for oneself; with a yes, one is a member when this returns. Takes the scope ``deploy``.

        Args:
            principal: who asks.
            organization: its name.
            invitation_id: the invitation's.
            accepts: whether the answer is yes.

        Raises:
            BadRequest: it was answered before, its time is over, or it is for somebody else.
        """
        _require_person(principal)
        now = self._clock()

        def unit(tx: Transaction) -> Invitation:
            found = tx.accounts.organization_named(organization)
            account = tx.accounts.get(principal.account_id)
            if account is None:
                raise Unauthenticated
            invitation = rules.answered(_invitation(tx, found, invitation_id), account, now, accepts=accepts)
            tx.invitations.put(invitation)
            if accepts and invitation.organization_id not in with_roles(tx, principal).roles:
                tx.accounts.put_membership(Membership(invitation.organization_id, account.id, Role.MEMBER))
            return invitation

        return await self._change(unit)

    async def renew(self, principal: Principal, organization: str, invitation_id: str) -> Invitation:
        """Gives an invitation a week more from now. For owners and admins of the organization.

        Raises:
            BadRequest: it was answered.
        """
        now = self._clock()

        def unit(tx: Transaction) -> Invitation:
            found = _managed(tx, principal, tx.accounts.organization_named(organization), organization)
            invitation = rules.renewed(_invitation(tx, found, invitation_id), now)
            tx.invitations.put(invitation)
            return invitation

        return await self._store.write(unit)

    async def withdraw(self, principal: Principal, organization: str, invitation_id: str) -> None:
        """Forgets an invitation, answered or not; who is a member stays one. For owners and admins of the organization."""

        def unit(tx: Transaction) -> None:
            found = _managed(tx, principal, tx.accounts.organization_named(organization), organization)
            tx.invitations.remove(_invitation(tx, found, invitation_id).id)

        await self._store.write(unit)

    async def _change(self, unit: Callable[[Transaction], T]) -> T:
        """Applies a change of roles. Where it is refused or fails that is told as well: it might have taken."""
        try:
            return await self._store.write(unit)
        finally:
            self._roles_changed()


def _require_person(principal: Principal) -> None:
    access.require(principal, Scope.DEPLOY)
    if principal.within is not None:
        raise Forbidden("A job may not answer invitations for the account that it acts for.")


def _managed(tx: Transaction, principal: Principal, organization: Organization | None, name: str) -> Organization:
    """The organization, where the principal may say who belongs to it."""
    return access.require_managed(with_roles(tx, principal), organization, name)


def _invitation(tx: Transaction, organization: Organization | None, invitation_id: str) -> Invitation:
    found = tx.invitations.get(invitation_id)
    if found is None or organization is None or found.organization_id != organization.id:
        raise NotFound(
            f"There is no invitation {invitation_id[:80]!r}.", hint="Its organization may have withdrawn it."
        )
    return found


def _check_no_members(tx: Transaction, organization: Organization, addresses: Sequence[str]) -> None:
    members = [tx.accounts.get(each.account_id) for each in tx.accounts.members_of(organization.id)]
    known = {rules.address_of(account) for account in members if account is not None}
    inside = [address for address in addresses if address in known]
    if inside:
        raise BadRequest(f"{', '.join(inside)} belongs to {organization.name!r} already.")
