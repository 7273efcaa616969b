"""Answers that have more bytes than anybody wants in memory, in each way in which HTTP can bring them."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from tests.unit.sdk.server import Exchange

BOUND = 2 << 20
"""Bytes that these tests allow for."""
FLOOD = 256 << 20
"""Bytes that come if nobody turns them away."""
_PIECE = b"x" * 65_536


def told(exchange: Exchange) -> None:
    """Says how much it is."""
    _begin(exchange, Content_Length=str(FLOOD))
    _pour(exchange, _PIECE)


def chunked(exchange: Exchange) -> None:
    """Does not say how much it is."""
    _begin(exchange, Transfer_Encoding="chunked")
    _pour(exchange, b"%x\r\n%b\r\n" % (len(_PIECE), _PIECE))


def open_ended(exchange: Exchange) -> None:
    """Ends where the connection does."""
    _begin(exchange, Connection="close")
    _pour(exchange, _PIECE)


def packed(exchange: Exchange) -> None:
    """Is small on the way, and large where it is unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(_PIECE) for _ in range(16 * BOUND // len(_PIECE))) + packer.flush()
    exchange.answer(200, data, Content_Type="application/json", Content_Encoding="gzip")


FLOODS: dict[str, Callable[[Exchange], None]] = {
    "told": told,
    "chunked": chunked,
    "open-ended": open_ended,
}


def _begin(exchange: Exchange, **headers: str) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Type", "application/json")
    for name, value in headers.items():
        exchange.handler.send_header(name.replace("_", "-"), value)
    exchange.handler.end_headers()


def _pour(exchange: Exchange, piece: bytes) -> None:
    exchange.handler.close_connection = True
    for _ in range(FLOOD // len(_PIECE)):
        exchange.handler.wfile.write(piece)
        exchange.sent += len(_PIECE)
