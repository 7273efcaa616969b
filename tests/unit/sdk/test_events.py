"""The parser of server-sent events: any cut of the bytes gives the same events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.sdk._events import EventParser, ServerEvent
from trivet.sdk._http import TransportError


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


@pytest.mark.parametrize(
    "endless",
    [b"x" * 10, b"data: " + b"x" * 10, b"data: 23\n", b"data\n", b"event: 5678\r", b": 345678", b"data: \xc3\xa9\r\n"],
)
def test_an_event_without_end_does_not_fill_the_memory(endless: bytes) -> None:
    parser = EventParser(largest=1000)
    with pytest.raises(TransportError, match="more than 1000") as caught:  # noqa: PT012 - it comes at one of them
        for _ in range(5000 if endless.endswith(b"\r") else 1000):
            assert list(parser.feed(endless)) == []
            if endless.endswith(b"\r"):
                assert list(parser.feed(b"data: 1\r")) == []
    assert caught.value.limit == 1000


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_may_be_as_long_as_it_likes(end: bytes) -> None:
    parser = EventParser(largest=40)
    event = end.join([b"event: piece", b"id: 12345", b"data: " + b"x" * 20, b": said beside", b"", b""])
    found = [each for _ in range(100) for cut in (event[:13], event[13:30], event[30:]) for each in parser.feed(cut)]
    found += parser.feed(b"\n")
    assert found == [ServerEvent("piece", "x" * 20, "12345")] * 100


def test_a_comment_counts_only_while_it_comes() -> None:
    parser = EventParser(largest=100)
    assert [each for _ in range(100) for each in parser.feed(b": still here\n")] == []
    assert list(parser.feed(b"data: 1\n\n")) == [ServerEvent("message", "1")]
