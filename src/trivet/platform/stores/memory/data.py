"""Hosted data in memory."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from operator import attrgetter

from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import Space
from trivet.platform.stores import errors
from trivet.platform.stores.memory.accounts import MemoryAccounts
from trivet.platform.stores.memory.endpoints import MemoryEndpoints
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryData:
    """A `DataRepository`. A collection is lost when its owner or its endpoint is."""

    def __init__(self, journal: Journal, accounts: MemoryAccounts, endpoints: MemoryEndpoints) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._collections: Table[str, Collection] = Table(journal)
        self._files: Table[tuple[str, str], File] = Table(journal)
        self._dropped: Table[str, tuple[float, str]] = Table(journal)
        self._names: Table[tuple[str, Space, str], str] = Table(journal)

    def add(self, collection: Collection) -> None:
        """Raises `Conflict` where there is one of that name."""
        if _key(collection) in self._names:
            raise errors.title_taken("collection", collection.name)
        self._put(collection)

    def save(self, collection: Collection) -> None:
        """Takes its ACL and its time of change; nothing happens where it is not there."""
        known = self._collections.get(collection.id)
        if known is not None:
            self._collections.put(known.id, replace(known, acl=collection.acl, updated_at=collection.updated_at))

    def get(self, space: Space, owner_id: str, name: str) -> Collection | None:
        """The collection, or None."""
        collection_id = self._names.get((owner_id, space, name))
        return None if collection_id is None else self._collections.get(collection_id)

    def of_owner(
        self, owner_id: str, acls: AbstractSet[ReadAcl], *, after: str = "", limit: int = 1000
    ) -> list[Collection]:
        """An owner's hosted collections with one of ``acls``, by name, those behind the name ``after``."""
        found = (
            each
            for each in self._collections
            if (each.owner_id, each.space) == (owner_id, Space.HOSTED) and each.acl in acls and each.name > after
        )
        return sorted(found, key=attrgetter("name"))[:limit]

    def sessions(self) -> list[Collection]:
        """All collections of the space `Space.SESSION`, in no order."""
        return [each for each in self._collections if each.space is Space.SESSION and each.owner_id]

    def set_aside(self, collection_id: str) -> int:
        """Takes a collection away from its owner, so that nobody finds it; returns how many files it has."""
        known = self._collections.get(collection_id)
        if known is not None:
            self._names.remove(_key(known))
            self._put(replace(known, owner_id="", name=known.id))
        return sum(file.collection_id == collection_id for file in self._files)

    def lost(self, limit: int) -> list[Collection]:
        """Collections that nobody can find any more: set aside, or of an owner or an endpoint that is not there."""
        return [each for each in self._collections if self._is_lost(each)][:limit]

    def _is_lost(self, collection: Collection) -> bool:
        if collection.space in (Space.TEMP, Space.PERM) and self._endpoints.get(collection.name) is None:
            return True
        owner_id = collection.owner_id
        return self._accounts.get(owner_id) is None and self._accounts.organization(owner_id) is None

    def remove(self, collection_id: str) -> None:
        """Removes a collection that has no files; nothing happens where it has some."""
        known = self._collections.get(collection_id)
        if known is not None and not self.files(collection_id, limit=1):
            self._names.remove(_key(known))
            self._collections.remove(collection_id)

    def put_file(self, file: File) -> None:
        """Adds the file, or takes the place of the one of its name. Raises `Conflict` where there is no such collection."""
        if file.collection_id not in self._collections:
            raise errors.missing("collection", file.collection_id)
        self._files.put((file.collection_id, file.name), file)

    def file(self, collection_id: str, name: str) -> File | None:
        """The file, or None."""
        return self._files.get((collection_id, name))

    def files(self, collection_id: str, *, after: str = "", limit: int = 1000) -> list[File]:
        """By name, those behind the name ``after``."""
        found = (file for file in self._files if file.collection_id == collection_id and file.name > after)
        return sorted(found, key=attrgetter("name"))[:limit]

    def remove_file(self, collection_id: str, name: str) -> bool:
        """Whether there was one."""
        return self._files.remove((collection_id, name))

    def expired(self, now: float, limit: int) -> list[File]:
        """Files that are to be forgotten by ``now``, longest overdue first."""
        found = [(file.expires_at, file) for file in self._files if file.expires_at is not None]
        due = sorted((pair for pair in found if pair[0] <= now), key=lambda pair: pair[0])
        return [file for _, file in due[:limit]]

    def blobs(self) -> set[str]:
        """The names of all blobs that files refer to."""
        return {file.blob for file in self._files}

    def drop_blobs(self, blobs: Iterable[str], at: float) -> None:
        """Notes that blobs are to be deleted; those that a file refers to are left out."""
        used = self.blobs()
        for blob in blobs:
            if blob not in used and blob not in self._dropped:
                self._dropped.put(blob, (at, blob))

    def dropped_blobs(self, before: float, limit: int) -> list[str]:
        """Those noted by the moment ``before``, oldest first."""
        return [blob for at, blob in sorted(self._dropped)[:limit] if at <= before]

    def forget_dropped(self, blobs: Iterable[str]) -> None:
        """They are deleted."""
        for blob in blobs:
            self._dropped.remove(blob)

    def _put(self, collection: Collection) -> None:
        self._collections.put(collection.id, collection)
        self._names.put(_key(collection), collection.id)


def _key(collection: Collection) -> tuple[str, Space, str]:
    return collection.owner_id, collection.space, collection.name
