"""The floor: a bare ASGI application and one worker process behind a unix socket, with length-prefixed frames.

No keys, no records, no schema, no routes: what is left when everything that a platform adds is taken away.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

_HEAD = struct.Struct(">IQ")


def work(path: str) -> None:
    """The worker: answers each frame with its own body."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        held = b""
        while data := link.recv(1 << 18):
            held += data
            out, start = [], 0
            while len(held) - start >= _HEAD.size:
                size, _ = _HEAD.unpack_from(held, start)
                end = start + _HEAD.size + size
                if len(held) < end:
                    break
                out.append(held[start:end])
                start = end
            held = held[start:]
            link.sendall(b"".join(out))


class Link(asyncio.Protocol):
    """The server's end of the worker's socket."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[bytes]] = {}
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
            self.waiting.pop(number).set_result(held[start + _HEAD.size : end])
            start = end
        self.held = held[start:]

    def call(self, body: bytes) -> asyncio.Future[bytes]:
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
        worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.floor", "work", path)
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
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    if sys.argv[1] == "work":
        work(sys.argv[2])
    else:
        serve(int(sys.argv[2]), sys.argv[3])
