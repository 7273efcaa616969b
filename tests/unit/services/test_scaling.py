"""Scaling: the number of workers follows the policy, from zero and back, and stays within it."""

from __future__ import annotations

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Version
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule
from trivet.platform.core.workers import Departure
from trivet.platform.services import stops


class Mill(Plant):
    def __init__(self) -> None:
        super().__init__()
        self.ada: Principal = self.account("ada")

    def hello(self, scaling: ScalingPolicy | None = None, **settings: int) -> Version:
        return self.offer(self.ada, "ada/hello", scaling=scaling or ScalingPolicy(), **settings)[1]

    async def call(self, count: int = 1) -> list[str]:
        return [(await self.calls.submit(self.ada, ref("ada/hello"), payload())).job.id for _ in range(count)]

    async def come_up(self, version: Version) -> list[Hand]:
        """All workers that the platform has started connect and are ready."""
        waiting = self.workers.register.starting(version.id)
        return [await self.hand(version, start=False) for _ in range(waiting)]

    def after(self, seconds: float) -> None:
        self.now += seconds
        for hand_id in self.workers.register.ids():
            self.workers.alive(hand_id)
        self.dispatcher.tick()
        self.workers.tick()
        self.scaling.tick()

    def many(self, version: Version) -> int:
        return len(self.workers.register.ids_of(version.id))


@pytest.fixture
def mill() -> Mill:
    return Mill()


def test_from_zero_the_first_worker_starts_at_once(mill: Mill) -> None:
    version = mill.hello()

    async def scene() -> None:
        mill.scaling.tick()
        assert mill.many(version) == 0
        await mill.call()
        assert mill.many(version) == 1
        await mill.call(5)
        mill.scaling.tick()
        assert mill.many(version) == 1
        (hand,) = await mill.come_up(version)
        assert len(hand.orders) == 1

    mill.play(scene())


def test_workers_are_added_while_jobs_wait_too_long_up_to_the_maximum(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(maximum=3, target=1.0))

    async def scene() -> None:
        await mill.call(20)
        await mill.come_up(version)
        mill.after(0.5)
        assert mill.many(version) == 1
        mill.after(0.6)
        assert mill.many(version) == 2
        await mill.come_up(version)
        for _ in range(5):
            mill.after(1.0)
            await mill.come_up(version)
        assert mill.many(version) == 3

    mill.play(scene())


def test_open_jobs_per_worker_may_be_the_rule(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(maximum=4, rule=ScalingRule.REQUEST_COUNT, target=2.0))

    async def scene() -> None:
        await mill.call(5)
        mill.scaling.tick()
        assert mill.many(version) == 3

    mill.play(scene())


def test_jobs_behind_others_are_answered_at_once_where_their_number_is_the_rule(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(maximum=4, rule=ScalingRule.REQUEST_COUNT, target=2.0))

    async def scene() -> None:
        await mill.call()
        await mill.come_up(version)
        await mill.call(4)
        assert mill.many(version) == 3

    mill.play(scene())


def test_jobs_that_wait_get_another_worker_at_once_when_the_last_one_stops_taking(mill: Mill) -> None:
    version = mill.hello()

    async def scene() -> None:
        await mill.call(4)
        (hand,) = await mill.come_up(version)
        mill.workers.draining(hand.id)
        assert mill.workers.register.starting(version.id) == 1

    mill.play(scene())


def test_the_minimum_is_kept_without_any_job_and_replaced_when_one_dies(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(minimum=2, maximum=3, idle_timeout=1.0))

    async def scene() -> None:
        mill.scaling.tick()
        hands = await mill.come_up(version)
        assert len(hands) == 2
        mill.after(1000.0)
        assert mill.many(version) == 2
        mill.runtime.end(hands[0].id, Departure.of_exit(1))
        assert mill.many(version) == 2

    mill.play(scene())


def test_an_idle_worker_above_the_minimum_is_drained_the_longest_idle_first(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(minimum=1, maximum=2, idle_timeout=10.0))

    async def scene() -> None:
        first = await mill.hand(version)
        mill.after(5.0)
        second = await mill.hand(version)
        mill.after(6.0)
        assert (first.drained, second.drained) == (True, False)
        mill.runtime.end(first.id, Departure.of_exit(0))
        mill.after(100.0)
        assert not second.drained

    mill.play(scene())


def test_down_to_zero(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(idle_timeout=10.0))

    async def scene() -> None:
        await mill.call()
        (hand,) = await mill.come_up(version)
        mill.after(60.0)
        assert not hand.drained
        hand.succeed()
        mill.after(9.9)
        assert not hand.drained
        mill.after(0.2)
        assert hand.drained

    mill.play(scene())


