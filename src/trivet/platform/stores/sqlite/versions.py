"""Versions in SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from typing import Any

from trivet.platform.core.endpoints import HandlerKind, Version, VersionState
from trivet.platform.core.errors import Conflict
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import decode_optional, decode_settings, encode, encode_optional, plain

_SQL = statements(
    "versions",
    """
    id, endpoint_id, number, hash, state, created_at, created_by, kind, host, handler, bundle, environment, settings,
    description, input_schema, output_schema, deployment_id, sealed_env, model
    """,
)


class SqliteVersions:
    """A `VersionRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, version: Version) -> None:
        """Raises `Conflict` where the id or the number is taken, or the endpoint is not there."""
        try:
            self._session.execute(_SQL.add, _row(version))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(version)) from None

    def save(self, version: Version) -> None:
        """Nothing happens where it is not there. Raises `Conflict` where the number is taken."""
        try:
            self._session.execute(_SQL.save, (*_row(version), version.id))
        except sqlite3.IntegrityError as error:
            raise refused(error, _sentences(version)) from None

    def get(self, version_id: str) -> Version | None:
        """The version, or None."""
        row = self._session.execute(f"{_SQL.select} WHERE id = ?", (version_id,)).fetchone()
        return None if row is None else _version(row)

    def of_endpoint(self, endpoint_id: str) -> list[Version]:
        """Oldest first."""
        sql = f"{_SQL.select} WHERE endpoint_id = ? ORDER BY created_at, id"
        return [_version(row) for row in self._session.execute(sql, (endpoint_id,))]

    def all(self) -> list[Version]:
        """Oldest first."""
        return [_version(row) for row in self._session.execute(f"{_SQL.select} ORDER BY created_at, id")]


def _sentences(version: Version) -> dict[str, Conflict]:
    return {
        "versions.id": errors.id_taken("version", version.id),
        "versions.number": errors.number_taken(version.number),
        "FOREIGN KEY": errors.missing("endpoint", version.endpoint_id),
    }


def _row(version: Version) -> tuple[Any, ...]:
    return (
        version.id,
        version.endpoint_id,
        version.number,
        version.hash,
        version.state.value,
        version.created_at,
        version.created_by,
        version.kind.value,
        version.host,
        plain(version.handler),
        version.bundle,
        version.environment,
        encode(asdict(version.settings)),
        plain(version.description),
        encode_optional(version.input_schema),
        encode_optional(version.output_schema),
        version.deployment_id,
        version.sealed_env,
        encode_optional(version.model),
    )


def _version(row: tuple[Any, ...]) -> Version:
    (
        id_,
        endpoint_id,
        number,
        hash_,
        state,
        created_at,
        created_by,
        kind,
        host,
        handler,
        bundle,
        environment,
        settings,
        description,
        input_schema,
        output_schema,
        deployment_id,
        sealed_env,
        model,
    ) = row
    return Version(
        id=id_,
        endpoint_id=endpoint_id,
        number=number,
        hash=hash_,
        state=VersionState(state),
        created_at=created_at,
        created_by=created_by,
        kind=HandlerKind(kind),
        host=host,
        handler=handler,
        bundle=bundle,
        environment=environment,
        settings=decode_settings(settings),
        description=description,
        input_schema=decode_optional(input_schema),
        output_schema=decode_optional(output_schema),
        deployment_id=deployment_id,
        sealed_env=sealed_env,
        model=decode_optional(model),
    )
