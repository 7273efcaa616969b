"""Which HTTP protocol the server speaks: the front, where it gets on with the uvicorn that is installed."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from pathlib import Path
from typing import Any, BinaryIO, Self

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from trivet.platform.server.patience import Patience, Watch
from trivet.platform.server.sendfile import Senders
from trivet.platform.server.traffic import Traffic
from trivet.platform.wire.answers import answer
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath, HotRoutes
from trivet.platform.wire.transfers import ZERO_COPY

logger = logging.getLogger(__name__)

USUAL_PATIENCE = Patience()
_SENDERS = 4
"""Threads that send files. Each serves a reader for a moment at a time, and slow readers not at all."""
_TURNS = 50
"""Turns of the event loop that a rehearsed answer may take."""
_TURNS_OF_FILE = 5000
"""The same where a thread sends a file, in milliseconds."""
_COLD = b"GET /cold HTTP/1.1\r\nhost: x\r\n\r\n"
_HOT = b"POST /hot HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"
_FILE = b"GET /file HTTP/1.1\r\nhost: x\r\n\r\n"
_ANSWER_COLD = b"HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 4\r\n\r\ncold"
_ANSWER_HOT = b"HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 2\r\n\r\nhi"
_ANSWER_FILE = _ANSWER_COLD.removesuffix(b"cold")


async def http_protocol(routes: HotRoutes, patience: Patience = USUAL_PATIENCE, traffic: Traffic | None = None) -> Any:
    """What uvicorn is to speak HTTP with (``http=`` of its configuration).

    The front is built on parts of uvicorn that are not promised to anybody, so it is tried out first. Where it does not work,
    uvicorn's own protocol takes its place: everything is answered, only slower.

    Args:
        routes: the hot paths.
        patience: how long the rest of a request is waited for.
        traffic: counts the answers of the hot paths.
    """
    try:
        # not at the top: that it can't be imported is one of the answers
        from trivet.platform.server.front import FrontProtocol

        threads = Senders(_SENDERS)
        await rehearse(functools.partial(FrontProtocol, threads=threads))
    except Exception as error:  # noqa: BLE001 - whatever a strange uvicorn raises, the way out is the same
        logger.warning(
            "calls are answered the slow way, as this uvicorn (%s) is not known: %r", uvicorn.__version__, error
        )
        return "auto"
    return functools.partial(FrontProtocol, routes, watch=Watch(patience), threads=threads, traffic=traffic)


class RehearsalError(Exception):
    """The protocol did not answer as it should."""


async def rehearse(protocol: Any) -> None:
    """Plays a connection with hot requests, others and a file in turn.

    Raises:
        RehearsalError: the answers are not what they have to be.
    """
    config = uvicorn.Config(_cold, lifespan="off", log_config=None, access_log=False, ws="none")
    connection = protocol(_hot_routes, config, ServerState(), {}, asyncio.get_running_loop())
    whole_file = _ANSWER_FILE + _beginning()
    expected = b""
    with _Wire() as wire:
        connection.connection_made(wire)
        for sent, answered in (
            (_COLD, _ANSWER_COLD),
            (_HOT, _ANSWER_HOT),
            (_FILE, whole_file),
            (_HOT + _HOT + _FILE + _COLD, _ANSWER_HOT + _ANSWER_HOT + whole_file + _ANSWER_COLD),
        ):
            connection.data_received(sent)
            expected += answered
            has_file = _FILE in sent
            for _ in range(_TURNS_OF_FILE if has_file else _TURNS):
                if len(wire.sent()) >= len(expected) or wire.closed:
                    break
                await asyncio.sleep(0.001 if has_file else 0)
            if wire.sent() != expected:
                break
        connection.shutdown()
        connection.connection_lost(None)
        if wire.sent() != expected or not wire.closed:
            raise RehearsalError(f"it answered {wire.sent()!r}")


async def _cold(scope: Scope, _: Receive, send: Send) -> None:
    headers = [(b"x", b"1")]
    if scope["path"] != "/file" or ZERO_COPY not in scope.get("extensions", ()):
        await answer(send, 200, headers, _beginning() if scope["path"] == "/file" else b"cold")
        return
    with _some_file() as file:
        await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"content-length", b"4")]})
        await send({"type": ZERO_COPY, "file": file, "offset": 0, "count": 4})


def _beginning() -> bytes:
    with _some_file() as file:
        return file.read(4)


def _some_file() -> BinaryIO:
    return Path(__file__).open("rb")


def _hot_routes(head: Head) -> HotPath | None:
    return _hot if head.path == "/hot" else None


def _hot(body: bytes, exchange: Exchange) -> None:
    exchange.answer(Answer(200, b"x: 1\r\n", body))


class _Wire(asyncio.Transport):
    """A transport whose other end is in our hands."""

    def __init__(self) -> None:
        super().__init__()
        self._near, self._far = socket.socketpair()
        self._far.setblocking(False)
        self._sent = b""
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._near.close()
        self._far.close()

    def sent(self) -> bytes:
        """All that has come through."""
        with contextlib.suppress(BlockingIOError):
            while more := self._far.recv(4096):
                self._sent += more
        return self._sent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._near if name == "socket" else default

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self._near.sendall(data)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """All that will come has come."""

    def resume_reading(self) -> None:
        """The same."""