def test_idle_workers_of_a_superseded_version_stop_and_busy_ones_finish_first(mill: Mill) -> None:
    old = mill.hello(ScalingPolicy(minimum=2, maximum=2))

    async def scene() -> list[Hand]:
        mill.scaling.tick()
        hands = await mill.come_up(old)
        await mill.call()
        return hands

    idle, busy = sorted(mill.play(scene()), key=lambda hand: len(hand.orders))
    mill.deploy(mill.ada, "b" * 64, name="ada/hello")
    endpoint = mill.endpoints.find(mill.ada, ref("ada/hello"), Scope.READ)
    new = mill.endpoints.version(endpoint.current_id or "")
    assert new is not None
    assert new.id != old.id

    async def later() -> None:
        mill.after(1.1)
        assert (idle.drained, busy.drained) == (True, False)
        assert mill.many(new) == 2
        mill.runtime.end(idle.id, Departure.of_exit(0))
        busy.succeed()
        mill.after(1.1)
        assert busy.drained
        mill.runtime.end(busy.id, Departure.of_exit(0))
        mill.after(1.0)
        assert mill.many(old) == 0

    mill.play(later())


def test_jobs_pinned_to_a_superseded_version_still_get_a_worker(mill: Mill) -> None:
    old = mill.hello()
    mill.deploy(mill.ada, "b" * 64, name="ada/hello")

    async def scene() -> None:
        await mill.calls.submit(mill.ada, ref(f"ada/hello@{old.number}"), payload())
        assert mill.many(old) == 1

    mill.play(scene())


def test_the_workers_of_a_deleted_endpoint_stop(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(minimum=1))

    async def scene() -> None:
        mill.scaling.tick()
        (hand,) = await mill.come_up(version)
        await mill.endpoints.remove(mill.ada, ref("ada/hello"))
        mill.scaling.tick()
        assert hand.drained

    mill.play(scene())


def test_a_lower_maximum_stops_idle_workers_at_once(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(minimum=3, maximum=3))

    async def scene() -> None:
        mill.scaling.tick()
        hands = await mill.come_up(version)
        await mill.endpoints.update(mill.ada, ref("ada/hello"), EndpointChange(workers=(0, 1)))
        mill.scaling.tick()
        assert sum(hand.drained for hand in hands) == 2

    mill.play(scene())


def test_nothing_starts_while_a_crash_loop_pauses(mill: Mill) -> None:
    version = mill.hello()

    async def scene() -> None:
        await mill.call()
        for pause in (0.5, 1.0, 2.0):
            hand = await mill.hand(version, start=False, ready=False)
            mill.runtime.end(hand.id, Departure.of_exit(1))
            assert mill.many(version) == 0
            mill.after(pause - 0.01)
            assert mill.many(version) == 0
            await mill.call()
            assert mill.many(version) == 0
            mill.after(0.02)
            assert mill.many(version) == 1

    mill.play(scene())


def test_a_closed_platform_starts_nothing_but_goes_on_stopping(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(minimum=1))

    async def scene() -> None:
        mill.scaling.tick()
        (hand,) = await mill.come_up(version)
        mill.scaling.close()
        mill.runtime.end(hand.id, Departure.of_exit(0))
        await mill.call()
        mill.scaling.tick()
        assert mill.many(version) == 0
        other = await mill.hand(version)
        await mill.endpoints.remove(mill.ada, ref("ada/hello"))
        mill.scaling.tick()
        assert other.drained

    mill.play(scene())


def test_a_handler_that_is_slow_to_stop_does_not_cost_its_worker(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(maximum=1), concurrency=2)

    async def scene() -> None:
        slow, _ = await mill.call(2)
        (hand,) = await mill.come_up(version)
        mill.dispatcher.stops.cancel(slow)
        mill.after(stops.STOP_GRACE)
        hand.succeed(order=hand.orders[1])
        assert [order.job_id for order in hand.orders].count(slow) == 1
        await mill.call()
        assert len(hand.orders) == 2
        hand.stopped(hand.orders[0])
        assert len(hand.orders) == 3
        hand.succeed(order=hand.orders[2])
        assert mill.scaling.sample(version).ready == 1
        mill.after(60.0)
        assert (hand.drained, mill.runtime.killed) == (True, [])

    mill.play(scene())


def test_a_sample_counts_what_there_is(mill: Mill) -> None:
    version = mill.hello(ScalingPolicy(maximum=3), concurrency=2)

    async def scene() -> None:
        await mill.hand(version)
        mill.after(2.0)
        await mill.call(2)
        await mill.hand(version)
        await mill.hand(version, ready=False)
        mill.after(1.0)
        await mill.call(3)
        sample = mill.scaling.sample(version)
        assert (sample.queued, sample.running, sample.starting, sample.ready, sample.slots) == (1, 4, 1, 2, 2)
        assert (sample.idle_for, sample.oldest_wait, sample.blocked) == ((), 0.0, False)

    mill.play(scene())
