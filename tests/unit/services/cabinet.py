"""Hosted data over stores in memory: a town whose people keep files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from tests.unit.services.town import Town, run
from trivet.platform.core.accounts import Principal, Within
from trivet.platform.core.data import Collection, File, ReadAcl
from trivet.platform.core.data_paths import DataPath
from trivet.platform.core.endpoints import Endpoint, Visibility
from trivet.platform.services.files import Files
from trivet.platform.services.sweeper import DROP_GRACE
from trivet.platform.stores.memory import MemoryBlobs

MAX_FILE = 1000


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


class Cabinet(Town):
    """A town with files. ``open_jobs`` are the ids of the jobs that have not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs = MemoryBlobs()
        self.open_jobs: set[str] = set()
        self.files = self.start()

    def start(self) -> Files:
        """The service as a platform that is started has it."""
        return Files(
            store=self.store,
            blobs=self.blobs,
            clock=self.clock,
            entropy=self.entropy,
            is_open=self.open_jobs.__contains__,
            max_file=MAX_FILE,
        )

    def inside(self, caller: Principal, endpoint: Endpoint, job: str = "job_1", root: str = "job_1") -> Principal:
        """A job of an endpoint that ``caller`` has called."""
        self.open_jobs.add(root)
        within = Within(job, root, endpoint.id, endpoint.name, endpoint.owner_id, endpoint.owner_name)
        return replace(caller, within=within)

    def public(self, full_name: str) -> Endpoint:
        """An endpoint of the administrator that everybody may call."""
        endpoint, _ = self.publish(self.admin, full_name)
        public = replace(endpoint, visibility=Visibility.PUBLIC)
        run(self.store.write(lambda tx: tx.endpoints.save(public)))
        return public

    # -- what is asked of the service ---------------------------------------------------------------------------------

    def make(self, principal: Principal, path: str, acl: ReadAcl | None = None) -> Collection:
        return run(self.files.create(principal, DataPath.parse(path), acl))

    def put(
        self,
        principal: Principal,
        path: str,
        data: bytes = b"data",
        *,
        content_type: str | None = None,
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> File:
        return run(
            self.files.write(
                principal,
                DataPath.parse(path),
                pieces(data[:1], data[1:]),
                content_type=content_type,
                if_match=if_match,
                if_none_match=if_none_match,
            )
        )

    def stat(self, principal: Principal, path: str) -> File:
        return run(self.files.stat(principal, DataPath.parse(path)))

    def read(self, principal: Principal, path: str, start: int = 0, end: int | None = None) -> bytes:
        return run(whole(self.files.read(self.stat(principal, path), start, end)))

    def delete(self, principal: Principal, path: str) -> None:
        run(self.files.delete(principal, DataPath.parse(path)))

    def remove(self, principal: Principal, path: str, *, force: bool = False) -> int:
        return run(self.files.remove(principal, DataPath.parse(path), force=force))

    def set_acl(self, principal: Principal, path: str, acl: ReadAcl) -> Collection:
        return run(self.files.change_acl(principal, DataPath.parse(path), acl))

    def names(self, principal: Principal, path: str) -> list[str]:
        """The names at a path, of all pages."""
        found: list[str] = []
        marker: str | None = None
        while True:
            page = run(self.files.list(principal, DataPath.parse(path), marker=marker))
            found.extend([*page.folders, *(file.name for file in page.files)])
            marker = page.marker
            if marker is None:
                return found

    def tick(self, seconds: float = 0.0) -> None:
        """Some time passes, and the service cleans up."""
        self.now += seconds
        run(self.files.tick())

    def settle(self) -> None:
        """All that is to be forgotten now is gone after this."""
        self.tick()
        self.tick(DROP_GRACE + 1)

    def kept(self) -> list[bytes]:
        """All that lies in the blob store."""
        return sorted(self.blobs.blobs.values())
