"""Rollouts: calls go where aliases and canaries say, for those who may say it, and still do after a restart."""

from __future__ import annotations

import asyncio
import timeit
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import check_hidden, ref, run
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Version, Visibility
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.views import ShareView
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.rollouts import Rollouts
from trivet.platform.services.tallies import LATEST, Tallies

HELLO = ref("ada/hello")


class Stage(Plant):
    """Ada's endpoint in the versions 1.0.0 to 1.2.0, of which the last is current."""

    def __init__(self) -> None:
        super().__init__()
        self.ada: Principal = self.account("ada")
        self.versions: dict[str, Version] = {}
        for _ in range(3):
            _, version = self.offer(self.ada, "ada/hello", scaling=ScalingPolicy(minimum=0))
            self.versions[version.number] = version

    def build(self) -> None:
        super().build()
        self.tallies = Tallies(self.endpoints, self.clock)
        self.dispatcher.open_jobs.on_end = self.tallies.ended
        self.rollouts = Rollouts(self.endpoints, self.dispatcher.board, self.tallies)

    def alias(self, name: str, *versions: tuple[str, int | None]) -> None:
        run(self.rollouts.set_alias(self.ada, HELLO, name, versions))

    def canary(self, version: str, weight: int) -> None:
        run(self.rollouts.set_canary(self.ada, HELLO, version, weight))

    def picked(self, text: str = "ada/hello", calls: int = 1, affinity: str | None = None) -> Counter[str]:
        """The numbers of the versions that so many calls get."""
        picks = (self.endpoints.pick(self.ada, ref(text), affinity=affinity) for _ in range(calls))
        return Counter(version.number for _, version in picks)

    def id(self, number: str) -> str:
        return self.versions[number].id


@pytest.fixture
def stage() -> Stage:
    return Stage()


# -- where calls go


