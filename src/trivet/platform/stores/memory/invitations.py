"""Invitations in memory."""

from __future__ import annotations

from trivet.platform.core.invitations import Invitation, InvitationStatus
from trivet.platform.stores import errors
from trivet.platform.stores.memory.accounts import MemoryAccounts
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryInvitations:
    """An `InvitationRepository`. An invitation counts as long as its organization is there."""

    def __init__(self, journal: Journal, accounts: MemoryAccounts) -> None:
        self._accounts = accounts
        self._invitations: Table[str, Invitation] = Table(journal)

    def put(self, invitation: Invitation) -> None:
        """Adds it, or takes the place of the one with its id. Raises `Conflict` where its organization is not there."""
        if not self._is_there(invitation):
            raise errors.missing("organization", invitation.organization_id)
        self._invitations.put(invitation.id, invitation)

    def get(self, invitation_id: str) -> Invitation | None:
        """The invitation, or None."""
        found = self._invitations.get(invitation_id)
        return found if found is not None and self._is_there(found) else None

    def of_organization(self, organization_id: str) -> list[Invitation]:
        """Oldest first."""
        return [each for each in self._all() if each.organization_id == organization_id]

    def pending(self, address: str) -> list[Invitation]:
        """Those without an answer that are for an address, oldest first."""
        return [each for each in self._all() if each.status is InvitationStatus.PENDING and each.address == address]

    def remove(self, invitation_id: str) -> None:
        """Nothing happens where it is not there."""
        self._invitations.remove(invitation_id)

    def _all(self) -> list[Invitation]:
        found = [each for each in self._invitations if self._is_there(each)]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def _is_there(self, invitation: Invitation) -> bool:
        return self._accounts.organization(invitation.organization_id) is not None
