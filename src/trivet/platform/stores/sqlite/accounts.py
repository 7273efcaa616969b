"""Accounts, organizations and memberships in SQLite."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from trivet.platform.core.accounts import Account, Membership, Organization, Role
from trivet.platform.core.errors import Conflict
from trivet.platform.core.pictures import Picture
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.values import decode_limits, encode, encode_limits, plain

_ADD = """
    INSERT INTO owners
        (id, kind, name, created_at, administrator, disabled, rate, concurrent, public_key, extras, email, picture)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAVE_ACCOUNT = """
    UPDATE owners SET name = ?, created_at = ?, administrator = ?, disabled = ?, rate = ?, concurrent = ?,
        public_key = ?, extras = ?, email = ?, picture = ?
    WHERE id = ? AND kind = 'account'
"""
_ACCOUNT = """
    SELECT id, name, created_at, administrator, disabled, public_key, extras, email, picture, rate, concurrent
    FROM owners
    WHERE kind = 'account'
"""
_ADD_ORGANIZATION = """
    INSERT INTO owners (id, kind, name, created_at, extras, number, public) VALUES (?, 'organization', ?, ?, ?, ?, ?)
"""
_ORGANIZATION = "SELECT id, name, created_at, extras, number, public FROM owners WHERE kind = 'organization'"
_SAVE_ORGANIZATION = "UPDATE owners SET name = ?, extras = ?, public = ? WHERE id = ? AND kind = 'organization'"
_PUT_PICTURE = """
    INSERT INTO pictures (account_id, media_type, data) VALUES (?, ?, ?)
    ON CONFLICT (account_id) DO UPDATE SET media_type = excluded.media_type, data = excluded.data
"""
_PICTURE = "SELECT media_type, data FROM pictures WHERE account_id = ?"
_REMOVE_PICTURE = "DELETE FROM pictures WHERE account_id = ?"
_REMOVE = "DELETE FROM owners WHERE id = ? AND kind = ?"
_PUT_MEMBERSHIP = """
    INSERT INTO memberships (organization_id, account_id, role) VALUES (?, ?, ?)
    ON CONFLICT (organization_id, account_id) DO UPDATE SET role = excluded.role
"""
_REMOVE_MEMBERSHIP = "DELETE FROM memberships WHERE organization_id = ? AND account_id = ?"
_MEMBERSHIP = "SELECT organization_id, account_id, role FROM memberships"


