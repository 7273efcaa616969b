"""Heads: read as uvicorn would read them, and only where they are plain."""

from __future__ import annotations

import pytest

from trivet.platform.server.requests import read_plain


def head(*lines: str, first: str = "POST /a/b?c=d HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines, "", ""]).encode("latin-1")


def test_a_plain_request_is_read() -> None:
    found = read_plain(head("Host: x", "Content-Length: 12", "X-Thing: One", "X-Thing: Two"))
    assert found is not None
    assert found.length == 12
    assert found.head.method == "POST"
    assert (found.head.path, found.head.raw_path, found.head.query) == ("/a/b", b"/a/b", b"c=d")
    assert found.head.headers == (
        (b"host", b"x"),
        (b"content-length", b"12"),
        (b"x-thing", b"One"),
        (b"x-thing", b"Two"),
    )


def test_a_path_is_decoded_and_kept_as_it_came() -> None:
    found = read_plain(head(first="GET /%61%2Fb HTTP/1.1"))
    assert found is not None
    assert (found.head.path, found.head.raw_path, found.length) == ("/a/b", b"/%61%2Fb", 0)


@pytest.mark.parametrize(
    "data",
    [
        head("Transfer-Encoding: chunked"),
        head("Transfer-Encoding: chunked", "Content-Length: 1"),
        head("Expect: 100-continue", "Content-Length: 1"),
        head("Upgrade: h2c", "Connection: Upgrade"),
        head("Upgrade: h2c"),
        head("Connection: close"),
        head("Content-Length: 1", "Content-Length: 1"),
        head("Content-Length: 1", "Content-Length: 2"),
        head("Content-Length: +1"),
        head("Content-Length: -1"),
        head("Content-Length: 1, 1"),
        head("Content-Length: 0x1"),
        head("Content-Length : 1"),
        head("No colon"),
        head("X: a\x00b"),
        head(first="POST /a HTTP/1.0"),
        head(first="POST /a HTTP/2.0"),
        head(first="POST /a"),
        head(first="POST /\xff HTTP/1.1"),
        head(first="CONNECT a:80 HTTP/1.1"),
        head(first="PRI * HTTP/2.0"),
        head(first="brew /a HTTP/1.1"),
        head("Host: x").replace(b"\r\n", b"\n") + b"\r\n",
        b"POST /a HTTP/1.1\nContent-Length: 3\n\n\r\n\r\n",
        b"POST /a HTTP/1.1\nContent-Length: 1\n\n" + head("Host: x"),
        b"GET /a HTTP/1.1\n\nGET /b HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
        b"",
        b"\x16\x03\x01\r\n\r\n",
    ],
)
def test_what_is_odd_in_any_way_is_not_plain(data: bytes) -> None:
    assert read_plain(data) is None
