"""A bare server that answers everything with one constant: the limit of a client and of the load itself.

Run as a program with the port; the body of each request is read and dropped.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

ANSWER = b'"hello"'
_WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"trivet-job-id: job_00000000000000000000000000\r\n\r\n%s" % (len(ANSWER), ANSWER)
)


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        import httptools

        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # no subclass of it under uvloop, but one in all it does

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answers; the parser calls this at the end of each request."""
        assert self._transport is not None
        self._transport.write(_WHOLE)


async def serve(port: int) -> None:
    """Listens until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
