"""Whether a caller is still there while it waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from trivet.platform.wire.bodies import ClientGone

T = TypeVar("T")


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns. It is cancelled as soon as the caller leaves, and has ended when this returns.

    Args:
        receive: where the caller's leaving shows; the body has been read.
        work: what the caller waits for.

    Raises:
        ClientGone: the caller has left.
    """
    return await Caller(receive).wait_for(work)


class Caller:
    """Who waits for an answer. It may leave before that comes, or in the very moment when it does: then ``has_left``.

    Args:
        receive: where its leaving shows; the body has been read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.has_left = False

    async def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns. It is cancelled as soon as the caller leaves, and has ended when this returns.

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
            leaving.cancel()
            working.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def _leave(self) -> None:
        await until_gone(self._receive)
        self.has_left = True


async def until_gone(receive: Receive) -> None:
    """Returns when the caller has left; the body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
