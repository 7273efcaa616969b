"""Endpoints in SQLite."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from typing import Any

from trivet.platform.core.aliases import Alias, Share
from trivet.platform.core.endpoints import Endpoint, Overrides, Visibility
from trivet.platform.core.errors import Conflict
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import decode_optional, decode_scaling, encode, encode_optional, plain

_SQL = statements(
    "endpoints",
    """
    id, owner_id, owner_name, name, created_at, updated_at, model_id, visibility, shared_with, scaling, description,
    history, canary, aliases, template_id, overrides, extras
    """,
)
_BY_NAME = "ORDER BY owner_name || '/' || name COLLATE NOCASE"
_REMOVE = "DELETE FROM endpoints WHERE id = ?"


class SqliteEndpoints:
    """An `EndpointRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, endpoint: Endpoint) -> None:
        """Raises `Conflict` saying which of opaque id, integer id and name is taken."""
        try:
            self._session.execute(_SQL.add, _row(endpoint))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(endpoint)) from None

    def save(self, endpoint: Endpoint) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the name or the integer id is taken."""
        try:
            self._session.execute(_SQL.save, (*_row(endpoint), endpoint.id))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(endpoint)) from None

    def get(self, endpoint_id: str) -> Endpoint | None:
        """The endpoint, or None."""
        return self._one("id = ?", endpoint_id)

    def named(self, owner_name: str, name: str) -> Endpoint | None:
        """Whatever the case of the letters."""
        return self._one("owner_name = ? AND name = ?", owner_name, name)

    def model(self, model_id: int) -> Endpoint | None:
        """By its integer id."""
        return self._one("model_id = ?", model_id)

    def of_template(self, template_id: str) -> list[Endpoint]:
        """Those that were made from a template, by full name."""
        sql = f"{_SQL.select} WHERE template_id = ? {_BY_NAME}"
        return [_endpoint(row) for row in self._session.execute(sql, (template_id,))]

    def all(self) -> list[Endpoint]:
        """By full name."""
        return [_endpoint(row) for row in self._session.execute(f"{_SQL.select} {_BY_NAME}")]

    def remove(self, endpoint_id: str) -> None:
        """With its versions. Its jobs stay."""
        self._session.execute(_REMOVE, (endpoint_id,))

    def _one(self, condition: str, *parameters: object) -> Endpoint | None:
        row = self._session.execute(f"{_SQL.select} WHERE {condition}", parameters).fetchone()
        return None if row is None else _endpoint(row)


def _sentences(endpoint: Endpoint) -> dict[str, Conflict]:
    return {
        "endpoints.id": errors.id_taken("endpoint", endpoint.id),
        "endpoints.model_id": errors.model_id_taken(endpoint.model_id),
        "endpoints.name": errors.endpoint_name_taken(endpoint.full_name),
    }


def _row(endpoint: Endpoint) -> tuple[Any, ...]:
    return (
        endpoint.id,
        endpoint.owner_id,
        endpoint.owner_name,
        endpoint.name,
        endpoint.created_at,
        endpoint.updated_at,
        endpoint.model_id,
        endpoint.visibility.value,
        encode(sorted(endpoint.shared_with)),
        encode(asdict(endpoint.scaling)),
        plain(endpoint.description),
        encode(endpoint.history),
        encode_optional(None if endpoint.canary is None else _encoded(endpoint.canary)),
        encode([[alias.name, [_encoded(share) for share in alias.shares]] for alias in endpoint.aliases]),
        endpoint.template_id,
        encode(asdict(endpoint.overrides)),
        encode(dict(endpoint.extras)),
    )


def _encoded(share: Share) -> list[str | int]:
    return [share.version_id, share.weight]


def _endpoint(row: tuple[Any, ...]) -> Endpoint:
    (
        id_,
        owner_id,
        owner_name,
        name,
        created_at,
        updated_at,
        model_id,
        visibility,
        shared_with,
        scaling,
        description,
        history,
        canary,
        aliases,
        template_id,
        overrides,
        extras,
    ) = row
    share = decode_optional(canary)
    return Endpoint(
        id=id_,
        owner_id=owner_id,
        owner_name=owner_name,
        name=name,
        created_at=created_at,
        updated_at=updated_at,
        model_id=model_id,
        visibility=Visibility(visibility),
        shared_with=frozenset(json.loads(shared_with)),
        scaling=decode_scaling(scaling),
        description=description,
        history=tuple(json.loads(history)),
        canary=None if share is None else Share(*share),
        aliases=tuple(
            Alias(alias, tuple(Share(version_id, weight) for version_id, weight in shares))
            for alias, shares in json.loads(aliases)
        ),
        template_id=template_id,
        overrides=_overrides(json.loads(overrides)),
        extras=json.loads(extras),
    )


def _overrides(stored: dict[str, Any]) -> Overrides:
    gpus, left_out = stored.get("gpus", ()), stored.get("gpus_left_out", ())
    return Overrides(stored.get("timeout"), tuple(gpus), tuple(left_out))
