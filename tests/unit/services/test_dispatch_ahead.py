"""Work sent ahead to busy workers: who begins what and when, and how it comes back."""

from __future__ import annotations

import pytest

from tests.unit.services.test_dispatch import FakeLink, House, drive, house, status
from trivet.platform.core.jobs import EventKind, JobError, JobStatus, Priority
from trivet.platform.core.payloads import BINARY, Payload
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.services import claims, live, story

__all__ = ["house"]  # the fixture

QUICK = 0.0005
SLOW = 1.0


def ref(order: AttemptOrder, worker_id: str = "w1") -> AttemptRef:
    return AttemptRef(worker_id, order.number, order.token)


def warm(house: House, link: FakeLink, seconds: float = QUICK) -> None:
    """One job through the worker, so that its pace is known."""
    house.submit("warm")
    house.now += seconds
    house.dispatcher.attempts.succeed(ref(link.orders[-1]), "application/json", b"1", 0)
    house.settle()
    link.orders.clear()


def names(link: FakeLink) -> list[str]:
    return [order.job_id.removeprefix("job_") for order in link.orders]


def test_a_worker_whose_pace_is_not_known_gets_one_job_at_a_time(house: House) -> None:
    link = house.seat()
    house.submit("a")
    house.submit("b")
    assert names(link) == ["a"]


