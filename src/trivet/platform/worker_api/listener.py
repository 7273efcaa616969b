"""The listener: where workers of this machine connect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from trivet.platform.services.attempts import Attempts
from trivet.platform.services.workers import Workers
from trivet.platform.worker_api.link import Link


class Listener:
    """A unix socket for workers. Its folder belongs to the platform's user alone.

    Args:
        workers: who is told of them.
        attempts: who is told of what they work on.
        path: where it lies.
        unseal: opens what callers gave aside, for workers that want it.
    """

    def __init__(self, workers: Workers, attempts: Attempts, path: Path, unseal: Callable[[bytes], str]) -> None:
        self._workers = workers
        self._attempts = attempts
        self._unseal = unseal
        self._path = path
        self._links: set[Link] = set()
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        """Begins to listen."""
        self._path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: Link(self._workers, self._attempts, self._links, self._unseal), str(self._path)
        )
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Ends every link and stops listening."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.close()
        self._path.unlink(missing_ok=True)
