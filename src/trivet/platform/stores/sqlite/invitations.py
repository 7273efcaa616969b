"""Invitations in SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any

from trivet.platform.core.invitations import Invitation, InvitationStatus
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import plain

_SQL = statements(
    "invitations",
    "id, organization_id, address, created_at, expires_at, invited_by, status, answered_by, answered_at",
)
_OLDEST_FIRST = "ORDER BY created_at, id"
_REMOVE = "DELETE FROM invitations WHERE id = ?"


class SqliteInvitations:
    """An `InvitationRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, invitation: Invitation) -> None:
        """Adds it, or takes the place of the one with its id. Raises `Conflict` where its organization is not there."""
        try:
            self._session.execute(_SQL.put, _row(invitation))
        except sqlite3.IntegrityError as error:
            sentences = {"FOREIGN KEY": errors.missing("organization", invitation.organization_id)}
            raise refused(error, sentences) from None

    def get(self, invitation_id: str) -> Invitation | None:
        """The invitation, or None."""
        row = self._session.execute(f"{_SQL.select} WHERE id = ?", (invitation_id,)).fetchone()
        return None if row is None else _invitation(row)

    def of_organization(self, organization_id: str) -> list[Invitation]:
        """Oldest first."""
        sql = f"{_SQL.select} WHERE organization_id = ? {_OLDEST_FIRST}"
        return [_invitation(row) for row in self._session.execute(sql, (organization_id,))]

    def pending(self, address: str) -> list[Invitation]:
        """Those without an answer that are for an address, oldest first."""
        sql = f"{_SQL.select} WHERE status = 'pending' AND address = ? {_OLDEST_FIRST}"
        return [_invitation(row) for row in self._session.execute(sql, (address,))]

    def remove(self, invitation_id: str) -> None:
        """Nothing happens where it is not there."""
        self._session.execute(_REMOVE, (invitation_id,))


def _row(invitation: Invitation) -> tuple[Any, ...]:
    return (
        invitation.id,
        invitation.organization_id,
        plain(invitation.address),
        invitation.created_at,
        invitation.expires_at,
        invitation.invited_by,
        invitation.status.value,
        invitation.answered_by,
        invitation.answered_at,
    )


def _invitation(row: tuple[Any, ...]) -> Invitation:
    id_, organization_id, address, created_at, expires_at, invited_by, status, *answer = row
    return Invitation(
        id_, organization_id, address, created_at, expires_at, invited_by, InvitationStatus(status), *answer
    )
