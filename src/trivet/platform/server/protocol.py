"""Which HTTP protocol the server speaks: the front, where it gets on with the uvicorn that is installed."""

from __future__ import annotations

import asyncio
import functools
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from trivet.platform.server.patience import Patience, Watch
from trivet.platform.wire.answers import answer
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath, HotRoutes

logger = logging.getLogger(__name__)

USUAL_PATIENCE = Patience()
_SENDERS = 4
"""Threads that send files. Each serves a reader for a moment at a time, and slow readers not at all."""
_TURNS = 50
"""Turns of the event loop that a rehearsed answer may take."""
_COLD = b"GET /cold HTTP/1.1\r\nhost: x\r\n\r\n"
_HOT = b"POST /hot HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"
_ANSWER_COLD = b"HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 4\r\n\r\ncold"
_ANSWER_HOT = b"HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 2\r\n\r\nhi"


async def http_protocol(routes: HotRoutes, patience: Patience = USUAL_PATIENCE) -> Any:
    """What uvicorn is to speak HTTP with (``http=`` of its configuration).

    The front is built on parts of uvicorn that are not promised to anybody, so it is tried out first. Where it does not work,
    uvicorn's own protocol takes its place: everything is answered, only slower.

    Args:
        routes: the hot paths.
        patience: how long the rest of a request is waited for.
    """
    try:
        # not at the top: that it can't be imported is one of the answers
        from trivet.platform.server.front import FrontProtocol

        await rehearse(FrontProtocol)
    except Exception as error:  # noqa: BLE001 - whatever a strange uvicorn raises, the way out is the same
        logger.warning(
            "calls are answered the slow way, as this uvicorn (%s) is not known: %r", uvicorn.__version__, error
        )
        return "auto"
    threads = ThreadPoolExecutor(_SENDERS, thread_name_prefix="trivet-sender")  # there are none until there is work
    return functools.partial(FrontProtocol, routes, watch=Watch(patience), threads=threads)


class RehearsalError(Exception):
    """The protocol did not answer as it should."""


async def rehearse(protocol: Any) -> None:
    """Plays a connection with hot and other requests in turn.

    Raises:
        RehearsalError: the answers are not what they have to be.
    """
    wire = _Wire()
    config = uvicorn.Config(_cold, lifespan="off", log_config=None, access_log=False, ws="none")
    connection = protocol(_hot_routes, config, ServerState(), {}, asyncio.get_running_loop())
    connection.connection_made(wire)
    expected = b""
    for sent, answered in (
        (_COLD, _ANSWER_COLD),
        (_HOT, _ANSWER_HOT),
        (_HOT + _HOT + _COLD, _ANSWER_HOT + _ANSWER_HOT + _ANSWER_COLD),
    ):
        connection.data_received(sent)
        expected += answered
        for _ in range(_TURNS):
            if len(wire.sent) >= len(expected):
                break
            await asyncio.sleep(0)
    connection.shutdown()
    connection.connection_lost(None)
    if wire.sent != expected or not wire.closed:
        raise RehearsalError(f"it answered {bytes(wire.sent)!r}")


async def _cold(_: Scope, __: Receive, send: Send) -> None:
    await answer(send, 200, [(b"x", b"1")], b"cold")


def _hot_routes(head: Head) -> HotPath | None:
    return _hot if head.path == "/hot" else None


def _hot(body: bytes, exchange: Exchange) -> None:
    exchange.answer(Answer(200, b"x: 1\r\n", body))


class _Wire(asyncio.Transport):
    """A transport that ends in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """All that will come has come."""

    def resume_reading(self) -> None:
        """The same."""
