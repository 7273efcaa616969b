"""Who waits for an answer, and whether it is still there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from trivet.platform.wire.bodies import ClientGone

T = TypeVar("T")


class Caller:
    """Who waits for an answer, and may leave before it comes, or in the very moment when it does (``has_left``).

    Args:
        receive: where its leaving shows; the body has been read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.has_left = False

    async def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives, which is cancelled when the caller leaves.

        Raises:
            ClientGone: the caller has left before there was anything.
        """
        working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self._leave())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise ClientGone
            return working.result()
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.wait((working, leaving))

    async def _leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
