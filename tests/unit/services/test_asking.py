"""Workers that get nothing but what they ask for, and workers that live elsewhere."""

from __future__ import annotations

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.views import JobView
from trivet.platform.services.workers import SILENCE


class Counter(Plant):
    """Ada's ``ada/hello``, whose workers ask."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = self.account("ada")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", scaling=ScalingPolicy(0, 1), max_attempts=2)

    async def asker(self, worker_id: str = "") -> Hand:
        """A worker that asks; with an id, one that lives elsewhere."""
        if not worker_id:
            hand = await self.hand(self.version, ready=False)
        else:
            hand = Hand(self, worker_id)
            self.workers.connect(worker_id, self.workers.join(self.version, worker_id), hand)
        self.workers.ready(hand.id, asks=True)
        return hand

    async def call(self, options: CallOptions | None = None) -> JobView:
        reference = EndpointReference.parse("ada/hello")
        return await self.calls.submit(self.ada, reference, payload(), options or CallOptions())

    async def job(self, view: JobView) -> JobView:
        return await self.jobs.get(self.ada, view.job.id)


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_a_worker_gets_as_many_jobs_as_it_asked_for_and_no_more(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        for _ in range(4):
            await counter.call()
        assert hand.orders == []
        counter.dispatcher.claims.ask(hand.id, 2)
        assert len(hand.orders) == 2
        hand.succeed(order=hand.orders[0])
        assert len(hand.orders) == 2
        counter.dispatcher.claims.ask(hand.id, 1)
        assert len(hand.orders) == 3

    counter.play(scene())


def test_a_question_that_is_open_gets_the_next_job_and_one_that_is_over_does_not(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        counter.dispatcher.claims.ask(hand.id, 1)
        await counter.call()
        assert len(hand.orders) == 1
        counter.dispatcher.claims.ask(hand.id, 3)
        counter.dispatcher.claims.ask(hand.id, 0)
        await counter.call()
        assert len(hand.orders) == 1

    counter.play(scene())


def test_an_attempt_that_got_lost_counts_and_is_made_again_until_no_more_are_left(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        view = await counter.call()
        counter.dispatcher.claims.ask(hand.id, 1)
        counter.dispatcher.attempts.lost(hand.ref(), "never got it")
        queued = (await counter.job(view)).job
        assert (queued.status, queued.attempt) == (JobStatus.QUEUED, 1)
        counter.dispatcher.claims.ask(hand.id, 1)
        await counter.until(lambda: len(hand.orders) == 2)
        counter.dispatcher.attempts.lost(hand.ref(), "never got it")
        await counter.settle()
        failed = (await counter.job(view)).job
        assert failed.status is JobStatus.FAILED
        assert failed.error is not None
        assert "never got it" in failed.error.message
        seat = counter.dispatcher.board.seat_of(hand.id)
        assert seat is not None
        assert seat.jobs_done == 0

    counter.play(scene())


def test_what_is_said_of_an_attempt_that_got_lost_comes_too_late(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        view = await counter.call()
        counter.dispatcher.claims.ask(hand.id, 1)
        counter.dispatcher.attempts.lost(hand.ref(), "never got it")
        hand.succeed()
        assert (await counter.job(view)).job.status is JobStatus.QUEUED

    counter.play(scene())


def test_a_worker_from_elsewhere_is_started_and_stopped_by_nobody_here(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker("far-1")
        assert counter.workers.register.is_remote("far-1")
        assert counter.runtime.started == {}
        sample = counter.scaling.sample(counter.version)
        assert (sample.ready, sample.running, sample.idle_for) == (0, 0, ())
        await counter.call()
        counter.dispatcher.claims.ask(hand.id, 1)
        assert counter.scaling.sample(counter.version).running == 0
        counter.scaling.tick()
        assert not hand.drained

    counter.play(scene())


def test_a_worker_from_elsewhere_that_falls_silent_is_gone_and_its_job_waits_again(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker("far-1")
        view = await counter.call()
        counter.dispatcher.claims.ask(hand.id, 1)
        counter.now += SILENCE + 1
        counter.workers.tick()
        assert counter.workers.register.known("far-1") is None
        assert (await counter.job(view)).job.status is JobStatus.QUEUED
        assert "no sign of life" in "\n".join(
            line.text for line in counter.workers.logs.lines(counter.ada, EndpointReference.parse("ada/hello"))
        )

    counter.play(scene())


def test_a_worker_from_elsewhere_that_leaves_hands_back_what_it_holds_and_may_come_again(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker("far-1")
        view = await counter.call()
        counter.dispatcher.claims.ask(hand.id, 1)
        counter.workers.leave("far-1", "was moved to another version")
        job = (await counter.job(view)).job
        assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)  # it had not said that it had begun
        again = await counter.asker("far-1")
        counter.dispatcher.claims.ask(again.id, 1)
        assert len(again.orders) == 1

    counter.play(scene())


def test_the_id_of_a_worker_that_is_here_can_not_be_taken_by_another(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        with pytest.raises(Conflict):
            counter.workers.join(counter.version, hand.id)
        counter.workers.leave(hand.id, "was sent away")  # only who came from elsewhere can leave so
        assert counter.workers.register.known(hand.id) is not None

    counter.play(scene())


def test_what_a_worker_gets_beside_the_input_is_sealed_until_it_gets_there(counter: Counter) -> None:
    async def scene() -> None:
        hand = await counter.asker()
        view = await counter.call(CallOptions(aside=b'{"key":"secret"}'))
        stored = await counter.stored(view.job.id)
        assert stored is not None
        assert stored.aside is not None
        assert b"secret" not in stored.aside
        assert b"secret" not in repr(stored).encode()
        counter.dispatcher.claims.ask(hand.id, 1)
        assert counter.vault.unseal(hand.orders[0].aside or b"") == '{"key":"secret"}'
        replayed = await counter.replays.replay(counter.ada, view.job.id)
        assert counter.vault.unseal(replayed.job.aside or b"") == '{"key":"secret"}'

    counter.play(scene())


def test_a_replay_by_another_does_not_carry_what_the_first_caller_said_about_itself(counter: Counter) -> None:
    async def scene() -> None:
        view = await counter.call(CallOptions(aside=b'{"key":"secret"}'))
        replayed = await counter.replays.replay(counter.admin, view.job.id)
        assert replayed.job.aside is None

    counter.play(scene())
