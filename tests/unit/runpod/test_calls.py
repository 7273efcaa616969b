"""Waiting for jobs: on the server where it can hold a question, at a good pace where it can't."""

from __future__ import annotations

import itertools
import logging

import pytest

from tests.unit.runpod.fakes import Clock, FakeTransport, Said, said
from trivet.runpod._sync import calls as module
from trivet.runpod._sync.calls import Calls
from trivet.runpod.error import HTTPError, TimedOutError
from trivet.sdk._deadline import Deadline
from trivet.sdk._http import TransportError

ELSEWHERE: dict[str, str] = {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "sleep", clock.sleep)
    monkeypatch.setattr(module.time, "monotonic", clock)
    return clock


def conversation(clock: Clock, *answers: Said) -> tuple[Calls, FakeTransport]:
    transport = FakeTransport(clock, *answers)
    return Calls("http://server", "key", transport=transport), transport


def test_a_server_that_holds_is_asked_once_and_nothing_is_slept(clock: Clock) -> None:
    calls, way = conversation(
        clock, said({"id": "j"}), said({"id": "j", "status": "COMPLETED", "output": 7}, after=0.1)
    )
    assert calls.submit("e", {"input": {}}) == "j"
    assert calls.outcome("e", "j", Deadline(60, clock)).output == 7
    assert way.paths == ["/e/run", "/e/status-sync/j?wait=50000"]
    assert clock.slept == []


def test_a_server_that_turns_out_to_hold_is_asked_to_at_once(clock: Clock) -> None:
    calls, way = conversation(clock, said({"status": "IN_QUEUE"}), said({"status": "COMPLETED"}, after=0.1))
    calls.outcome("e", "j", Deadline(60, clock))
    assert way.paths == ["/e/status/j", "/e/status-sync/j?wait=50000"]
    assert clock.slept == []


def test_a_server_that_does_not_hold_is_asked_quickly_first_and_each_second_later(clock: Clock) -> None:
    waiting = [said({"status": "IN_PROGRESS"}, headers=ELSEWHERE)] * 8
    calls, way = conversation(clock, *waiting, said({"status": "COMPLETED", "output": 1}, headers=ELSEWHERE))
    assert calls.outcome("e", "j", Deadline(60, clock)).output == 1
    assert clock.slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    assert set(way.paths) == {"/e/status/j"}


def test_a_wait_ends_when_it_should_and_says_which_job_goes_on(clock: Clock) -> None:
    calls, _ = conversation(clock, said({"status": "IN_PROGRESS"}, headers=ELSEWHERE))
    began = clock.now
    with pytest.raises(TimeoutError, match=r"Job timed out\.") as caught:
        calls.outcome("e", "j", Deadline(3, clock))
    assert clock.now - began == pytest.approx(3)
    assert isinstance(caught.value, TimedOutError)
    assert caught.value.job_id == "j"


def test_a_wait_longer_than_one_hold_is_several(clock: Clock) -> None:
    calls, way = conversation(
        clock,
        said({"status": "IN_QUEUE"}),
        said({"status": "IN_QUEUE"}, after=50),
        said({"status": "COMPLETED"}, after=9),
    )
    calls.outcome("e", "j", Deadline(70, clock))
    assert way.paths == ["/e/status/j", "/e/status-sync/j?wait=50000", "/e/status-sync/j?wait=20000"]
    assert clock.slept == []


def test_a_server_that_only_says_that_it_holds_is_not_asked_without_a_pause(clock: Clock) -> None:
    calls, way = conversation(clock, said({"status": "IN_PROGRESS"}))
    with pytest.raises(TimeoutError):
        calls.outcome("e", "j", Deadline(5, clock))
    assert len(way.asked) < 15


def test_a_synchronous_call_takes_no_longer_than_its_timeout_in_all(clock: Clock) -> None:
    calls, way = conversation(
        clock, said({"id": "j", "status": "IN_QUEUE"}, after=50), said({"status": "IN_QUEUE"}, after=10)
    )
    began = clock.now
    deadline = Deadline(60, clock)
    module_deadline = module.Deadline
    module.Deadline = lambda timeout: deadline  # type: ignore[assignment,misc]
    try:
        with pytest.raises(TimeoutError):
            calls.call("e", {"input": {}}, 60)
    finally:
        module.Deadline = module_deadline  # type: ignore[misc]
    assert clock.now - began == pytest.approx(60)
    assert way.paths == ["/e/runsync?wait=50000", "/e/status-sync/j?wait=10000"]


def test_a_stream_is_held_and_ends_with_its_last_pieces(clock: Clock) -> None:
    calls, way = conversation(
        clock,
        said({"id": "j"}),
        said({"status": "IN_PROGRESS", "stream": [{"output": 1}, {"output": 2}]}, after=0.2),
        said({"status": "COMPLETED", "stream": [{"output": None}]}, after=0.2),
    )
    calls.submit("e", {})
    assert list(calls.pieces("e", "j")) == [1, 2, None]
    assert way.paths[1:] == ["/e/stream/j?wait=50000"] * 2
    assert clock.slept == []


def test_a_stream_elsewhere_is_read_until_it_is_empty(clock: Clock) -> None:
    def page(status: str, *pieces: int) -> Said:
        return said({"status": status, "stream": [{"output": piece} for piece in pieces]}, headers=ELSEWHERE)

    calls, _ = conversation(
        clock, page("IN_PROGRESS"), page("IN_PROGRESS", 1), page("IN_PROGRESS"), page("COMPLETED", 2), page("COMPLETED")
    )
    assert list(calls.pieces("e", "j")) == [1, 2]
    assert clock.slept == [0.05, 0.05]  # something had come in between


@pytest.mark.parametrize("status", ["CANCELLED", "FAILED", "TIMED_OUT"])
def test_a_stream_ends_however_its_job_does(clock: Clock, status: str) -> None:
    calls, _ = conversation(clock, said({"status": status, "stream": []}))
    assert list(itertools.islice(calls.pieces("e", "j"), 5)) == []


def test_the_log_says_why_a_stream_has_ended_early(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    calls, _ = conversation(clock, said({"status": "FAILED", "error": "out of memory", "stream": []}))
    with caplog.at_level(logging.WARNING, "trivet.runpod"):
        assert list(calls.pieces("e", "j")) == []
    assert "out of memory" in caplog.text


def test_a_call_is_not_made_twice_where_it_may_have_been_made(clock: Clock) -> None:
    calls, way = conversation(clock, Said(TransportError("it broke", sent=True)))
    with pytest.raises(ConnectionError, match="not known"):
        calls.submit("e", {"input": {}})
    assert len(way.asked) == 1


def test_what_a_server_refuses_says_why(clock: Clock) -> None:
    calls, _ = conversation(clock, said({"error": "no such field"}, status=400))
    with pytest.raises(HTTPError, match="400: no such field") as caught:
        calls.submit("e", {"input": {}})
    assert caught.value.status_code == 400
    assert isinstance(caught.value, OSError)
