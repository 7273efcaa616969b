"""Answers of hot paths: the same on the wire whichever way they take."""

from __future__ import annotations

import asyncio
from typing import Any

from trivet.platform.wire.hot import Answer, lines, send_answer


def test_headers_become_lines() -> None:
    assert lines([(b"a", b"1"), (b"b", b"x: y")]) == b"a: 1\r\nb: x: y\r\n"
    assert lines([]) == b""


def test_an_answer_sent_by_asgi_has_the_same_headers_and_its_length() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(send_answer(send, Answer(202, lines([(b"a", b"1"), (b"b", b"x: y")]), b"four")))
    assert sent == [
        {
            "type": "http.response.start",
            "status": 202,
            "headers": [(b"a", b"1"), (b"b", b"x: y"), (b"content-length", b"4")],
        },
        {"type": "http.response.body", "body": b"four"},
    ]
