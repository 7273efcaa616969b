"""The last lines of a worker's own output."""

from __future__ import annotations

from trivet.platform.runtimes.tail import LONGEST_LINE, MOST_BYTES, MOST_LINES, Tail


def test_lines_are_cut_wherever_the_reads_fall() -> None:
    tail = Tail()
    assert tail.feed(b"on") == []
    assert tail.feed(b"e\ntwo\nth") == ["one", "two"]
    assert tail.end() == ["th"]
    assert tail.end() == []
    assert tail.lines == ("one", "two", "th")


def test_only_the_last_lines_are_kept() -> None:
    tail = Tail()
    tail.feed(b"".join(b"%d\n" % number for number in range(1000)))
    assert tail.lines == tuple(str(number) for number in range(1000 - MOST_LINES, 1000))


def test_long_lines_are_cut_and_bytes_bounded() -> None:
    tail = Tail()
    for _ in range(100):
        tail.feed(b"x" * (3 * LONGEST_LINE) + b"\n")
    assert {len(line) for line in tail.lines} <= {LONGEST_LINE, 0}
    assert sum(map(len, tail.lines)) <= MOST_BYTES


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert Tail().feed(b"\xff\xfe\r\n") == ["\ufffd\ufffd"]