def test_a_quick_worker_is_sent_more_than_it_runs_and_callers_see_it_queued(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "abc":
        house.submit(name)
    assert names(link) == ["a", "b", "c"]
    assert [status(house, f"job_{name}") for name in "abc"] == [JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.QUEUED]
    board = house.dispatcher.board
    assert (board.running("v"), board.queued("v"), board.ahead("v")) == (1, 2, 2)
    assert [order.attempt for order in link.orders] == [1, 1, 1]


def test_a_slow_worker_is_sent_nothing_ahead(house: House) -> None:
    link = house.seat()
    warm(house, link, SLOW)
    house.submit("a")
    house.submit("b")
    assert names(link) == ["a"]


def test_no_more_is_sent_ahead_than_the_worker_is_through_with_in_a_moment(house: House) -> None:
    link = house.seat()
    warm(house, link, live.AHEAD_WINDOW / 3.5)
    for number in range(50):
        house.submit(f"{number:02}")
    assert len(link.orders) == 1 + 3


def test_what_was_sent_ahead_begins_when_the_one_before_it_has_ended(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    house.now += 5.0
    house.dispatcher.attempts.succeed(ref(link.orders[0]), "application/json", b"1", 0)
    job = house.dispatcher.open_jobs.job("job_b")
    assert job is not None
    assert (job.status, job.attempt, job.started_at) == (JobStatus.RUNNING, 1, house.now)
    house.dispatcher.attempts.succeed(ref(link.orders[1]), "application/json", b"2", 0)
    house.settle()
    assert status(house, "job_b") is JobStatus.SUCCEEDED


def test_a_result_for_what_has_not_begun_changes_nothing(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    house.dispatcher.attempts.succeed(ref(link.orders[1]), "application/json", b"2", 0)
    assert status(house, "job_b") is JobStatus.QUEUED


def test_a_lost_worker_costs_only_what_it_had_begun_an_attempt_and_the_order_stays(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "abcd":
        house.submit(name)
    house.dispatcher.attempts.depart("w1", Departure("was killed by signal 9 (SIGKILL)"))
    other = house.seat("w2", slots=4)
    assert names(other) == ["a", "b", "c", "d"]
    assert [order.attempt for order in other.orders] == [2, 1, 1, 1]


def test_what_waits_behind_a_long_attempt_is_called_back_and_goes_to_whoever_is_free(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "abc":
        house.submit(name)
    house.now += claims.RECALL_AFTER
    house.dispatcher.tick()
    house.dispatcher.tick()
    assert link.recalls == 1
    house.dispatcher.attempts.hand_back(ref(link.orders[2]))
    house.dispatcher.attempts.hand_back(ref(link.orders[1]))
    assert house.dispatcher.board.ahead("v") == 0
    other = house.seat("w2")
    assert names(other) == ["b"]
    assert other.orders[0].attempt == 1
    house.submit("d")
    assert names(link) == ["a", "b", "c"]  # one that was called back from is sent nothing more ahead


def test_nothing_is_called_back_from_a_worker_that_is_quick(house: House) -> None:
    link = house.seat()
    warm(house, link)
    house.submit("a")
    house.submit("b")
    house.now += claims.RECALL_AFTER / 2
    house.dispatcher.tick()
    assert link.recalls == 0


def test_one_that_began_while_it_was_called_back_does_not_lose_an_attempt(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    house.dispatcher.attempts.succeed(ref(link.orders[0]), "application/json", b"1", 0)
    house.dispatcher.attempts.hand_back(ref(link.orders[1]))
    assert [order.attempt for order in link.orders] == [1, 1, 1]
    assert link.orders[2].job_id == "job_b"


def test_a_cancel_of_what_was_sent_ahead_is_the_workers_to_confirm(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    assert house.dispatcher.stops.cancel("job_b")
    assert link.cancels == [(link.orders[1].number, "cancelled")]
    assert status(house, "job_b") is JobStatus.RUNNING
    house.dispatcher.attempts.stopped(ref(link.orders[1]))
    house.settle()
    assert status(house, "job_b") is JobStatus.CANCELLED
    house.dispatcher.attempts.succeed(ref(link.orders[0]), "application/json", b"1", 0)
    house.settle()
    assert status(house, "job_a") is JobStatus.SUCCEEDED


def test_one_sent_ahead_that_outlives_its_time_is_stopped_by_its_worker(house: House) -> None:
    link = house.seat()
    warm(house, link)
    house.submit("a")
    house.submit("b", ttl=5.0)
    house.now += 0.1
    house.dispatcher.tick()
    house.now += 5.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[1].number, "timed_out")]
    house.dispatcher.attempts.stopped(ref(link.orders[1]))
    house.settle()
    job = house.stored("job_b")
    assert job is not None
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.TIMED_OUT, "ttl_expired")


def test_an_input_that_must_be_fetched_is_not_sent_ahead_and_nothing_overtakes_it(house: House) -> None:
    link = house.seat()
    warm(house, link)
    house.submit("a")
    blob = drive(house.blobs.put(b"large"))
    big = house.job("b")
    object.__setattr__(big, "input", Payload.stored(blob, 5, BINARY))
    house.dispatcher.admit(big, recorded=False)
    house.submit("c")
    assert names(link) == ["a"]


def test_a_worker_that_leaves_hands_back_what_it_has_not_begun(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    house.dispatcher.claims.stop_taking("w1")
    house.dispatcher.attempts.hand_back(ref(link.orders[1]))
    assert house.dispatcher.board.queued("v") == 1
    other = house.seat("w2")
    assert names(other) == ["b"]


def test_a_token_of_another_attempt_can_not_hand_back(house: House) -> None:
    link = house.seat()
    warm(house, link)
    for name in "ab":
        house.submit(name)
    house.dispatcher.attempts.hand_back(AttemptRef("w1", link.orders[1].number, "wrong"))
    assert house.dispatcher.board.ahead("v") == 1


# -- claims that must not be made twice ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [{"max_attempts": 1}, {"retry_on": ("handler_error",)}])
def test_the_claim_of_a_last_attempt_is_on_disk_before_its_worker_hears_of_it(
    house: House, policy: dict[str, float]
) -> None:
    link = house.seat()
    house.submit("a", **policy)
    assert link.orders == []
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.status is JobStatus.QUEUED
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert (stored.status, stored.attempt) == (JobStatus.RUNNING, 1)
    assert names(link) == ["a"]


def test_a_last_attempt_is_not_sent_ahead_and_not_overtaken(house: House) -> None:
    link = house.seat()
    warm(house, link)
    house.submit("a")
    house.submit("b", max_attempts=1)
    house.submit("c")
    assert names(link) == ["a"]


def test_a_cancel_before_the_claim_is_on_disk_reaches_the_worker_with_the_job(house: House) -> None:
    link = house.seat()
    house.submit("a", max_attempts=1)
    assert house.dispatcher.stops.cancel("job_a")
    for _ in range(3):
        house.settle()
    assert names(link) == ["a"]
    assert link.cancels[-1] == (link.orders[0].number, "cancelled")
    house.dispatcher.attempts.stopped(ref(link.orders[0]))
    house.settle()
    assert status(house, "job_a") is JobStatus.CANCELLED


# -- priorities and rests ------------------------------------------------------------------------------------------------


def test_high_goes_before_normal_before_low(house: House) -> None:
    house.submit("l", priority=Priority.LOW)
    house.submit("n1")
    house.submit("n2")
    house.submit("h", priority=Priority.HIGH)
    link = house.seat(slots=4)
    assert names(link) == ["h", "n1", "n2", "l"]


def test_jobs_of_low_priority_do_not_press(house: House) -> None:
    house.submit("l", priority=Priority.LOW)
    board = house.dispatcher.board
    assert (board.queued("v"), board.pressing("v"), board.oldest_wait("v")) == (
        1,
        0,
        0,
    )
    house.submit("n")
    house.now += 2.0
    assert (house.dispatcher.board.pressing("v"), house.dispatcher.board.oldest_wait("v")) == (1, 2.0)


def failed(house: House, link: FakeLink, kind: str = "ValueError") -> None:
    house.settle()
    house.dispatcher.attempts.fail(ref(link.orders[-1]), JobError("handler_error", "no", type=kind))
    house.settle()


def test_a_failed_attempt_rests_before_the_next_and_the_log_says_so(house: House) -> None:
    link = house.seat()
    house.submit("a", retry_on=("ValueError",), backoff=10.0, max_attempts=2)  # type: ignore[arg-type]  # not all are numbers
    failed(house, link)
    job = house.dispatcher.open_jobs.job("job_a")
    assert job is not None
    assert job.status is JobStatus.QUEUED
    assert job.retry_at is not None
    assert 10.0 <= job.retry_at - house.now <= 12.5
    assert (house.dispatcher.board.queued("v"), house.dispatcher.board.pressing("v")) == (1, 0)
    house.now += 9.9
    house.dispatcher.tick()
    assert names(link) == ["a"]
    house.now = job.retry_at
    house.dispatcher.tick()
    house.settle()
    assert [order.attempt for order in link.orders] == [1, 2]
    failed(house, link)
    stored = house.stored("job_a")
    assert stored is not None
    assert (stored.status, stored.attempt, stored.is_dead_letter) == (JobStatus.FAILED, 2, True)
    events = house.store_now(lambda tx: tx.jobs.events("job_a", kinds=(EventKind.LOG,)))
    assert "attempt 1 failed: ValueError: no; it is tried again in" in events[0].data.decode()


def test_a_job_that_rests_can_be_cancelled_and_expires(house: House) -> None:
    link = house.seat()
    for name in "ab":
        house.submit(name, retry_on=("handler_error",), backoff=60.0, ttl=100.0)  # type: ignore[arg-type]  # not all are numbers
        failed(house, link)
    assert house.dispatcher.stops.cancel("job_a")
    house.settle()
    assert status(house, "job_a") is JobStatus.CANCELLED
    house.now += 100.0
    house.dispatcher.tick()
    house.settle()
    assert status(house, "job_b") is JobStatus.TIMED_OUT
    assert house.dispatcher.board.queued("v") == 0


def test_a_job_that_rested_when_the_server_died_goes_on_resting(house: House) -> None:
    job = house.job("a")
    object.__setattr__(job, "retry_at", house.now + 5.0)
    house.dispatcher.admit(job, recorded=True)
    link = house.seat()
    assert link.orders == []
    house.now += 5.0
    house.dispatcher.tick()
    assert names(link) == ["a"]


# -- clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_jumps_ends_no_job(house: House, jump: float) -> None:
    link = house.seat()
    house.submit("a", timeout=60.0, ttl=600.0)
    house.now += 0.2
    house.dispatcher.tick()
    house.jump += jump
    house.now += 1.0
    house.dispatcher.tick()
    assert link.cancels == []
    house.now += 60.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[0].number, "timed_out")]


# -- pieces and the disk --------------------------------------------------------------------------------------------------


def piece(house: House, link: FakeLink, data: bytes = b"1") -> None:
    house.dispatcher.attempts.piece(ref(link.orders[-1]), "application/json", data)


def test_a_piece_of_a_recorded_job_is_on_disk_before_a_reader_sees_it(house: House) -> None:
    link = house.seat()
    house.submit("a")
    piece(house, link)
    assert house.dispatcher.open_jobs.recent_events("job_a", 0) == []
    assert house.store_now(lambda tx: tx.jobs.events("job_a")) == []
    house.notifier.told.clear()
    house.settle()
    seen = house.dispatcher.open_jobs.recent_events("job_a", 0)
    assert seen == house.store_now(lambda tx: tx.jobs.events("job_a"))
    assert [event.seq for event in seen or ()] == [1]
    assert "job_a" in house.notifier.told


def test_pieces_that_come_while_others_are_written_go_together_with_the_next(house: House) -> None:
    link = house.seat()
    house.submit("a")
    for _ in range(3):
        piece(house, link)
    writes = []
    record = house.dispatcher._chronicle._recorder.record
    house.dispatcher._chronicle._recorder.record = lambda job, events=(), then=None: (
        writes.append(  # type: ignore[method-assign]  # counts what passes
            len(events)
        )
        or record(job, events, then)
    )
    house.settle()
    assert [e.seq for e in house.dispatcher.open_jobs.recent_events("job_a", 0) or ()] == [1, 2, 3]
    assert writes == [2]


def test_the_caller_of_a_held_stream_sees_its_pieces_at_once(house: House) -> None:
    link = house.seat()
    house.run("a")
    piece(house, link)
    assert len(house.dispatcher.open_jobs.recent_events("job_a", 0) or ()) == 1


def test_a_worker_that_says_more_than_the_disk_takes_is_not_listened_to_for_a_while(house: House) -> None:
    link = house.seat()
    house.submit("a")
    piece(house, link)  # its write is under way, and all others wait behind it
    size = story.UNSAVED_SIZE // 4
    for _ in range(5):
        piece(house, link, bytes(size))
    assert not link.listened_to
    for _ in range(4):
        house.settle()
    assert link.listened_to
    assert house.store_now(lambda tx: tx.jobs.last_event("job_a")) == 6


def test_only_the_latest_pieces_stay_in_memory(house: House) -> None:
    link = house.seat()
    house.submit("a")
    count = story.RECENT_EVENTS + 100
    for _ in range(count):
        piece(house, link)
    for _ in range(4):
        house.settle()
    assert house.dispatcher.open_jobs.recent_events("job_a", 0) is None
    assert len(house.dispatcher.open_jobs.recent_events("job_a", 100) or ()) == story.RECENT_EVENTS


@pytest.mark.parametrize("policy", [{"max_attempts": 1}, {"max_attempts": 3}])
def test_an_attempt_that_had_to_wait_for_its_worker_is_held_to_its_timeout(
    house: House, policy: dict[str, float]
) -> None:
    house.submit("a", timeout=10.0, **policy)
    house.now += 1.0
    house.dispatcher.tick()
    link = house.seat()
    house.settle()
    house.now += 11.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[0].number, "timed_out")]


def test_a_stream_that_had_to_wait_is_held_to_its_timeout(house: House) -> None:
    house.submit("a", timeout=10.0)
    house.now += 1.0
    house.dispatcher.tick()
    link = house.seat()
    piece(house, link)
    house.settle()
    house.dispatcher.tick()
    house.now += 11.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[0].number, "timed_out")]
