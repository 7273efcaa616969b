"""The floor: a bare ASGI application and one worker process behind a unix socket, with length-prefixed frames.

No keys, no records, no schema, no routes: what is left when everything that a platform adds is taken away. Each call is
answered with its own body. On the path ``/stream`` the worker answers with `PIECES` frames, and each is sent on as it comes.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

PIECES = 20
MARKER = b"data: "
_HEAD = struct.Struct(">IQ")
_STREAMED = 1 << 63
"""The bit of a frame's number that asks for a stream, and stands in every frame of one but its last."""


def work(path: str) -> None:
    """The worker: answers each frame with its own body, or with pieces, each written when it is made."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        held = b""
        while data := link.recv(1 << 18):
            held += data
            out, start = [], 0
            while len(held) - start >= _HEAD.size:
                size, number = _HEAD.unpack_from(held, start)
                end = start + _HEAD.size + size
                if len(held) < end:
                    break
                if number & _STREAMED:
                    _stream(link, number)
                else:
                    out.append(held[start:end])
                start = end
            held = held[start:]
            if out:
                link.sendall(b"".join(out))


def _stream(link: socket.socket, number: int) -> None:
    for index in range(PIECES):
        piece = b"%d" % index
        link.sendall(_HEAD.pack(len(piece), number) + piece)
    link.sendall(_HEAD.pack(0, number & ~_STREAMED))


class Link(asyncio.Protocol):
    """The server's end of the worker's socket."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[bytes]] = {}
        self.streams: dict[int, asyncio.Queue[bytes]] = {}
        self.held = b""
        self.number = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # no subclass of it under uvloop, but one in all it does

    def data_received(self, data: bytes) -> None:
        held, start = self.held + data, 0
        while len(held) - start >= _HEAD.size:
            size, number = _HEAD.unpack_from(held, start)
            end = start + _HEAD.size + size
            if len(held) < end:
                break
            body = held[start + _HEAD.size : end]
            if number in self.waiting:
                self.waiting.pop(number).set_result(body)
            else:
                self.streams[number & ~_STREAMED].put_nowait(body)
            start = end
        self.held = held[start:]

    async def stream(self) -> AsyncIterator[bytes]:
        """The pieces of one streamed call, as they come."""
        self.number += 1
        number, pieces = self.number, asyncio.Queue[bytes]()
        self.streams[number] = pieces
        assert self.transport is not None
        self.transport.write(_HEAD.pack(0, number | _STREAMED))
        while piece := await pieces.get():
            yield piece
        del self.streams[number]

    def call(self, body: bytes) -> asyncio.Future[bytes]:
        """One call, to be awaited."""
        self.number += 1
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.waiting[self.number] = future
        assert self.transport is not None
        self.transport.write(_HEAD.pack(len(body), self.number) + body)
        return future


def serve(port: int, path: str) -> None:
    """The server, with one worker beside it."""
    import uvicorn
    import uvloop

    link = Link()

    async def app(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["path"] == "/stream":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            async for piece in link.stream():
                await send({"type": "http.response.body", "body": MARKER + piece + b"\n\n", "more_body": True})
            await send({"type": "http.response.body"})
            return
        answer = await link.call(body)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def main() -> None:
        connected = asyncio.Event()

        def accept() -> Link:
            connected.set()
            return link

        listening = await asyncio.get_running_loop().create_unix_server(accept, path)
        worker = await asyncio.create_subprocess_exec(sys.executable, __file__, "work", path)
        await connected.wait()
        config = uvicorn.Config(app, port=port, lifespan="off", log_level="critical", access_log=False)
        try:
            await uvicorn.Server(config).serve()
        finally:
            listening.close()
            worker.kill()
            await worker.wait()

    uvloop.run(main())
    Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(sys.argv[2])
    else:
        serve(int(sys.argv[2]), sys.argv[3])
