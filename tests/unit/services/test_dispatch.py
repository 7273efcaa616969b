"""The dispatcher, with a clock in hand and a store in memory: nothing here sleeps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest

from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus
from trivet.platform.core.payloads import INLINE_LIMIT, Payload
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.ports.stores import Transaction
from trivet.platform.services import dispatch, open_jobs, stops
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.recorder import Recorder
from trivet.platform.stores.memory import MemoryBlobs, MemoryStore


class FakeLink:
    def __init__(self) -> None:
        self.orders: list[AttemptOrder] = []
        self.cancels: list[tuple[int, str]] = []
        self.recalls = 0
        self.listened_to = True

    def send(self, order: AttemptOrder) -> None:
        self.orders.append(order)

    def cancel(self, number: int, reason: str) -> None:
        self.cancels.append((number, reason))

    def recall(self) -> None:
        self.recalls += 1

    def listen(self, *, on: bool) -> None:
        self.listened_to = on

    def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeNotifier:
    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, topic: str) -> None:
        self.told.append(topic)

    def subscribe(self, topic: str) -> Any:
        raise AssertionError("the dispatcher waits for nobody")


class House:
    """A dispatcher with everything around it in hand. Background work goes on when `settle` is called."""

    def __init__(self) -> None:
        self.jump = 0.0
        self.now = 1000.0
        self.counter = 0
        self.work: list[Coroutine[Any, Any, None]] = []
        self.store = MemoryStore()
        self.blobs = MemoryBlobs()
        self.notifier = FakeNotifier()
        self.demand: list[str] = []
        self.stuck: list[str] = []
        self.dispatcher = Dispatcher(
            recorder=Recorder(self.store, self.work.append, self._sleep),
            blobs=self.blobs,
            clock=lambda: self.now,
            wall=lambda: self.now + self.jump,
            entropy=self._entropy,
            notifier=self.notifier,
            background=self.work.append,
        )
        self.dispatcher.claims.on_demand = self.demand.append
        self.dispatcher.stops.on_stuck = self.stuck.append

    def _entropy(self, size: int) -> bytes:
        self.counter += 1
        return self.counter.to_bytes(size, "big")

    async def _sleep(self, seconds: float) -> None:
        class Pause:
            def __await__(self) -> Any:
                yield None

        await Pause()

    def settle(self) -> None:
        """Lets background work go on until it has ended, or pauses."""
        left = []
        for work in list(self.work):
            try:
                work.send(None)
                left.append(work)
            except StopIteration:
                pass
            self.work.remove(work)
        self.work.extend(left)

    def job(self, name: str = "a", **policy: float) -> Job:
        payload = Payload.inline(b'"x"')
        return Job(f"job_{name}", "e", "v", "acc", payload, JobPolicy(**policy), self.now, queued_at=self.now)  # type: ignore[arg-type]  # numbers all

    def submit(self, name: str = "a", **policy: float) -> Job:
        """A job that is on disk, as `submit` leaves it."""
        job = self.job(name, **policy)
        self.store_now(lambda tx: tx.jobs.put(job))
        self.dispatcher.admit(job, recorded=True)
        return job

    def run(self, name: str = "a", **policy: float) -> Job:
        """A held call."""
        job = self.job(name, **policy)
        self.dispatcher.admit(job, recorded=False)
        return job

    def store_now(self, work: Callable[[Transaction], Any]) -> Any:
        return drive(self.store.write(work))

    def stored(self, job_id: str) -> Job | None:
        return drive(self.store.read(lambda tx: tx.jobs.get(job_id)))

    def seat(self, worker_id: str = "w1", slots: int = 1) -> FakeLink:
        link = FakeLink()
        self.dispatcher.claims.seat(worker_id, "v", link, slots)
        return link


def drive(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    for work in house.work:
        work.close()


def status(house: House, job_id: str) -> JobStatus:
    job = house.dispatcher.open_jobs.job(job_id) or house.stored(job_id)
    assert job is not None
    return job.status


def test_a_job_goes_to_a_free_worker_at_once(house: House) -> None:
    link = house.seat()
    house.submit("a")
    house.submit("b")
    assert [order.job_id for order in link.orders] == ["job_a"]
    assert house.demand == ["v"]


def test_the_queue_is_served_in_order(house: House) -> None:
    for name in "abc":
        house.submit(name)
    link = house.seat(slots=2)
    assert [order.job_id for order in link.orders] == ["job_a", "job_b"]
    house.dispatcher.attempts.succeed(
        AttemptRef("w1", link.orders[0].number, link.orders[0].token), "application/json", b"1", 0
    )
    assert [order.job_id for order in link.orders] == ["job_a", "job_b", "job_c"]


def test_the_result_of_a_submitted_job_is_on_disk_before_anybody_is_told(house: House) -> None:
    link = house.seat()
    house.submit("a")
    house.notifier.told.clear()
    (order,) = link.orders
    house.dispatcher.attempts.succeed(AttemptRef("w1", order.number, order.token), "application/json", b"1", 0)
    assert status(house, "job_a") is JobStatus.RUNNING
    assert house.notifier.told == []
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert (stored.status, stored.output) == (JobStatus.SUCCEEDED, Payload.inline(b"1"))
    assert house.notifier.told == ["job_a"]
    assert len(house.dispatcher.open_jobs) == 0


def test_a_held_call_is_told_at_once_and_recorded_behind(house: House) -> None:
    link = house.seat()
    house.run("a")
    (order,) = link.orders
    house.dispatcher.attempts.succeed(AttemptRef("w1", order.number, order.token), "application/json", b"1", 0)
    assert status(house, "job_a") is JobStatus.SUCCEEDED
    assert house.notifier.told == ["job_a"]
    house.settle()
    assert house.stored("job_a") == house.stored("job_a")
    assert status(house, "job_a") is JobStatus.SUCCEEDED


def test_a_held_call_that_lasts_is_brought_to_disk(house: House) -> None:
    house.seat()
    house.run("a")
    house.dispatcher.tick()
    house.settle()
    assert house.stored("job_a") is None
    house.now += dispatch.CHECKPOINT
    house.dispatcher.tick()
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.status is JobStatus.RUNNING


def test_a_full_disk_delays_the_news_and_loses_nothing(house: House) -> None:
    link = house.seat()
    house.submit("a")
    (order,) = link.orders
    house.store.out_of_space = True
    house.dispatcher.attempts.succeed(AttemptRef("w1", order.number, order.token), "application/json", b"1", 0)
    for _ in range(3):
        house.settle()
    assert status(house, "job_a") is JobStatus.RUNNING
    house.store.out_of_space = False
    house.settle()
    assert status(house, "job_a") is JobStatus.SUCCEEDED


def test_a_lost_worker_requeues_its_job_in_front(house: House) -> None:
    house.seat("w1")
    house.submit("a")
    house.submit("b")
    house.dispatcher.attempts.depart("w1", Departure("was killed by signal 9 (SIGKILL)"))
    link = house.seat("w2", slots=2)
    assert [(order.job_id, order.attempt) for order in link.orders] == [("job_a", 2), ("job_b", 1)]


def test_a_job_that_used_up_its_attempts_fails_with_the_workers_last_lines(house: House) -> None:
    house.submit("a", max_attempts=2)
    for worker in ("w1", "w2"):
        house.seat(worker)
        house.dispatcher.attempts.depart(worker, Departure("exited with status 3", ("the end",)))
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.error is not None
    assert (stored.status, stored.error.code, stored.error.worker_log) == (
        JobStatus.FAILED,
        "worker_lost",
        ("the end",),
    )


def test_what_the_handler_printed_last_is_part_of_its_workers_last_lines(house: House) -> None:
    house.submit("a", max_attempts=2)
    for worker in ("w1", "w2"):
        link = house.seat(worker)
        house.settle()
        order = link.orders[0]
        ref = AttemptRef(worker, order.number, order.token)
        house.dispatcher.attempts.log(ref, "stdout", f"{worker} begins\n".encode())
        house.dispatcher.attempts.log(ref, "stderr", f"{worker} is at its ".encode())
        house.dispatcher.attempts.log(ref, "stderr", b"end\n")
        house.dispatcher.attempts.depart(
            worker, Departure("was killed by signal 11 (SIGSEGV)", ("Segmentation fault",))
        )
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.error is not None
    assert stored.error.worker_log == ("w2 begins", "w2 is at its end", "Segmentation fault")


def test_a_late_result_of_a_lost_attempt_changes_nothing(house: House) -> None:
    first = house.seat("w1")
    house.submit("a")
    house.dispatcher.attempts.depart("w1", Departure("vanished"))
    second = house.seat("w2")
    stale, current = first.orders[0], second.orders[0]
    house.dispatcher.attempts.succeed(AttemptRef("w1", stale.number, stale.token), "application/json", b"stale", 0)
    house.dispatcher.attempts.succeed(AttemptRef("w2", current.number, stale.token), "application/json", b"stale", 0)
    house.settle()
    assert status(house, "job_a") is JobStatus.RUNNING
    house.dispatcher.attempts.succeed(AttemptRef("w2", current.number, current.token), "application/json", b"true", 0)
    house.dispatcher.attempts.fail(AttemptRef("w2", current.number, current.token), JobError("x", "twice"))
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.output is not None
    assert stored.output.data == b"true"


def test_cancel_of_a_running_job_waits_for_the_worker(house: House) -> None:
    link = house.seat()
    house.submit("a")
    (order,) = link.orders
    assert house.dispatcher.stops.cancel("job_a")
    assert link.cancels == [(order.number, "cancelled")]
    house.settle()
    assert status(house, "job_a") is JobStatus.RUNNING
    house.dispatcher.attempts.stopped(AttemptRef("w1", order.number, order.token))
    house.settle()
    assert status(house, "job_a") is JobStatus.CANCELLED


def test_a_worker_that_ignores_a_cancel_is_given_up_after_the_grace(house: House) -> None:
    house.seat()
    house.submit("a")
    house.dispatcher.stops.cancel("job_a")
    house.dispatcher.tick()
    assert house.stuck == []
    house.now += stops.STOP_GRACE
    house.dispatcher.tick()
    assert house.stuck == ["w1"]
    house.dispatcher.attempts.depart("w1", Departure("was killed by signal 9 (SIGKILL)"))
    house.settle()
    assert status(house, "job_a") is JobStatus.CANCELLED


def test_what_a_worker_held_that_ended_for_anothers_sake_loses_no_attempt_though_it_was_begun(house: House) -> None:
    house.seat("w1", slots=2)
    house.submit("a")
    house.submit("b")
    house.dispatcher.stops.cancel("job_a")
    house.dispatcher.attempts.depart("w1", Departure("ended together with the process that it shared", blameless=True))
    house.settle()
    assert status(house, "job_a") is JobStatus.CANCELLED
    link = house.seat("w2")
    assert [(order.job_id, order.attempt) for order in link.orders] == [("job_b", 1)]


def test_the_neighbour_of_a_stuck_job_may_finish_and_loses_no_attempt(house: House) -> None:
    house.seat("w1", slots=2)
    house.submit("a")
    house.submit("b")
    house.dispatcher.stops.cancel("job_a")
    house.now += stops.STOP_GRACE
    house.dispatcher.tick()
    assert house.stuck == []
    house.now += stops.STOP_GRACE_SHARED
    house.dispatcher.tick()
    assert house.stuck == ["w1"]
    house.dispatcher.attempts.depart("w1", Departure("was killed by signal 9 (SIGKILL)"))
    link = house.seat("w2")
    assert [(order.job_id, order.attempt) for order in link.orders] == [("job_b", 1)]


def test_a_job_that_finishes_before_its_cancel_arrives_has_succeeded(house: House) -> None:
    link = house.seat()
    house.submit("a")
    (order,) = link.orders
    house.dispatcher.stops.cancel("job_a")
    house.dispatcher.attempts.succeed(AttemptRef("w1", order.number, order.token), "application/json", b"1", 0)
    house.settle()
    assert status(house, "job_a") is JobStatus.SUCCEEDED


def test_an_attempt_over_its_timeout_is_asked_to_stop(house: House) -> None:
    link = house.seat()
    house.submit("a", timeout=5.0)
    (order,) = link.orders
    for _ in range(60):
        house.now += 0.1
        house.dispatcher.tick()
    assert link.cancels == [(order.number, "timed_out")]
    house.dispatcher.attempts.stopped(AttemptRef("w1", order.number, order.token))
    house.settle()
    assert status(house, "job_a") is JobStatus.TIMED_OUT


def test_a_job_that_waits_too_long_times_out_in_the_queue(house: House) -> None:
    house.submit("a", ttl=3.0)
    for _ in range(40):
        house.now += 0.1
        house.dispatcher.tick()
    house.settle()
    assert status(house, "job_a") is JobStatus.TIMED_OUT
    assert house.seat().orders == []


def test_a_stream_that_has_begun_is_not_repeated(house: House) -> None:
    link = house.seat()
    house.submit("a")
    (order,) = link.orders
    house.dispatcher.attempts.piece(AttemptRef("w1", order.number, order.token), "application/json", b"1")
    house.dispatcher.attempts.depart("w1", Departure("vanished"))
    house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.error is not None
    assert stored.status is JobStatus.FAILED
    assert "streamed" in stored.error.message


def test_large_payloads_travel_through_the_blob_store(house: House) -> None:
    big = b'"' + b"x" * INLINE_LIMIT + b'"'
    job = house.job("a")
    name = drive(house.blobs.put(big))
    job = replace(job, input=Payload.stored(name, len(big), "application/json"))
    house.dispatcher.admit(job, recorded=False)
    link = house.seat()
    assert link.orders == []
    house.settle()
    (order,) = link.orders
    assert order.body == big
    house.dispatcher.attempts.succeed(AttemptRef("w1", order.number, order.token), "application/json", big, 0)
    for _ in range(4):
        house.settle()
    stored = house.stored("job_a")
    assert stored is not None
    assert stored.output is not None
    assert drive(house.blobs.get(stored.output.blob or "")) == big


def test_purge_cancels_what_waits_and_leaves_what_runs(house: House) -> None:
    house.seat()
    for name in "abc":
        house.submit(name)
    assert len(house.dispatcher.stops.purge(["v"])) == 2
    house.settle()
    assert [status(house, f"job_{n}") for n in "abc"] == [JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.CANCELLED]


def test_an_attempt_handed_back_by_a_draining_worker_does_not_count(house: House) -> None:
    link = house.seat()
    house.submit("a")
    (order,) = link.orders
    house.dispatcher.claims.stop_taking("w1")
    house.dispatcher.attempts.hand_back(AttemptRef("w1", order.number, order.token))
    second = house.seat("w2")
    assert [(o.job_id, o.attempt) for o in second.orders] == [("job_a", 1)]


def test_a_job_that_has_just_ended_is_told_from_memory_until_its_time_is_over(house: House) -> None:
    link = house.seat()
    house.submit("a", retention=5.0)
    house.dispatcher.attempts.succeed(ref_of(link), "application/json", b"1", 0)
    house.settle()
    job = house.dispatcher.open_jobs.job("job_a")
    assert job == house.stored("job_a")
    assert len(house.dispatcher.open_jobs) == 0
    house.now += 5.0
    assert house.dispatcher.open_jobs.job("job_a") is None


def test_only_the_latest_and_small_ones_are_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_jobs, "REMEMBERED", 2)
    link = house.seat()
    for name, size in (("a", 1), ("b", 1), ("c", 1), ("d", open_jobs.REMEMBERED_SIZE)):
        house.submit(name)
        house.dispatcher.attempts.succeed(ref_of(link), "application/json", b"1" * size, 0)
        house.settle()
    assert [house.dispatcher.open_jobs.job(f"job_{name}") is not None for name in "abcd"] == [False, True, True, False]


def ref_of(link: FakeLink) -> AttemptRef:
    return AttemptRef("w1", link.orders[-1].number, link.orders[-1].token)
