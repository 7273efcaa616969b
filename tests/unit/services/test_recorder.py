"""The recorder, driven step by step: what is on disk when, and who has been told by then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from trivet.platform.core.errors import StorageFull
from trivet.platform.core.jobs import EventKind, Job, JobEvent, JobPolicy, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.ports.stores import Transaction
from trivet.platform.services.recorder import Recorder
from trivet.platform.stores.memory import MemoryStore

T = TypeVar("T")


class Turn:
    """Something to await that gives way once."""

    def __await__(self) -> Generator[None]:
        yield


class SlowStore(MemoryStore):
    """Takes a turn for every write, as a disk does; one job of a name that can't be stored is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await Turn()
        self.writes += 1

        def unit(tx: Transaction) -> T:
            result = work(tx)
            if tx.jobs.get("job_bad") is not None:
                raise ValueError("no row can hold that")
            return result

        return await super().write(unit)


class Desk:
    """A recorder whose background work goes on when the test says so."""

    def __init__(self) -> None:
        self.store = SlowStore()
        self.work: list[Coroutine[Any, Any, None]] = []
        self.told: list[str] = []
        self.recorder = Recorder(self.store, self.work.append, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        await Turn()

    async def never(self, seconds: float) -> None:
        while True:
            await Turn()

    def record(self, name: str, status: JobStatus = JobStatus.QUEUED, events: int = 0, *, awaited: bool = True) -> None:
        job = Job(
            f"job_{name}", "e", "v", "acc", Payload.inline(b"1"), JobPolicy(), 0.0, status, finished_at=_end(status)
        )
        noted = [JobEvent(job.id, seq + 1, 1, EventKind.LOG, 0.0, b"line") for seq in range(events)]
        self.recorder.record(job, noted, lambda: self.told.append(f"{name} {status}"), awaited=awaited)

    def turn(self) -> None:
        """One turn of the loop."""
        for work in list(self.work):
            try:
                work.send(None)
            except StopIteration:
                self.work.remove(work)

    def finish(self) -> None:
        for _ in range(100):
            if not self.work:
                return
            self.turn()
        raise AssertionError("it does not come to an end")

    def stored(self, name: str) -> JobStatus | None:
        job = self.look(lambda tx: tx.jobs.get(f"job_{name}"))
        return None if job is None else job.status

    def look(self, work: Callable[[Transaction], T]) -> T:
        try:
            self.store.read(work).send(None)
        except StopIteration as end:
            value: T = end.value
            return value
        raise AssertionError("a read in memory does not wait")


def _end(status: JobStatus) -> float | None:
    return 1.0 if status is JobStatus.SUCCEEDED else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nobody_is_told_before_it_is_on_disk(desk: Desk) -> None:
    desk.record("a")
    desk.turn()
    assert (desk.stored("a"), desk.told) == (None, [])
    desk.turn()
    assert (desk.stored("a"), desk.told) == (JobStatus.QUEUED, ["a queued"])


def test_what_comes_while_a_batch_is_written_shares_the_next_write(desk: Desk) -> None:
    desk.record("a")
    desk.turn()
    for name in "bcd":
        desk.record(name)
    assert len(desk.work) == 1
    desk.finish()
    assert desk.store.writes == 2
    assert desk.told == ["a queued", "b queued", "c queued", "d queued"]


def test_states_of_one_job_reach_the_disk_in_their_order(desk: Desk) -> None:
    for status in (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.SUCCEEDED):
        desk.record("a", status)
    desk.finish()
    assert desk.stored("a") is JobStatus.SUCCEEDED
    assert desk.told == ["a queued", "a running", "a succeeded"]


def test_events_reach_the_disk_with_their_job(desk: Desk) -> None:
    desk.record("a", events=3)
    desk.finish()
    assert [event.seq for event in desk.look(lambda tx: tx.jobs.events("job_a"))] == [1, 2, 3]


def test_a_full_disk_holds_everything_up_and_loses_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.store.out_of_space = True
    desk.record("a", JobStatus.RUNNING)
    desk.record("a", JobStatus.SUCCEEDED)
    with caplog.at_level(logging.INFO):
        for _ in range(10):
            desk.turn()
        desk.record("b")
        assert isinstance(desk.recorder.stalled, StorageFull)
        assert desk.told == []
        desk.store.out_of_space = False
        desk.finish()
    assert desk.recorder.stalled is None
    assert desk.told == ["a running", "a succeeded", "b queued"]
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "jobs can't be recorded now",
        "jobs are being recorded again",
    ]


def test_one_entry_that_can_not_be_stored_takes_no_other_along(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "bad", "c"):
        desk.record(name)
    desk.finish()
    desk.record("d")
    desk.finish()
    assert desk.told == ["a queued", "c queued", "d queued"]
    assert desk.stored("bad") is None
    assert "job_bad can't be recorded" in caplog.text


def test_a_recorder_at_rest_starts_again(desk: Desk) -> None:
    desk.record("a")
    desk.finish()
    desk.record("b")
    desk.finish()
    assert desk.told == ["a queued", "b queued"]


def test_an_entry_without_a_job_is_told_in_its_turn(desk: Desk) -> None:
    desk.record("a")
    desk.recorder.record(None, then=lambda: desk.told.append("behind a"))
    desk.finish()
    assert desk.told == ["a queued", "behind a"]


def test_entries_that_nobody_waits_for_gather_for_a_moment_and_share_a_write(desk: Desk) -> None:
    desk.record("a", awaited=False)
    desk.turn()
    desk.record("b", awaited=False)
    desk.finish()
    assert (desk.store.writes, desk.told) == (1, ["a queued", "b queued"])


def test_an_entry_that_somebody_waits_for_is_written_at_once_behind_those_before_it(desk: Desk) -> None:
    desk.recorder._sleep = desk.never
    desk.record("a", awaited=False)
    desk.record("a", JobStatus.SUCCEEDED)
    for _ in range(10):
        desk.turn()
    assert (desk.store.writes, desk.told) == (1, ["a queued", "a succeeded"])


def test_what_nobody_waits_for_does_not_keep_a_writer_going(desk: Desk) -> None:
    desk.record("a")
    desk.turn()
    desk.record("b", awaited=False)
    desk.record("c", awaited=False)
    desk.finish()
    assert (desk.store.writes, desk.told) == (2, ["a queued", "b queued", "c queued"])
    assert desk.recorder._pending == []


def test_a_platform_that_stops_keeps_nothing_back(desk: Desk) -> None:
    desk.recorder._sleep = desk.never
    desk.record("a", awaited=False)
    desk.recorder.hurry()
    for _ in range(10):
        desk.turn()
    desk.record("b", awaited=False)
    for _ in range(10):
        desk.turn()
    assert desk.told == ["a queued", "b queued"]
