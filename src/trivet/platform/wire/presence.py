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
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(until_gone(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def until_gone(receive: Receive) -> None:
    """Returns when the caller has left; the body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass
