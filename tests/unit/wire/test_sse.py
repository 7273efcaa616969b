"""Server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from trivet.platform.wire import sse


def test_an_event_is_written_as_the_standard_says() -> None:
    assert sse.event("piece", b'{"a":1}', 7) == b'event: piece\nid: 7\ndata: {"a":1}\n\n'
    assert sse.event("end", b"") == b"event: end\ndata: \n\n"


def test_lines_in_the_data_can_not_break_out_of_the_event() -> None:
    assert sse.event("log", b"a\r\nb\rid: 9\n\nevent: end") == (
        b"event: log\ndata: a\ndata: b\ndata: id: 9\ndata: \ndata: event: end\n\n"
    )


class Reader:
    """A reader that leaves when it is told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.messages: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)


def test_all_chunks_are_sent_and_then_the_end() -> None:
    async def source() -> AsyncGenerator[bytes, None]:
        yield b"a"
        yield b"b"

    async def scenario() -> list[tuple[bytes, bool]]:
        reader = Reader()
        await sse.pump(source(), reader.receive, reader.send)
        return [(m["body"], m["more_body"]) for m in reader.messages]

    assert asyncio.run(scenario()) == [(b"a", True), (b"b", True), (b"", False)]


def test_the_source_ends_when_its_reader_leaves() -> None:
    closed = []

    async def source() -> AsyncGenerator[bytes, None]:
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def scenario() -> None:
        reader = Reader()
        pumping = asyncio.ensure_future(sse.pump(source(), reader.receive, reader.send))
        while not reader.messages:
            await asyncio.sleep(0)
        reader.gone.set()
        await asyncio.wait_for(pumping, 5)

    asyncio.run(scenario())
    assert closed == [True]


def test_a_fault_of_the_source_is_told_to_the_caller() -> None:
    async def source() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise LookupError

    async def scenario() -> None:
        reader = Reader()
        await sse.pump(source(), reader.receive, reader.send)

    with pytest.raises(LookupError):
        asyncio.run(scenario())


def test_a_reader_whose_connection_broke_is_no_fault() -> None:
    async def source() -> AsyncGenerator[bytes, None]:
        yield b"a"

    async def broken(message: dict[str, Any]) -> None:
        raise OSError

    asyncio.run(sse.pump(source(), Reader().receive, broken))
