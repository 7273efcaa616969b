"""The parser of server-sent events: any cut of the bytes gives the same events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.sdk._events import EventParser, ServerEvent


def parse(*chunks: bytes) -> list[ServerEvent]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: 1\n\n", [ServerEvent("message", "1")]),
        ("event: piece\nid: 7\ndata: {}\n\n", [ServerEvent("piece", "{}", "7")]),
        ("data: a\ndata: b\n\n", [ServerEvent("message", "a\nb")]),
        ("data:tight\n\n", [ServerEvent("message", "tight")]),
        ("data:  two spaces\n\n", [ServerEvent("message", " two spaces")]),
        ("data\n\n", [ServerEvent("message", "")]),
        (": ping\n\n", []),
        ("event: nothing\n\n", []),
        ("retry: 5\nunknown: x\ndata: 1\n\n", [ServerEvent("message", "1")]),
        ("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", [ServerEvent("message", n) for n in "123"]),
        ("\ufeffdata: 1\n\n", [ServerEvent("message", "1")]),
        ("data: unfinished\n", []),
        ("id: 1\ndata: a\n\ndata: b\n\n", [ServerEvent("message", "a", "1"), ServerEvent("message", "b")]),
        ("id: a\0b\ndata: 1\n\n", [ServerEvent("message", "1")]),
        ("data: \u00e9\u2028x\n\n", [ServerEvent("message", "\u00e9\u2028x")]),
    ],
)
def test_the_rules_of_event_streams(text: str, expected: list[ServerEvent]) -> None:
    assert parse(text.encode()) == expected


@given(
    st.lists(st.sampled_from(["data: é", "id: 4", "event: piece", ": c", ""]), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_it_does_not_matter_where_the_bytes_are_cut(lines: list[str], end: str, data: st.DataObject) -> None:
    # The last line feed makes sure that a carriage return at the very end is not still being waited on.
    whole = (end.join([*lines, "data: last", "", ""]) + "\n").encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert parse(*chunks) == parse(whole)
    assert parse(whole)[-1].data.endswith("last")


def test_bytes_that_are_no_text_do_not_stop_the_stream() -> None:
    assert parse(b"data: \xff\n\ndata: 2\n\n")[-1] == ServerEvent("message", "2")