class SqliteAccounts:
    """An `AccountRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, account: Account) -> None:
        """Raises `Conflict` where the name or the id is taken."""
        try:
            self._session.execute(_ADD, (account.id, "account", *_row(account)))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(account)) from None

    def save(self, account: Account) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the name is taken."""
        try:
            self._session.execute(_SAVE_ACCOUNT, (*_row(account), account.id))
        except sqlite3.IntegrityError as error:
            raise refused(error, {"owners.name": errors.owner_name_taken(account.name)}) from None

    def get(self, account_id: str) -> Account | None:
        """The account, or None."""
        return _account(self._session.execute(f"{_ACCOUNT} AND id = ?", (account_id,)).fetchone())

    def named(self, name: str) -> Account | None:
        """Whatever the case of the letters."""
        return _account(self._session.execute(f"{_ACCOUNT} AND name = ?", (name,)).fetchone())

    def all(self) -> list[Account]:
        """By name."""
        rows = self._session.execute(f"{_ACCOUNT} ORDER BY name").fetchall()
        return [account for account in map(_account, rows) if account is not None]

    def remove(self, account_id: str) -> None:
        """With its memberships and keys."""
        self._session.execute(_REMOVE, (account_id, "account"))

    def put_picture(self, account_id: str, picture: Picture) -> None:
        """Raises `Conflict` where the account is not there."""
        if self.get(account_id) is None:  # an organization's id would do for the database
            raise errors.missing("account", account_id)
        self._session.execute(_PUT_PICTURE, (account_id, picture.media_type, picture.data))

    def picture(self, account_id: str) -> Picture | None:
        """The account's, or None."""
        row = self._session.execute(_PICTURE, (account_id,)).fetchone()
        return None if row is None else Picture(*row)

    def remove_picture(self, account_id: str) -> None:
        """Nothing happens where there is none."""
        self._session.execute(_REMOVE_PICTURE, (account_id,))

    def add_organization(self, organization: Organization) -> None:
        """Raises `Conflict` where the name, the id or the number is taken."""
        row = (
            organization.id,
            organization.name,
            organization.created_at,
            encode(dict(organization.extras)),
            organization.number or None,
            organization.public,
        )
        try:
            self._session.execute(_ADD_ORGANIZATION, row)
        except sqlite3.IntegrityError as error:
            number = errors.id_taken("organization", str(organization.number))
            raise refused(error, {**_sentences(organization), "owners.number": number}) from None

    def organization(self, organization_id: str) -> Organization | None:
        """The organization, or None."""
        return _organization(self._session.execute(f"{_ORGANIZATION} AND id = ?", (organization_id,)).fetchone())

    def organization_named(self, name: str) -> Organization | None:
        """Whatever the case of the letters."""
        return _organization(self._session.execute(f"{_ORGANIZATION} AND name = ?", (name,)).fetchone())

    def organizations(self) -> list[Organization]:
        """By name."""
        rows = self._session.execute(f"{_ORGANIZATION} ORDER BY name").fetchall()
        return [organization for organization in map(_organization, rows) if organization is not None]

    def organization_numbered(self, number: int) -> Organization | None:
        """The organization, or None."""
        return _organization(self._session.execute(f"{_ORGANIZATION} AND number = ?", (number,)).fetchone())

    def save_organization(self, organization: Organization) -> None:
        """Takes its name, its extras and whether it is public; nothing happens where it is not there.

        Raises `Conflict` where the name is taken.
        """
        row = (organization.name, encode(dict(organization.extras)), organization.public, organization.id)
        try:
            self._session.execute(_SAVE_ORGANIZATION, row)
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(organization)) from None

    def remove_organization(self, organization_id: str) -> None:
        """With its memberships."""
        self._session.execute(_REMOVE, (organization_id, "organization"))

    def put_membership(self, membership: Membership) -> None:
        """Raises `Conflict` where the organization or the account is not there."""
        organization_id, account_id = membership.organization_id, membership.account_id
        # both are owners to the database, which would take the one for the other
        if self.organization(organization_id) is None or self.get(account_id) is None:
            raise errors.missing("organization or account", f"{organization_id}, {account_id}")
        self._session.execute(_PUT_MEMBERSHIP, (organization_id, account_id, membership.role.value))

    def remove_membership(self, organization_id: str, account_id: str) -> None:
        """Nothing happens where it is not there."""
        self._session.execute(_REMOVE_MEMBERSHIP, (organization_id, account_id))

    def memberships_of(self, account_id: str) -> list[Membership]:
        """By organization id."""
        sql = f"{_MEMBERSHIP} WHERE account_id = ? ORDER BY organization_id"
        return [_membership(row) for row in self._session.execute(sql, (account_id,))]

    def members_of(self, organization_id: str) -> list[Membership]:
        """By account id."""
        sql = f"{_MEMBERSHIP} WHERE organization_id = ? ORDER BY account_id"
        return [_membership(row) for row in self._session.execute(sql, (organization_id,))]


def _sentences(owner: Account | Organization) -> dict[str, Conflict]:
    return {"owners.id": errors.id_taken("owner", owner.id), "owners.name": errors.owner_name_taken(owner.name)}


def _row(account: Account) -> tuple[Any, ...]:
    limits = encode_limits(account.limits)
    return (
        account.name,
        account.created_at,
        account.administrator,
        account.disabled,
        *limits,
        plain(account.public_key),
        encode(dict(account.extras)),
        plain(account.email),
        account.picture,
    )


def _account(row: tuple[Any, ...] | None) -> Account | None:
    if row is None:
        return None
    id_, name, created_at, administrator, disabled, public_key, extras, email, picture, *limits = row
    return Account(
        id_,
        name,
        created_at,
        bool(administrator),
        bool(disabled),
        decode_limits(*limits),
        public_key,
        json.loads(extras),
        email,
        picture,
    )


def _organization(row: tuple[Any, ...] | None) -> Organization | None:
    if row is None:
        return None
    id_, name, created_at, extras, number, public = row
    return Organization(id_, name, created_at, json.loads(extras), number or 0, bool(public))


def _membership(row: tuple[Any, ...]) -> Membership:
    organization_id, account_id, role = row
    return Membership(organization_id, account_id, Role(role))
