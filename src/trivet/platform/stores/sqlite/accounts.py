"""Accounts, organizations and memberships in SQLite."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from trivet.platform.core.accounts import Account, Membership, Organization, Role
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.values import decode_limits, encode, encode_limits, plain

_ADD = """
    INSERT INTO owners (id, kind, name, created_at, administrator, disabled, rate, concurrent, public_key, extras)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAVE_ACCOUNT = """
    UPDATE owners SET name = ?, created_at = ?, administrator = ?, disabled = ?, rate = ?, concurrent = ?,
        public_key = ?, extras = ?
    WHERE id = ? AND kind = 'account'
"""
_ACCOUNT = """
    SELECT id, name, created_at, administrator, disabled, public_key, extras, rate, concurrent FROM owners
    WHERE kind = 'account'
"""
_ORGANIZATION = "SELECT id, name, created_at, extras FROM owners WHERE kind = 'organization'"
_SAVE_ORGANIZATION = "UPDATE owners SET extras = ? WHERE id = ? AND kind = 'organization'"
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
        self._add(account.id, account.name, (account.id, "account", *_row(account)))

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

    def add_organization(self, organization: Organization) -> None:
        """Raises `Conflict` where the name or the id is taken."""
        row = (
            organization.id,
            "organization",
            organization.name,
            organization.created_at,
            False,
            False,
            None,
            None,
            "",
            encode(dict(organization.extras)),
        )
        self._add(organization.id, organization.name, row)

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

    def save_organization(self, organization: Organization) -> None:
        """Takes its extras; nothing happens where it is not there."""
        self._session.execute(_SAVE_ORGANIZATION, (encode(dict(organization.extras)), organization.id))

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

    def _add(self, owner_id: str, name: str, row: tuple[Any, ...]) -> None:
        try:
            self._session.execute(_ADD, row)
        except sqlite3.IntegrityError as error:
            sentences = {"owners.id": errors.id_taken("owner", owner_id), "owners.name": errors.owner_name_taken(name)}
            raise refused(error, sentences) from None


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
    )


def _account(row: tuple[Any, ...] | None) -> Account | None:
    if row is None:
        return None
    id_, name, created_at, administrator, disabled, public_key, extras, *limits = row
    return Account(
        id_,
        name,
        created_at,
        bool(administrator),
        bool(disabled),
        decode_limits(*limits),
        public_key,
        json.loads(extras),
    )


def _organization(row: tuple[Any, ...] | None) -> Organization | None:
    if row is None:
        return None
    id_, name, created_at, extras = row
    return Organization(id_, name, created_at, json.loads(extras))


def _membership(row: tuple[Any, ...]) -> Membership:
    organization_id, account_id, role = row
    return Membership(organization_id, account_id, Role(role))
