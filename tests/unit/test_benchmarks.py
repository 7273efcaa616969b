"""The benchmark's own arithmetic and its reading of HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import pytest

from benchmarks import load, plot
from benchmarks.figures import Entry, Metric, Outcome, at_least, at_most, ratio

RATE = Metric("rate", "requests/s", rising=True)
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"hello"'


def entry(*samples: float, title: str = "somebody") -> Entry:
    made = Entry(title, "ours")
    for sample in samples:
        made.add(RATE, sample)
    return made


def test_a_ratio_compares_each_round_with_itself() -> None:
    # the machine was slow in the second round, for both
    assert ratio(entry(100, 10, 90), entry(50, 5, 45), RATE) == 2.0


def test_a_ratio_of_unequal_rounds_is_that_of_the_medians() -> None:
    assert ratio(entry(30), entry(10, 20, 90), RATE) == 1.5


def test_the_spread_is_the_farthest_round() -> None:
    assert entry(8, 10, 15).spread(RATE) == 5


@pytest.mark.parametrize(("ours", "reached"), [(50.0, True), (49.0, False)])
def test_a_goal_from_below_is_reached_at_its_limit(ours: float, *, reached: bool) -> None:
    goal = at_least("echo", entry(ours), entry(100, title="floor"), RATE, 0.5)
    assert (goal.reached, goal.ratio, goal.beside) == (reached, ours / 100, "floor: 100")


@pytest.mark.parametrize(("ours", "reached"), [(150.0, True), (151.0, False)])
def test_a_goal_from_above_is_reached_at_its_limit(ours: float, *, reached: bool) -> None:
    assert at_most("echo", entry(ours), entry(100), RATE, 1.5).reached is reached


@pytest.mark.parametrize("length", range(len(ANSWER)))
def test_an_answer_is_not_whole_before_its_last_byte(length: int) -> None:
    assert not load.is_whole(ANSWER[:length])
    assert load.is_whole(ANSWER)


def test_a_chunked_answer_ends_with_its_empty_chunk_and_not_with_a_piece_that_looks_like_it() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert not load.is_whole(head + b"1\r\n0\r\n")
    assert load.is_whole(head + b"1\r\n0\r\n0\r\n\r\n")


def test_the_load_counts_what_was_answered_and_what_was_not() -> None:
    answers = iter([ANSWER, b"HTTP/1.1 503 Sorry\r\ncontent-length: 0\r\n\r\n", ANSWER, ANSWER])
    with serving(answers) as port:
        pressed = load.press(load.Target(port, "/", b"{}"), 1, count=4)
    assert (pressed.answered, pressed.failed, len(pressed.latencies)) == (3, 1, 3)


def test_a_load_that_nothing_answers_is_an_error_with_the_answer_in_it() -> None:
    with (
        serving(iter([b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"])) as port,
        pytest.raises(load.LoadError, match="404"),
    ):
        load.press(load.Target(port, "/", b"{}"), 1, count=1)


def test_the_plot_is_a_document_with_a_bar_for_each_contender() -> None:
    outcome = Outcome("echo", "An echo & more", (RATE,), bars=(RATE,))
    for title, kind, value in (("floor", "floor", 100.0), ("ours <1>", "ours", 50.0), ("somebody", "peer", 5.0)):
        outcome.entry(title, kind).add(RATE, value)  # type: ignore[arg-type]  # the words are of that type
    drawn = ET.fromstring(plot.draw([outcome], {"processor": "a", "cores": 2, "python": "3", "time": "now"}))
    widths = [int(bar.get("width", "0")) for bar in drawn.findall("{*}rect") if bar.get("fill")]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 3


@contextmanager
def serving(answers: Iterator[bytes]) -> Iterator[int]:
    """A server that gives each request the next answer, over as many connections as it takes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    while connection.recv(65536):
                        answer = next(answers, None)
                        if answer is None:
                            return
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
