"""The process of a worker, however it came to be: spawned by this process, or forked off a warm parent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol


class Life(Protocol):
    """One process, from its start to its end. Its number belongs to nobody else until `bury`."""

    @property
    def pid(self) -> int:
        """Its number, which is that of its process group too."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""

    def signal(self, number: int) -> None:
        """Sends it a signal; nothing happens where it has ended."""

    async def wait(self) -> int | None:
        """Waits for its end. Its status: negative for a signal, None where nobody could see it."""

    def bury(self) -> None:
        """All that it had started is dead: its number may be used again."""


class Spawned:
    """A child of this process.

    Args:
        process: as asyncio gave it.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def is_over(self) -> bool:
        """As `Life.is_over`."""
        return self._process.returncode is not None

    def signal(self, number: int) -> None:
        """As `Life.signal`."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def wait(self) -> int:
        """As `Life.wait`."""
        return await self._process.wait()

    def bury(self) -> None:
        """As `Life.bury`: asyncio gave the number back when it saw the end, and numbers are not used again so soon."""
