"""Answers are read as HTTP/1.1 writes them, in whatever pieces they come."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.sdk._http import Response
from trivet.sdk._http1 import LARGEST_HEAD, read_answer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + b'"hello"'
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nX-Odd:\tspaced \r\n\r\n"
    b"4;name=value\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: ignored\r\n\r\n"
)
OPEN_ENDED = b"HTTP/1.1 200 OK\r\n\r\nall that comes"
WORDS_BEFORE = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


def pieces(*parts: bytes) -> Callable[[], bytes]:
    rest = iter(parts)
    return lambda: next(rest, b"")


HEADERS = {"content-type": "application/json", "content-length": "7"}
ANSWERS: list[tuple[bytes, Response, bool]] = [
    (PLAIN, Response(200, HEADERS, b'"hello"'), True),
    (CHUNKED, Response(200, {"transfer-encoding": "Chunked", "x-odd": "spaced"}, b"\r\n\r\n0123456789"), True),
    (OPEN_ENDED, Response(200, {}, b"all that comes"), False),
    (WORDS_BEFORE + PLAIN.replace(b"200 OK", b"418"), Response(418, HEADERS, b'"hello"'), True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204), True),
    (b"HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n", Response(204, {"connection": "Close"}), False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Response(200, {"content-length": "0"}), False),
]


@pytest.mark.parametrize(("sent", "response", "goes_on"), ANSWERS)
@given(data=st.data())
def test_an_answer_is_the_same_in_any_pieces(
    sent: bytes,
    response: Response,
    goes_on: bool,
    data: st.DataObject,
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=8)))
    parts = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    assert read_answer(pieces(*parts), "POST") == (response, goes_on)


def test_a_connection_that_gives_more_than_the_answer_is_not_used_again() -> None:
    answer = read_answer(pieces(PLAIN + b"nobody asked"), "POST")
    assert answer == (Response(200, HEADERS, b'"hello"'), False)


def test_the_answer_to_a_question_for_the_head_has_no_body() -> None:
    answer = read_answer(pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"), "HEAD")
    assert (answer.response.body, answer.goes_on) == (b"", True)


@pytest.mark.parametrize("sent", [PLAIN, CHUNKED, WORDS_BEFORE])
@given(data=st.data())
def test_an_answer_that_is_cut_off_is_none(sent: bytes, data: st.DataObject) -> None:
    with pytest.raises(ConnectionError):
        read_answer(pieces(sent[: data.draw(st.integers(0, len(sent) - 1))]), "GET")


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: folded\r\n over lines\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 7\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"A" * (LARGEST_HEAD + 1),
    ],
)
def test_what_is_no_answer_is_refused(sent: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — what is wrong with it is for people
        read_answer(pieces(sent, sent), "GET")


@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
def test_a_large_body_lies_in_memory_once(framing: str) -> None:
    piece, count = b"x" * 65_536, 256
    size = len(piece) * count
    heads = {
        "length": b"content-length: %d\r\n" % size,
        "chunks": b"transfer-encoding: chunked\r\n",
        "end": b"",
    }
    framed = [b"10000\r\n" + piece + b"\r\n"] * count + [b"0\r\n\r\n"] if framing == "chunks" else [piece] * count
    coming = iter([b"HTTP/1.1 200 OK\r\n" + heads[framing] + b"\r\n", *framed, b""])
    tracemalloc.start()
    try:
        answer = read_answer(lambda: next(coming), "GET")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(answer.response.body) == size
    assert peak < 1.5 * size
