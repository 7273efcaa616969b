"""Workers that poll over a bad network: whatever is lost between, each job ends once, with a result that was reported for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.services.hall import Caller, Hall, names
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.workers import Departure

WORKERS = 3
Step = Callable[["World", "Simulated", int], Awaitable[None]]


@dataclass
class Simulated:
    """A worker as it is in truth: ``running`` is what it works on."""

    caller: Caller
    running: list[str] = field(default_factory=list)

    def pop(self, which: int) -> str | None:
        """One of those that it works on, which ends."""
        return self.running.pop(which % len(self.running)) if self.running else None


class World:
    """Some workers, the jobs that were queued, and what was accepted for each of them."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.workers: list[Simulated] = []
        self.job_ids: list[str] = []
        self.accepted: dict[str, list[str]] = {}

    async def step(self, what: Step, which: int) -> None:
        await what(self, self.workers[which % WORKERS], which)
        await self.hall.settle()
        await self.replace_the_dead()
        self.check()

    # -- what may happen ------------------------------------------------------------------------------------------------

    async def queue(self, _: Simulated, which: int) -> None:
        self.job_ids.append(await self.hall.queue())

    async def take(self, worker: Simulated, which: int) -> None:
        worker.running += await self.taken(worker, which % 3 + 1)

    async def lose_an_answer(self, worker: Simulated, which: int) -> None:
        await self.taken(worker, 1)

    async def taken(self, worker: Simulated, most: int) -> list[str]:
        """What a poll gives that is not held for long."""
        poll = worker.caller.waits(most, busy=bool(worker.running), hold=60.0)
        await self.hall.settle()
        if not poll.done():
            poll.cancel()
            await self.hall.settle()
            return []
        return names(poll.result())

    async def finish(self, worker: Simulated, which: int) -> None:
        self.report(worker, worker.pop(which), failed=False)

    async def fail(self, worker: Simulated, which: int) -> None:
        self.report(worker, worker.pop(which), failed=True)

    async def lose_a_result(self, worker: Simulated, which: int) -> None:
        worker.pop(which)

    async def ping(self, worker: Simulated, which: int) -> None:
        worker.caller.ping(*worker.running)

    async def stop(self, worker: Simulated, which: int) -> None:
        for job_id in await worker.caller.stops():
            if job_id in worker.running:
                worker.running.remove(job_id)

    async def cancel(self, worker: Simulated, which: int) -> None:
        if self.job_ids:
            self.hall.dispatcher.stops.cancel(self.job_ids[which % len(self.job_ids)])

    async def die(self, worker: Simulated, which: int) -> None:
        self.hall.runtime.end(worker.caller.id, Departure.of_exit(-9))

    async def wait(self, worker: Simulated, which: int) -> None:
        self.hall.later(float(which % 15))

    # -- what holds -----------------------------------------------------------------------------------------------------

    def report(self, worker: Simulated, job_id: str | None, *, failed: bool) -> None:
        caller = worker.caller
        if job_id is None:
            return
        if caller.fail(job_id) if failed else caller.succeed(job_id, caller.id):
            self.accepted.setdefault(job_id, []).append("failed" if failed else caller.id)

    async def replace_the_dead(self) -> None:
        self.workers = [w for w in self.workers if self.hall.workers.register.known(w.caller.id) is not None]
        while len(self.workers) < WORKERS:
            self.workers.append(Simulated(await self.hall.newcomer()))

    def check(self) -> None:
        """No job is two workers' at a time, and both sides of this platform agree on whose it is."""
        desks = list(self.hall.takes._reception.desks())
        given = [job_id for desk in desks for job_id in (*desk.held, *(o.job_id for o in desk.waiting.values()))]
        assert len(given) == len(set(given))
        for desk in desks:
            seat = self.hall.dispatcher.board.seat_of(desk.worker_id)
            seated = {live.job.id for live in seat.lives()} if seat is not None else set()
            assert set(desk.held) <= seated

    async def come_to_an_end(self) -> None:
        """From now on nothing is lost any more."""
        for _ in range(200):
            if not len(self.hall.dispatcher.open_jobs):
                return
            for worker in list(self.workers):
                worker.running += await self.taken(worker, 5)
                while worker.running:
                    self.report(worker, worker.running.pop(), failed=False)
            await self.hall.settle()
            self.hall.later(1.0)
            await self.replace_the_dead()


STEPS: list[Step] = [
    World.queue,
    World.take,
    World.lose_an_answer,
    World.finish,
    World.fail,
    World.lose_a_result,
    World.ping,
    World.stop,
    World.cancel,
    World.die,
    World.wait,
]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 59)), max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_job_ends_once_and_as_was_reported(steps: list[tuple[Step, int]]) -> None:
    hall = Hall()
    world = World(hall)

    async def scene() -> None:
        await world.replace_the_dead()
        for what, which in steps:
            await world.step(what, which)
        await world.come_to_an_end()
        assert len(hall.dispatcher.open_jobs) == 0
        for job_id in world.job_ids:
            job = await hall.job(job_id)
            accepted = world.accepted.get(job_id, [])
            assert len(accepted) == (job.status is JobStatus.SUCCEEDED or accepted == ["failed"])
            if job.status is JobStatus.SUCCEEDED:
                assert job.output is not None
                assert job.output.data == f'"{accepted[0]}"'.encode()
            assert job.attempt <= job.policy.max_attempts

    hall.play(scene())
