"""Files: hosted data, from making a collection to forgetting what has had its time.

A file's bytes are a blob of its own. The blob is stored first, and the row that names it is written in one transaction: whoever
looks finds the old file or the new one, whole. What a row lets go of is noted in that same transaction, and deleted some seconds
later by the `Sweeper`, for those who have just looked the file up and are about to open it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import BinaryIO

from trivet.platform.core import ids
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.data import (
    TEMP_LIFE,
    Collection,
    File,
    Listing,
    ReadAcl,
    Wish,
    check_conditions,
    marker_after,
    may_manage,
    name_before,
    readable,
)
from trivet.platform.core.data_paths import DataPath, Space
from trivet.platform.core.errors import BadRequest, Conflict, CoreError, Forbidden, NotFound, TooLarge
from trivet.platform.ports.blobs import BlobStore, StoredBlob
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import shelves
from trivet.platform.services.access import require
from trivet.platform.services.owners import organizations_of, with_roles
from trivet.platform.services.sweeper import Sweeper

MAX_FILE = 5 * 2**30
"""Bytes of a file, at most, where the operator has not said otherwise."""
MAX_PAGE = 1000
"""Entries on a page of a listing, at most."""
_ID_BYTES = 8


class Files:
    """The use cases around hosted data.

    Every method takes the `Principal` first, and raises `NotFound` or `Forbidden` by the one rule of access to hosted data (see
    `core.data.refusal`); all of them take the scope ``data``.

    Args:
        store: where collections and files are listed.
        blobs: where their bytes lie.
        clock: the time of day.
        entropy: gives ids.
        is_open: whether a job has not ended yet, by its id: what its session holds is kept as long.
        max_file: the largest file, in bytes.
    """

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        clock: Clock,
        entropy: Entropy,
        is_open: Callable[[str], bool],
        max_file: int = MAX_FILE,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._entropy = entropy
        self._max_file = max_file
        self._is_open = is_open
        self._sweeper = Sweeper(store, blobs, clock, is_open)
        self._sessions: set[str] = set()

    @property
    def max_file(self) -> int:
        """The largest file, in bytes."""
        return self._max_file

    # -- collections --------------------------------------------------------------------------------------------------

    async def create(self, principal: Principal, path: DataPath, acl: ReadAcl | None = None) -> Collection:
        """Makes a collection for an owner whom the principal manages.

        Args:
            principal: who asks.
            path: of the collection.
            acl: who may read it; None: its owner's endpoints too (`ReadAcl.OWNERS_ENDPOINTS`).

        Raises:
            BadRequest: the path names no collection that can be made.
            Conflict: it exists.
        """
        if path.kind is not Space.HOSTED or path.collection is None or path.file is not None:
            raise BadRequest(
                f"{path.text} is not the path of a collection that can be made.",
                hint="Write data://.my/COLLECTION; what lies under .session and .algo is there by itself.",
            )
        name, now = path.collection, self._clock()
        fresh_id = self._id("col", now)

        def unit(tx: Transaction) -> Collection:
            current = with_roles(tx, principal)
            owner = shelves.owner_of(tx, current, path)
            known = shelves.is_known(tx, current, owner)
            if owner is None or not known:
                raise NotFound.of("owner", path.parent.text)
            require(current, Scope.DATA)
            if not may_manage(current, owner.id):
                raise Forbidden(
                    f"Only {owner.name!r}, or an owner or admin of that organization, may make collections there.",
                    hint="Make one of your own: data://.my/…",
                )
            if tx.data.get(Space.HOSTED, owner.id, name) is not None:
                raise Conflict(f"There is a collection {path.text} already.", hint="Choose another name, or use it.")
            made = Collection(
                fresh_id, owner.id, owner.name, name, Space.HOSTED, acl or ReadAcl.OWNERS_ENDPOINTS, now, now
            )
            tx.data.add(made)
            return made

        return await self._store.write(unit)

    async def change_acl(self, principal: Principal, path: DataPath, acl: ReadAcl) -> Collection:
        """Says anew who may read a collection. For its owner, or owners and admins of the organization.

        Raises:
            BadRequest: it is no collection that people made: those of endpoints and sessions are their caller's alone.
        """
        if path.kind is not Space.HOSTED:
            raise BadRequest(f"Who may read {path.text} can't be changed: only the account that calls may.")
        now = self._clock()

        def unit(tx: Transaction) -> Collection:
            changed = replace(shelves.find(tx, principal, path, Wish.MANAGE), acl=acl, updated_at=now)
            tx.data.save(changed)
            return changed

        return await self._store.write(unit)

    async def collection(self, principal: Principal, path: DataPath) -> Collection:
        """A collection that the principal may read. What lies under ``.session`` and ``.algo`` is always there."""
        return await self._store.read(lambda tx: shelves.find(tx, principal, path, Wish.READ))

    async def list(
        self, principal: Principal, path: DataPath, *, marker: str | None = None, limit: int = MAX_PAGE
    ) -> Listing:
        """What lies at a path: at the root one's account and then one's organizations, all on one page; an owner's collections,
        as far as the principal may read them; a collection's files.

        Args:
            principal: who asks.
            path: of the root, an owner or a collection.
            marker: `Listing.marker` of the page before.
            limit: how many entries at most, from 1 to 1000.

        Raises:
            BadRequest: the path is a file's, the marker is none, or the limit is out of range.
        """
        after = name_before(marker)
        if not 1 <= limit <= MAX_PAGE:
            raise BadRequest(f"A page can't have {limit} entries.", hint=f"Ask for 1 to {MAX_PAGE}.")
        if path.file is not None:
            raise BadRequest(f"{path.text} is a file, and has no listing.")

        def unit(tx: Transaction) -> Listing:
            if path.is_collection:
                found = shelves.find(tx, principal, path, Wish.READ)
                files = tx.data.files(found.id, after=after, limit=limit + 1)
                more = marker_after(files[limit - 1].name) if len(files) > limit else None
                return Listing(files=tuple(files[:limit]), collection=found, marker=more)
            require(principal, Scope.DATA)
            if path.owner is None:
                names = (organization.name for organization, _ in organizations_of(tx, principal.account_id))
                return Listing(owners=(principal.account_name, *names))
            current = with_roles(tx, principal)
            owner = shelves.owner_of(tx, current, path)
            if owner is None or not shelves.is_known(tx, current, owner):
                raise NotFound.of("owner", path.text)
            acls = readable(current, owner.id, shelves.circle_of(tx, owner.id))
            collections = tx.data.of_owner(owner.id, acls, after=after, limit=limit + 1)
            more = marker_after(collections[limit - 1].name) if len(collections) > limit else None
            return Listing(collections=tuple(collections[:limit]), marker=more)

        return await self._store.read(unit)

    async def remove(self, principal: Principal, path: DataPath, *, force: bool = False) -> int:
        """Removes a collection; what lies under ``.session`` and ``.algo`` is emptied. Nobody finds it from that moment on, and
        the bytes go some at a time.

        Args:
            principal: who asks; for its owner, or owners and admins of the organization.
            path: of the collection.
            force: with its files.

        Returns:
            The number of files that were in it.

        Raises:
            Conflict: it has files and ``force`` is not set.
        """

        def unit(tx: Transaction) -> tuple[Collection, int]:
            found = shelves.find(tx, principal, path, Wish.MANAGE)
            if not force and tx.data.files(found.id, limit=1):
                raise Conflict(
                    f"The collection {path.text} has files in it.",
                    hint="Delete them first, or say that they go with it.",
                )
            return found, tx.data.set_aside(found.id)

        found, count = await self._store.write(unit)
        self._sweeper.clear_soon(found.id)
        return count

    # -- files --------------------------------------------------------------------------------------------------------

    async def stat(self, principal: Principal, path: DataPath) -> File:
        """A file that the principal may read.

        Raises:
            BadRequest: the path is not a file's.
        """
        name = _file_name(path)
        return await self._store.read(lambda tx: shelves.find_file(tx, principal, path, name))

    async def write(
        self,
        principal: Principal,
        path: DataPath,
        chunks: AsyncIterator[bytes],
        *,
        content_type: str | None,
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> File:
        """Stores a file, or puts another in its place. Until all of it is on disk the one before stays as it is; of several who
        write at the same time the last one to end wins whole.

        Args:
            principal: who asks.
            path: of the file; its collection has to be there.
            chunks: its bytes. Nothing is taken from it where the write is refused from the outset.
            content_type: what they are, where that is known.
            if_match: the `File.etag` of what is to be replaced, or ``*`` for any.
            if_none_match: only where there is no such file yet.

        Raises:
            BadRequest: the path is not a file's.
            PreconditionFailed: a condition does not hold, at the outset or at the end.
            TooLarge: more bytes came than a file may have.
            StorageFull: nothing is kept.
        """
        name = _file_name(path)

        def check(tx: Transaction) -> Collection:
            found = shelves.find(tx, principal, path.parent, Wish.WRITE)
            before = tx.data.file(found.id, name)
            check_conditions(before, if_match=if_match, if_none_match=if_none_match, reference=path.text)
            return found

        await self._store.read(check)
        stored = await self._receive(path, chunks)
        now = self._clock()
        fresh_id = self._id("col", now)

        def unit(tx: Transaction) -> File:
            # all of it once more: an upload may last for hours
            found = check(tx)
            if not found.id:
                found = replace(found, id=fresh_id)
                tx.data.add(found)
            before = tx.data.file(found.id, name)
            file = File(
                collection_id=found.id,
                name=name,
                size=stored.size,
                md5=stored.md5,
                sha256=stored.sha256,
                content_type=content_type,
                blob=stored.name,
                created_at=now if before is None else before.created_at,
                modified_at=now,
                expires_at=now + TEMP_LIFE if found.space is Space.TEMP else None,
            )
            tx.data.put_file(file)
            if before is not None:
                tx.data.drop_blobs([before.blob], now)
            return file

        if path.kind is Space.SESSION and principal.within is not None:
            self._sessions.add(principal.within.root_id)
        try:
            return await self._store.write(unit)
        except CoreError:
            await self._blobs.delete(stored.name)
            raise
        except BaseException:
            # The caller has gone away, and nobody knows whether the unit is applied. What comes after it does.
            self._store.write_behind(lambda tx: tx.data.drop_blobs([stored.name], now))
            raise

    def read(self, file: File, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """A file's bytes from ``start`` up to but without ``end`` (None: all of them), in pieces.

        The file is opened before the first piece comes, and is read as `stat` has found it, also where it is replaced or deleted
        meanwhile; for that, begin within a few seconds.

        Raises:
            NotFound: it was replaced or deleted too long ago.
            Unavailable: it can't be read, with the reason.
        """
        return self._blobs.stream(file.blob, start, end)

    async def open(self, file: File) -> BinaryIO | None:
        """A file's bytes as an open file of this machine, as `stat` has found it; None where there is none, and only `read` gives
        them. Whoever asks closes it.

        Raises:
            NotFound: it was replaced or deleted too long ago.
            Unavailable: it can't be read, with the reason.
        """
        return await self._blobs.open(file.blob)

    async def delete(self, principal: Principal, path: DataPath) -> None:
        """Deletes a file. Who reads it just now reads it to its end.

        Raises:
            BadRequest: the path is not a file's.
        """
        name = _file_name(path)
        now = self._clock()

        def unit(tx: Transaction) -> None:
            file = shelves.find_file(tx, principal, path, name, Wish.DELETE)
            tx.data.remove_file(file.collection_id, name)
            tx.data.drop_blobs([file.blob], now)

        await self._store.write(unit)

    # -- what has had its time ----------------------------------------------------------------------------------------

    def has_session(self, root_id: str) -> bool:
        """Whether jobs of a tree have written to its session since this platform was started; costs next to nothing."""
        return root_id in self._sessions

    async def end_session(self, root_id: str) -> None:
        """The job at the top of a tree has ended: what its session held is gone from now on."""
        self._sessions.discard(root_id)
        await self._sweeper.end_session(root_id)

    async def tick(self) -> None:
        """Forgets what has had its time, some at a time: expired files, sessions whose job has ended, collections whose owner or
        endpoint is gone, and blobs that no file refers to any more.
        """
        await self._sweeper.tick()
        self._sessions.difference_update([root for root in self._sessions if not self._is_open(root)])

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _receive(self, path: DataPath, chunks: AsyncIterator[bytes]) -> StoredBlob:
        try:
            return await self._blobs.put_stream(chunks, self._max_file)
        except TooLarge as error:
            if error.limit != self._max_file:  # whoever brings the bytes has a limit of its own
                raise
            raise TooLarge(
                f"{path.text} has more than {self._max_file} bytes, the most that a file may have here.",
                limit=self._max_file,
                hint="Write it in parts, or ask whoever runs this platform (TRIVET_MAX_FILE).",
            ) from None

    def _id(self, prefix: str, now: float) -> str:
        return ids.make(prefix, now, self._entropy(_ID_BYTES))


def _file_name(path: DataPath) -> str:
    if path.file is None:
        raise BadRequest(f"{path.text} is not the path of a file.", hint="Write data://OWNER/COLLECTION/FILE.")
    return path.file