def test_an_alias_is_called_in_place_of_a_version(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", None))
    for text in ("ada/hello@prod", "ada/hello/prod"):
        assert stage.picked(text) == {"1.0.0": 1}
    assert stage.picked() == {"1.2.0": 1}
    stage.alias("prod", ("1.1", None))
    assert stage.picked("ada/hello@prod") == {"1.1.0": 1}
    run(stage.rollouts.remove_alias(stage.ada, HELLO, "prod"))
    with pytest.raises(NotFound, match="'prod'"):
        stage.picked("ada/hello@prod")


def test_an_alias_splits_its_calls_as_the_weights_say(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", None), ("1.1.0", 25))
    found = stage.picked("ada/hello@prod", calls=2000)
    assert set(found) == {"1.0.0", "1.1.0"}
    assert 400 <= found["1.1.0"] <= 600


def test_a_canary_gets_its_share_of_unpinned_calls_and_of_no_others(stage: Stage) -> None:
    stage.canary("1.0.0", 25)
    found = stage.picked(calls=2000)
    assert set(found) == {"1.0.0", "1.2.0"}
    assert 400 <= found["1.0.0"] <= 600
    assert stage.picked("ada/hello@latest", calls=50) == {"1.2.0": 50}
    assert stage.picked("ada/hello@1.1.0", calls=50) == {"1.1.0": 50}


def test_callers_with_an_affinity_get_one_version_while_the_weights_stand(stage: Stage) -> None:
    stage.canary("1.0.0", 50)
    users = [f"user-{number}" for number in range(200)]
    first = {user: stage.picked(calls=5, affinity=user) for user in users}
    assert all(len(found) == 1 for found in first.values())
    on_canary = {user for user, found in first.items() if "1.0.0" in found}
    assert 60 <= len(on_canary) <= 140
    stage.canary("1.0.0", 80)
    assert on_canary <= {user for user in users if stage.picked(affinity=user) == {"1.0.0": 1}}


def test_the_same_caller_gets_the_same_version_by_an_alias_and_by_a_canary_of_the_same_weights(stage: Stage) -> None:
    stage.canary("1.0.0", 30)
    stage.alias("prod", ("1.2.0", None), ("1.0.0", 30))
    for user in (f"user-{number}" for number in range(50)):
        assert stage.picked(affinity=user) == stage.picked("ada/hello@prod", affinity=user)


def test_a_promoted_canary_gets_all_calls_and_a_rollback_goes_back(stage: Stage) -> None:
    stage.canary("1.1.0", 10)
    run(stage.rollouts.promote(stage.ada, HELLO))
    assert stage.picked(calls=50) == {"1.1.0": 50}
    run(stage.endpoints.rollback(stage.ada, HELLO))
    assert stage.picked(calls=50) == {"1.2.0": 50}


@pytest.mark.parametrize(
    "end",
    [
        lambda stage: stage.rollouts.end_canary(stage.ada, HELLO),
        lambda stage: stage.endpoints.rollback(stage.ada, HELLO),
        lambda stage: stage.endpoints.rollback(stage.ada, HELLO, "1.2.0"),
        lambda stage: stage.rollouts.promote(stage.ada, HELLO, "1.2.0"),
    ],
    ids=["ended", "rolled back", "rolled back to", "promoted another"],
)
def test_a_canary_can_be_ended_in_several_ways(stage: Stage, end: Callable[[Stage], Any]) -> None:
    stage.canary("1.1.0", 10)
    run(end(stage))
    assert stage.picked(calls=50) == {"1.2.0": 50}


def test_a_version_that_is_held_is_reached_by_its_hash_and_changes_nothing_for_others(stage: Stage) -> None:
    before = stage.endpoints.find(stage.ada, HELLO, Scope.READ)
    endpoint, version = stage.publish(stage.ada, "ada/hello", digest="c" * 64, held=True)
    assert (version.is_held, version.number) == (True, f"0.0.0-build.g{'c' * 12}")
    assert endpoint == before
    assert stage.publish(stage.ada, "ada/hello", digest="d" * 64)[1].number == "1.3.0"


def test_the_first_version_of_an_endpoint_may_be_held(stage: Stage) -> None:
    endpoint, version = stage.publish(stage.ada, "ada/new", digest="c" * 64, held=True)
    assert (endpoint.current_id, version.is_held) == (None, True)


@pytest.mark.parametrize("option", [{"number": "3.0.0"}, {"canary": 10}])
def test_what_is_held_has_no_number_and_no_share(stage: Stage, option: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="held"):
        stage.publish(stage.ada, "ada/hello", digest="c" * 64, held=True, **option)


def test_a_version_deployed_as_a_canary_is_there_but_not_current(stage: Stage) -> None:
    endpoint, version = stage.publish(stage.ada, "ada/hello", digest="c" * 64, canary=20)
    assert version.number == "1.3.0"
    assert (endpoint.current_id, stage.rollouts.canary(endpoint)) == (stage.id("1.2.0"), ShareView("1.3.0", 20))
    assert set(stage.picked(calls=200)) == {"1.2.0", "1.3.0"}


def test_a_version_deployed_with_no_percent_is_reached_by_its_number_alone(stage: Stage) -> None:
    stage.publish(stage.ada, "ada/hello", digest="c" * 64, canary=0)
    assert stage.picked(calls=200) == {"1.2.0": 200}
    assert stage.picked("ada/hello@1.3.0") == {"1.3.0": 1}


def test_a_percent_that_can_not_be_is_refused_before_anything_is_built(stage: Stage) -> None:
    with pytest.raises(BadRequest, match="100 percent"):
        stage.submit(stage.ada, name="ada/hello", canary=100)


def test_a_restart_finds_aliases_and_canary_as_they_were(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", 40), ("1.1.0", 60))
    stage.canary("1.0.0", 10)
    again = Endpoints(stage.store, stage.clock, stage.entropy)
    run(again.load())
    assert again.all() == stage.endpoints.all()
    assert again.pick(stage.ada, ref("ada/hello@prod"), affinity="x") == stage.endpoints.pick(
        stage.ada, ref("ada/hello@prod"), affinity="x"
    )


def test_an_endpoint_that_is_removed_takes_its_aliases_along(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", None))
    run(stage.endpoints.remove(stage.ada, HELLO))
    stage.offer(stage.ada, "ada/hello")
    with pytest.raises(NotFound, match="no version 'prod'"):
        stage.picked("ada/hello@prod")


# -- what can't be


def test_a_version_that_is_not_there_can_stand_behind_nothing(stage: Stage) -> None:
    before = stage.endpoints.all()
    for attempt in (
        lambda: stage.alias("prod", ("9.0.0", None)),
        lambda: stage.canary("9.0.0", 10),
        lambda: run(stage.rollouts.promote(stage.ada, HELLO, "9.0.0")),
    ):
        with pytest.raises(NotFound, match=r"9\.0\.0"):
            attempt()
    assert stage.endpoints.all() == before


def test_an_alias_of_one_version_can_be_named_where_one_version_is_needed_and_a_split_one_can_not(stage: Stage) -> None:
    stage.alias("good", ("1.0.0", None))
    stage.alias("mixed", ("1.0.0", 50), ("1.1.0", 50))
    stage.alias("prod", ("good", None))
    assert stage.picked("ada/hello@prod") == {"1.0.0": 1}
    assert stage.endpoints.version_of(stage.ada, HELLO, "good")[1].number == "1.0.0"
    for attempt in (
        lambda: stage.alias("prod", ("mixed", None)),
        lambda: run(stage.rollouts.promote(stage.ada, HELLO, "mixed")),
        lambda: stage.endpoints.version_of(stage.ada, HELLO, "mixed"),
    ):
        with pytest.raises(BadRequest, match="several versions") as caught:
            attempt()
        assert "1.0.0, 1.1.0" in caught.value.hint


def test_what_is_not_there_is_answered_with_the_names_that_are(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", None))
    with pytest.raises(NotFound) as caught:
        stage.picked("ada/hello@prd")
    assert "prod" in caught.value.hint
    with pytest.raises(NotFound, match="no alias 'prd'"):
        stage.rollouts.alias(stage.ada, HELLO, "prd")


# -- who may


def test_who_sees_an_endpoint_sees_its_aliases_and_only_who_manages_it_changes_them(stage: Stage) -> None:
    stage.alias("prod", ("1.0.0", None))
    ben = stage.account("ben")
    ways: list[Callable[[str], object]] = [
        lambda name: stage.rollouts.aliases(ben, ref(name)),
        lambda name: stage.rollouts.health(ben, ref(name), "1.0.0"),
        lambda name: run(stage.rollouts.set_alias(ben, ref(name), "prod", [("1.0.0", None)])),
        lambda name: run(stage.rollouts.set_canary(ben, ref(name), "1.0.0", 10)),
    ]
    for way in ways:
        check_hidden(way, "ada/hello", "ada/nobody")
    run(stage.endpoints.update(stage.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC)))
    assert [alias.name for alias in stage.rollouts.aliases(ben, HELLO)] == ["prod"]
    for work in (
        stage.rollouts.set_alias(ben, HELLO, "prod", [("1.0.0", None)]),
        stage.rollouts.remove_alias(ben, HELLO, "prod"),
        stage.rollouts.set_canary(ben, HELLO, "1.0.0", 10),
        stage.rollouts.end_canary(ben, HELLO),
        stage.rollouts.promote(ben, HELLO),
    ):
        with pytest.raises(Forbidden):
            run(work)


# -- workers


def test_versions_that_calls_get_unnamed_keep_the_minimum_of_workers(stage: Stage) -> None:
    run(stage.endpoints.update(stage.ada, HELLO, EndpointChange(workers=(1, 2))))
    assert set(stage.endpoints.warm_versions()) == {stage.id("1.2.0")}
    stage.canary("1.1.0", 10)
    stage.alias("prod", ("1.0.0", None))
    assert set(stage.endpoints.warm_versions()) == {stage.id(number) for number in ("1.0.0", "1.1.0", "1.2.0")}

    async def scene() -> None:
        stage.scaling.tick()
        for version in stage.versions.values():
            assert len(stage.workers.register.ids_of(version.id)) == 1
            await stage.hand(version, start=False)
        await stage.rollouts.remove_alias(stage.ada, HELLO, "prod")
        stage.now += 2.0
        stage.scaling.tick()
        assert len(stage.dispatcher.board.seats(stage.id("1.1.0"))) == 1
        assert [seat.taking for seat in stage.dispatcher.board.seats(stage.id("1.0.0"))] == [False]

    stage.play(scene())


# -- how versions do


def test_ends_of_jobs_are_counted_by_version_with_their_durations(stage: Stage) -> None:
    version = stage.versions["1.2.0"]

    async def scene() -> None:
        hand = await stage.hand(version)
        for seconds in (0.1, 0.3, 0.2):
            call = asyncio.ensure_future(stage.calls.run(stage.ada, HELLO, payload()))
            await stage.until(lambda: len(hand.orders) > 0)
            stage.now += seconds
            hand.succeed(order=hand.orders.pop())
            await call
        call = asyncio.ensure_future(stage.calls.run(stage.ada, HELLO, payload()))
        await stage.until(lambda: len(hand.orders) > 0)
        hand.fail(order=hand.orders.pop())
        await call
        await stage.calls.submit(stage.ada, ref("ada/hello@1.0.0"), payload())

    began = stage.now
    stage.play(scene())
    health = stage.rollouts.health(stage.ada, HELLO, "latest")
    assert (health.endpoint_name, health.version_number) == ("ada/hello", "1.2.0")
    assert {status: count for status, count in health.jobs.items() if count} == {
        JobStatus.SUCCEEDED: 3,
        JobStatus.FAILED: 1,
    }
    assert health.tally.since == pytest.approx(began + 0.1)
    assert health.tally.quantile(0.5) == pytest.approx(200.0)
    assert health.tally.quantile(0.95) == pytest.approx(300.0)
    waiting = stage.rollouts.health(stage.ada, HELLO, "1.0.0")
    assert (waiting.jobs[JobStatus.QUEUED], waiting.tally.since, waiting.tally.quantile(0.5)) == (1, None, None)


def test_a_tally_is_bounded_and_forgets_what_was_removed(stage: Stage) -> None:
    version = stage.versions["1.2.0"]

    async def ended_job() -> Any:
        view = await stage.calls.submit(stage.ada, HELLO, payload())
        return replace(view.job, status=JobStatus.SUCCEEDED, started_at=1.0, finished_at=2.0)

    job = stage.play(ended_job())
    for _ in range(LATEST + 10):
        stage.tallies.ended(job)
    tally = stage.tallies.of(version.id)
    assert (tally.ended[JobStatus.SUCCEEDED], len(tally.durations)) == (LATEST + 10, LATEST)
    run(stage.endpoints.remove(stage.ada, HELLO))
    stage.tallies.ended(job)
    assert stage.tallies.of(version.id).ended == {}


# -- the price


def test_choosing_costs_little_with_a_split_and_nothing_without(stage: Stage) -> None:
    def cost(affinity: str | None = None) -> float:
        rounds = 2000
        pick = lambda: stage.endpoints.pick(stage.ada, HELLO, affinity=affinity)  # noqa: E731 - what is timed
        return min(timeit.repeat(pick, number=rounds, repeat=3)) / rounds

    plain = cost()
    stage.canary("1.1.0", 10)
    assert plain < 50e-6  # about one; the bounds are wide because machines are shared
    assert cost() < 100e-6
    assert cost("user") < 200e-6
