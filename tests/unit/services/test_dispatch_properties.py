"""The dispatcher between callers and workers who do whatever they like: what callers are shown stays true."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.jobs import Job, JobStatus, Priority
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.server.bootstrap import DISPATCH_TICK
from trivet.platform.services.workers import SILENCE

T = TypeVar("T")
TIMEOUT = 10.0
PICK = st.sampled_from((0, 0, 1, 1, 2, 3, 5, 8))
"""One of many: which, counted from the newest; the oldest where there are not so many."""


class CallersAndWorkers(RuleBasedStateMachine):
    """Callers submit, look and cancel; workers come, go, and report about anything that they were ever sent."""

    def __init__(self) -> None:
        super().__init__()
        self.plant = Plant()
        self.loop = asyncio.new_event_loop()
        self.admin = self.plant.admin
        # two at a time, so that a worker can hold several and others are sent ahead
        _, self.version = self.plant.offer(self.admin, "admin/f", concurrency=2, max_attempts=2, timeout=TIMEOUT)
        self.jobs: list[str] = []
        self.hands: list[Hand] = []
        self.alive: set[str] = set()
        self.ends: dict[str, tuple[JobStatus, object]] = {}
        self.answers = 0

    def teardown(self) -> None:
        """At the end a good worker does all that is left, and nothing is lost."""
        try:
            self.finish()
        finally:
            self.run(self.plant.tasks.close())
            self.loop.close()

    def finish(self) -> None:
        for hand in [hand for hand in self.hands if hand.id in self.alive]:
            self.kill(hand)
        for _ in range(40):
            self.run(self.plant.settle())
            if all(self.look(job_id).is_final for job_id in self.jobs):
                break
            good = self.hire()
            for order in list(good.orders):
                self.do(good.succeed, '"done"', order)
            self.run(self.plant.settle())
            self.kill(good)
        else:
            raise AssertionError("some jobs never come to their end")
        self.an_end_stays()
        for job_id in self.jobs:
            assert self.run(self.plant.stored(job_id)) == self.look(job_id)

    @initialize(workers=st.integers(1, 2), jobs=st.integers(2, 5))
    def open(self, workers: int, jobs: int) -> None:
        """Something goes on from the start, whichever steps are drawn afterwards."""
        for _ in range(workers):
            self.hire()
        for _ in range(jobs):
            self.jobs.append(self.run(self.plant.calls.submit(self.admin, ref("admin/f"), payload())).job.id)

    # -- callers ------------------------------------------------------------------------------------------------------

    @rule(
        held=st.booleans(),
        last=st.booleans(),
        priority=st.sampled_from(Priority),
        ttl=st.sampled_from((None, None, 20.0)),
    )
    def submit(self, held: bool, last: bool, priority: Priority, ttl: float | None) -> None:
        options = CallOptions(priority=priority, ttl=ttl, max_attempts=1 if last else None)
        way = self.plant.calls.start_stream if held else self.plant.calls.submit
        view = self.run(way(self.admin, ref("admin/f"), payload(), options))
        self.jobs.append(view.job.id)

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        if self.jobs:
            self.do(self.plant.dispatcher.stops.cancel, _one(self.jobs, pick))

    # -- workers ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.alive) < 3)
    @rule()
    def arrive(self) -> None:
        self.hire()

    @rule(hand=PICK, order=PICK, pieces=st.integers(0, 2))
    def succeed(self, hand: int, order: int, pieces: int) -> None:
        for worker, sent in self.sent(hand, order):
            self.answers += 1
            self.do(worker.succeed, str(self.answers), sent, pieces)

    @rule(hand=PICK, order=PICK)
    def fail(self, hand: int, order: int) -> None:
        for worker, sent in self.sent(hand, order):
            self.do(worker.fail, "it broke", sent)

    @rule(hand=PICK, order=PICK)
    def stream(self, hand: int, order: int) -> None:
        for worker, sent in self.sent(hand, order):
            self.do(worker.piece, "1", sent)

    @rule(hand=PICK, order=PICK)
    def stopped(self, hand: int, order: int) -> None:
        for worker, sent in self.sent(hand, order):
            self.do(worker.stopped, sent)

    @precondition(lambda self: self.alive)
    @rule(hand=PICK)
    def die(self, hand: int) -> None:
        self.kill(_one([worker for worker in self.hands if worker.id in self.alive], hand))

    @precondition(lambda self: self.alive)
    @rule(hand=PICK)
    def drain(self, hand: int) -> None:
        """A worker is told to end by somebody else, and hands back what it has not begun."""
        worker = _one([worker for worker in self.hands if worker.id in self.alive], hand)
        self.do(self.plant.workers.draining, worker.id)
        seat = self.plant.dispatcher.board.seat_of(worker.id)
        for order in [order for order in worker.orders if seat is not None and order.number in seat.ahead]:
            self.do(self.plant.workers.returned, worker.ref(order))

    # -- time ---------------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.0, 0.2, 2.0, TIMEOUT + 0.1, SILENCE + 1.0)))
    def wait(self, seconds: float) -> None:
        for passed in (seconds, DISPATCH_TICK, DISPATCH_TICK):
            self.plant.now += passed
            self.run(self.tick())
        self.an_overdue_attempt_has_been_asked_to_stop()

    def an_overdue_attempt_has_been_asked_to_stop(self) -> None:
        for seat in self.plant.dispatcher.board.seats(self.version.id):
            for live in seat.held.values():
                deadline = live.job.deadline
                if live.is_open and deadline is not None and deadline <= self.plant.now - 2 * DISPATCH_TICK:
                    assert live.job.stop_reason is not None

    @rule()
    def rest(self) -> None:
        self.run(self.plant.settle())

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def an_end_stays(self) -> None:
        for job_id in self.jobs:
            job = self.look(job_id)
            end = (job.status, job.output.data if job.output is not None else job.error)
            if job_id in self.ends:
                assert end == self.ends[job_id], "a final job has changed"
            elif job.is_final:
                self.ends[job_id] = end

    @invariant()
    def no_job_is_tried_more_often_than_it_may(self) -> None:
        for job_id in self.jobs:
            job = self.look(job_id)
            assert 0 <= job.attempt <= job.policy.max_attempts

    @invariant()
    def a_job_is_in_one_place(self) -> None:
        dispatcher = self.plant.dispatcher
        places: Counter[str] = Counter()
        for seat in dispatcher.board.seats(self.version.id):
            # one that was sent ahead and is asked to stop counts as begun, as only its worker can tell
            assert sum(live.job.stop_reason is None for live in seat.held.values()) <= seat.slots
            places.update(live.job.id for live in seat.lives())
        assert [job_id for job_id, times in places.items() if times > 1] == []
        for job_id in self.jobs:
            job = dispatcher.open_jobs.job(job_id)
            if job is not None and job.status is JobStatus.QUEUED and places[job_id]:
                assert any(
                    live.job.id == job_id for s in dispatcher.board.seats(self.version.id) for live in s.ahead.values()
                )

    @invariant()
    def no_attempt_is_handed_out_twice(self) -> None:
        tokens = Counter(order.token for hand in self.hands for order in hand.orders)
        assert [token for token, times in tokens.items() if times > 1] == []

    # -- inner --------------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def do(self, step: Callable[..., object], *arguments: object) -> None:
        """Something that happens on the server's loop, in one piece; what it sets off goes on later, bit by bit."""

        async def scene() -> None:
            step(*arguments)

        self.run(scene())

    async def tick(self) -> None:
        self.plant.dispatcher.tick()
        self.plant.workers.tick()
        await self.plant.settle()
        self.alive &= set(self.plant.runtime.started)

    def look(self, job_id: str) -> Job:
        """The job as a caller is shown it."""

        async def scene() -> Job:
            return (await self.plant.jobs.get(self.admin, job_id)).job

        return self.run(scene())

    def hire(self) -> Hand:
        hand = self.run(self.plant.hand(self.version))
        self.hands.append(hand)
        self.alive.add(hand.id)
        self.run(self.plant.settle())
        return hand

    def kill(self, hand: Hand) -> None:
        async def scene() -> None:
            self.plant.runtime.end(hand.id, Departure.of_exit(-9, ("bye",)))
            await self.plant.settle()

        self.alive.discard(hand.id)
        self.run(scene())

    def sent(self, hand: int, order: int) -> list[tuple[Hand, AttemptOrder]]:
        """An attempt that a worker was sent at some time, also one that is dead by now."""
        busy = [worker for worker in self.hands if worker.orders]
        if not busy:
            return []
        worker = _one(busy, hand)
        return [(worker, _one(worker.orders, order))]


def _one(things: list[T], pick: int) -> T:
    return things[-1 - min(pick, len(things) - 1)]


TestCallersAndWorkers = CallersAndWorkers.TestCase
TestCallersAndWorkers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
