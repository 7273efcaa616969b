"""Hosted data in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import encode, plain

_COLLECTIONS = statements("collections", "id, owner_id, owner_name, name, space, acl, created_at, updated_at")
_FILES = statements(
    "files", "collection_id, name, size, md5, sha256, content_type, blob, created_at, modified_at, expires_at"
)
_OF_OWNER = f"""
    {_COLLECTIONS.select} WHERE owner_id = ? AND space = 'hosted' AND name > ? AND acl IN (SELECT value FROM json_each(?))
    ORDER BY name LIMIT ?
"""  # noqa: S608 - columns and table are ours
_SET_ASIDE = "UPDATE collections SET owner_id = '', name = id WHERE id = ?"
_LOST = f"""
    {_COLLECTIONS.select} WHERE owner_id NOT IN (SELECT id FROM owners)
        OR (space IN ('temp', 'perm') AND name NOT IN (SELECT id FROM endpoints))
    LIMIT ?
"""  # noqa: S608 - columns and table are ours
_REMOVE = "DELETE FROM collections WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM files WHERE collection_id = ?1)"
_PUT_FILE = f"""
    {_FILES.add} ON CONFLICT (collection_id, name) DO UPDATE SET size = excluded.size, md5 = excluded.md5,
        sha256 = excluded.sha256, content_type = excluded.content_type, blob = excluded.blob,
        created_at = excluded.created_at, modified_at = excluded.modified_at, expires_at = excluded.expires_at
"""
_OF_COLLECTION = f"{_FILES.select} WHERE collection_id = ? AND name > ? ORDER BY name LIMIT ?"
_EXPIRED = f"{_FILES.select} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?"
_DROP = """
    INSERT INTO dropped_blobs (blob, at) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM files WHERE blob = ?1)
    ON CONFLICT DO NOTHING
"""
_DROPPED = "SELECT blob FROM dropped_blobs WHERE at <= ? ORDER BY at, blob LIMIT ?"


class SqliteData:
    """A `DataRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, collection: Collection) -> None:
        """Raises `Conflict` where there is one of that name."""
        try:
            self._session.execute(_COLLECTIONS.add, _collection_row(collection))
        except sqlite3.IntegrityError as error:
            raise refused(error, {".name": errors.title_taken("collection", collection.name)}) from None

    def save(self, collection: Collection) -> None:
        """Takes its ACL and its time of change; nothing happens where it is not there."""
        sql = "UPDATE collections SET acl = ?, updated_at = ? WHERE id = ?"
        self._session.execute(sql, (collection.acl.value, collection.updated_at, collection.id))

    def get(self, space: Space, owner_id: str, name: str) -> Collection | None:
        """The collection, or None."""
        sql = f"{_COLLECTIONS.select} WHERE owner_id = ? AND space = ? AND name = ?"
        row = self._session.execute(sql, (owner_id, space.value, name)).fetchone()
        return None if row is None else _collection(row)

    def of_owner(
        self, owner_id: str, acls: AbstractSet[ReadAcl], *, after: str = "", limit: int = 1000
    ) -> list[Collection]:
        """An owner's hosted collections with one of ``acls``, by name, those behind the name ``after``."""
        wanted = encode([acl.value for acl in acls])
        return [_collection(row) for row in self._session.execute(_OF_OWNER, (owner_id, after, wanted, limit))]

    def sessions(self) -> list[Collection]:
        """All collections of the space `Space.SESSION`, in no order."""
        sql = f"{_COLLECTIONS.select} WHERE space = 'session' AND owner_id <> ''"
        return [_collection(row) for row in self._session.execute(sql)]

    def set_aside(self, collection_id: str) -> int:
        """Takes a collection away from its owner, so that nobody finds it; returns how many files it has."""
        self._session.execute(_SET_ASIDE, (collection_id,))
        counted = self._session.execute("SELECT count(*) FROM files WHERE collection_id = ?", (collection_id,))
        count: int = counted.fetchone()[0]
        return count

    def lost(self, limit: int) -> list[Collection]:
        """Collections that nobody can find any more: set aside, or of an owner or an endpoint that is not there."""
        return [_collection(row) for row in self._session.execute(_LOST, (limit,))]

    def remove(self, collection_id: str) -> None:
        """Removes a collection that has no files; nothing happens where it has some."""
        self._session.execute(_REMOVE, (collection_id,))

    def put_file(self, file: File) -> None:
        """Adds the file, or takes the place of the one of its name. Raises `Conflict` where there is no such collection."""
        try:
            self._session.execute(_PUT_FILE, _file_row(file))
        except sqlite3.IntegrityError as error:
            raise refused(error, {"FOREIGN KEY": errors.missing("collection", file.collection_id)}) from None

    def file(self, collection_id: str, name: str) -> File | None:
        """The file, or None."""
        sql = f"{_FILES.select} WHERE collection_id = ? AND name = ?"
        row = self._session.execute(sql, (collection_id, name)).fetchone()
        return None if row is None else File(*row)

    def files(self, collection_id: str, *, after: str = "", limit: int = 1000) -> list[File]:
        """By name, those behind the name ``after``."""
        return [File(*row) for row in self._session.execute(_OF_COLLECTION, (collection_id, after, limit))]

    def remove_file(self, collection_id: str, name: str) -> bool:
        """Whether there was one."""
        sql = "DELETE FROM files WHERE collection_id = ? AND name = ?"
        return self._session.execute(sql, (collection_id, name)).rowcount > 0

    def expired(self, now: float, limit: int) -> list[File]:
        """Files that are to be forgotten by ``now``, longest overdue first."""
        return [File(*row) for row in self._session.execute(_EXPIRED, (now, limit))]

    def blobs(self) -> set[str]:
        """The names of all blobs that files refer to."""
        return {blob for (blob,) in self._session.execute("SELECT blob FROM files")}

    def drop_blobs(self, blobs: Iterable[str], at: float) -> None:
        """Notes that blobs are to be deleted; those that a file refers to are left out."""
        for blob in blobs:
            self._session.execute(_DROP, (blob, at))

    def dropped_blobs(self, before: float, limit: int) -> list[str]:
        """Those noted by the moment ``before``, oldest first."""
        return [blob for (blob,) in self._session.execute(_DROPPED, (before, limit))]

    def forget_dropped(self, blobs: Iterable[str]) -> None:
        """They are deleted."""
        for blob in blobs:
            self._session.execute("DELETE FROM dropped_blobs WHERE blob = ?", (blob,))


def _collection_row(collection: Collection) -> tuple[Any, ...]:
    return (
        collection.id,
        collection.owner_id,
        collection.owner_name,
        collection.name,
        collection.space.value,
        collection.acl.value,
        collection.created_at,
        collection.updated_at,
    )


def _collection(row: tuple[Any, ...]) -> Collection:
    id_, owner_id, owner_name, name, space, acl, created_at, updated_at = row
    return Collection(id_, owner_id, owner_name, name, Space(space), ReadAcl(acl), created_at, updated_at)


def _file_row(file: File) -> tuple[Any, ...]:
    return (
        file.collection_id,
        file.name,
        file.size,
        file.md5,
        file.sha256,
        None if file.content_type is None else plain(file.content_type),
        file.blob,
        file.created_at,
        file.modified_at,
        file.expires_at,
    )
