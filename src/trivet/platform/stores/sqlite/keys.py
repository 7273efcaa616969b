"""API keys in SQLite."""

from __future__ import annotations

import sqlite3
from typing import Any

from trivet.platform.core.accounts import Scope
from trivet.platform.core.errors import Conflict
from trivet.platform.core.keys import ApiKey
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import decode_limits, encode_limits, plain, words

_SQL = statements(
    "api_keys",
    """
    id, account_id, label, scopes, secret_hash, created_at, expires_at, last_used_at, revoked_at, previous_hash,
    previous_until, rate, concurrent, disabled
    """,
)
_TOUCH = "UPDATE api_keys SET last_used_at = ? WHERE id = ?"


class SqliteKeys:
    """A `KeyRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: ApiKey) -> None:
        """Raises `Conflict` where the id is taken or the account is not there."""
        try:
            self._session.execute(_SQL.add, _row(key))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(key)) from None

    def save(self, key: ApiKey) -> None:
        """Nothing happens where it is not there."""
        try:
            self._session.execute(_SQL.save, (*_row(key), key.id))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(key)) from None

    def get(self, key_id: str) -> ApiKey | None:
        """The key, or None."""
        row = self._session.execute(f"{_SQL.select} WHERE id = ?", (key_id,)).fetchone()
        return None if row is None else _key(row)

    def of_account(self, account_id: str) -> list[ApiKey]:
        """Oldest first."""
        sql = f"{_SQL.select} WHERE account_id = ? ORDER BY created_at, id"
        return [_key(row) for row in self._session.execute(sql, (account_id,))]

    def all(self) -> list[ApiKey]:
        """Oldest first."""
        return [_key(row) for row in self._session.execute(f"{_SQL.select} ORDER BY created_at, id")]

    def touch(self, key_id: str, at: float) -> None:
        """Notes when the key was last used; nothing happens where it is not there."""
        self._session.execute(_TOUCH, (at, key_id))


def _sentences(key: ApiKey) -> dict[str, Conflict]:
    return {
        "api_keys.id": errors.id_taken("key", key.id),
        "FOREIGN KEY": errors.missing("account", key.account_id),
    }


def _row(key: ApiKey) -> tuple[Any, ...]:
    return (
        key.id,
        key.account_id,
        plain(key.label),
        words(key.scopes),
        key.secret_hash,
        key.created_at,
        key.expires_at,
        key.last_used_at,
        key.revoked_at,
        key.previous_hash,
        key.previous_until,
        *encode_limits(key.limits),
        key.disabled,
    )


def _key(row: tuple[Any, ...]) -> ApiKey:
    *fields, rate, concurrent, disabled = row
    id_, account_id, label, scopes, *rest = fields
    values: list[Any] = [*rest, decode_limits(rate, concurrent), bool(disabled)]
    return ApiKey(id_, account_id, label, frozenset(Scope(scope) for scope in scopes.split()), *values)
