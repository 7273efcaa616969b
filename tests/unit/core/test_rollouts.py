"""Rollouts: which versions get calls after each step, as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.test_endpoints import ENDPOINT, version
from trivet.platform.core import rollouts
from trivet.platform.core.aliases import MAX_ALIASES, Alias, Share
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.core.rollouts import HISTORY_LIMIT

V1, V2, V3 = version("1.0.0"), version("2.0.0"), version("3.0.0")
SERVING = rollouts.publish(ENDPOINT, V1.id, 2.0)


def canary(weight: int = 10) -> Endpoint:
    return rollouts.set_canary(SERVING, V2, weight, 3.0)


def weights(endpoint: Endpoint) -> dict[str, int]:
    return {share.version_id: share.weight for share in endpoint.split}


# -- the current version


def test_the_version_published_last_is_current_and_a_rollback_goes_one_back() -> None:
    endpoint = rollouts.publish(rollouts.publish(ENDPOINT, "ver_1", 2.0), "ver_2", 3.0)
    assert (endpoint.current_id, endpoint.updated_at) == ("ver_2", 3.0)
    back = rollouts.roll_back(endpoint, 4.0)
    assert (back.current_id, back.updated_at) == ("ver_1", 4.0)
    with pytest.raises(BadRequest, match="no earlier version"):
        rollouts.roll_back(back, 5.0)


@given(published=st.lists(st.integers(0, 80), max_size=150))
def test_the_history_is_bounded_names_nothing_twice_and_ends_with_the_latest(published: list[int]) -> None:
    endpoint = ENDPOINT
    for number in published:
        endpoint = rollouts.publish(endpoint, f"ver_{number}", 2.0)
        assert endpoint.current_id == f"ver_{number}"
    assert len(endpoint.history) == len(set(endpoint.history)) <= HISTORY_LIMIT


# -- the canary


def test_without_a_canary_all_unpinned_calls_go_to_the_current_version() -> None:
    assert weights(SERVING) == {V1.id: 100}
    assert weights(ENDPOINT) == {}


def test_a_canary_gets_its_share_and_the_current_version_the_rest() -> None:
    endpoint = canary()
    assert weights(endpoint) == {V1.id: 90, V2.id: 10}
    assert (endpoint.current_id, endpoint.updated_at) == (V1.id, 3.0)
    assert weights(rollouts.set_canary(endpoint, V3, 50, 4.0)) == {V1.id: 50, V3.id: 50}


@pytest.mark.parametrize("weight", [0, 100, -1, 1000])
def test_a_canary_gets_1_to_99_percent(weight: int) -> None:
    with pytest.raises(BadRequest, match=f"{weight} percent"):
        canary(weight)


def test_the_current_version_can_not_be_its_own_canary() -> None:
    with pytest.raises(BadRequest, match=r"1\.0\.0 of mi6/hello gets all"):
        rollouts.set_canary(SERVING, V1, 10, 3.0)
    with pytest.raises(BadRequest):
        rollouts.set_canary(ENDPOINT, V1, 10, 3.0)


def test_a_promoted_canary_is_current_and_a_rollback_undoes_it() -> None:
    promoted = rollouts.promote(canary(), None, 4.0)
    assert (weights(promoted), promoted.history, promoted.updated_at) == ({V2.id: 100}, (V1.id, V2.id), 4.0)
    assert weights(rollouts.roll_back(promoted, 5.0)) == {V1.id: 100}


def test_promoting_a_certain_version_ends_any_canary() -> None:
    assert weights(rollouts.promote(canary(), V3.id, 4.0)) == {V3.id: 100}
    assert weights(rollouts.promote(canary(), V1.id, 4.0)) == {V1.id: 100}


def test_without_a_canary_there_is_nothing_to_promote_unless_it_is_named() -> None:
    with pytest.raises(BadRequest, match="no canary") as caught:
        rollouts.promote(SERVING, None, 4.0)
    assert "promote NAME" in caught.value.hint


def test_a_rollback_first_ends_the_canary_and_only_then_goes_back() -> None:
    endpoint = rollouts.set_canary(rollouts.publish(SERVING, V2.id, 3.0), V3, 20, 4.0)
    once = rollouts.roll_back(endpoint, 5.0)
    assert (weights(once), once.updated_at) == ({V2.id: 100}, 5.0)
    assert weights(rollouts.roll_back(once, 6.0)) == {V1.id: 100}


def test_ending_a_canary_twice_changes_nothing_the_second_time() -> None:
    ended = rollouts.end_canary(canary(), 4.0)
    assert weights(ended) == {V1.id: 100}
    assert rollouts.end_canary(ended, 5.0) is ended


# -- deploying


def test_a_plain_deployment_becomes_current_and_leaves_the_canary_its_share() -> None:
    assert weights(rollouts.deploy(canary(), V3.id, None, 4.0)) == {V3.id: 90, V2.id: 10}


def test_a_version_deployed_as_canary_takes_the_place_of_the_one_before() -> None:
    endpoint = rollouts.deploy(canary(), V3.id, 25, 4.0)
    assert weights(endpoint) == {V1.id: 75, V3.id: 25}
    assert (endpoint.history, endpoint.updated_at) == (SERVING.history, 4.0)


def test_a_version_deployed_with_no_percent_changes_nothing_for_callers() -> None:
    assert weights(rollouts.deploy(canary(), V3.id, 0, 4.0)) == {V1.id: 90, V2.id: 10}
    assert weights(rollouts.deploy(SERVING, V3.id, 0, 4.0)) == {V1.id: 100}


@pytest.mark.parametrize("percent", [None, 0, 10])
def test_a_first_version_serves_whatever_was_asked_for(percent: int | None) -> None:
    assert weights(rollouts.deploy(ENDPOINT, V1.id, percent, 4.0)) == {V1.id: 100}


# -- aliases


def test_an_alias_is_set_replaced_and_removed_and_they_stand_by_name() -> None:
    endpoint = rollouts.set_alias(SERVING, "prod", [(V1, None)], 3.0)
    endpoint = rollouts.set_alias(endpoint, "beta", [(V1, None), (V2, 25)], 4.0)
    assert endpoint.aliases == (
        Alias("beta", (Share(V1.id, 75), Share(V2.id, 25))),
        Alias("prod", (Share(V1.id, 100),)),
    )
    moved = rollouts.set_alias(endpoint, "prod", [(V2, 100)], 5.0)
    assert (moved.alias("prod"), moved.updated_at) == (Alias("prod", (Share(V2.id, 100),)), 5.0)
    left = rollouts.remove_alias(moved, "beta", 6.0)
    assert [alias.name for alias in left.aliases] == ["prod"]
    with pytest.raises(NotFound, match="'beta'") as caught:
        rollouts.remove_alias(left, "beta", 7.0)
    assert "prod" in caught.value.hint


def test_an_alias_names_each_version_once() -> None:
    with pytest.raises(BadRequest, match=r"1\.0\.0 is named twice"):
        rollouts.set_alias(SERVING, "prod", [(V1, 50), (V1, 50)], 3.0)


def test_aliases_are_bounded_but_one_that_is_there_can_still_be_moved() -> None:
    full = replace(SERVING, aliases=tuple(Alias(f"a{n}", (Share(V1.id, 100),)) for n in range(MAX_ALIASES)))
    with pytest.raises(BadRequest, match="the most"):
        rollouts.set_alias(full, "prod", [(V1, None)], 3.0)
    assert rollouts.set_alias(full, "a7", [(V2, None)], 3.0).alias("a7") == Alias("a7", (Share(V2.id, 100),))


def test_rollbacks_and_promotions_leave_aliases_alone() -> None:
    endpoint = rollouts.set_alias(canary(), "prod", [(V1, None)], 3.0)
    for changed in (rollouts.promote(endpoint, None, 4.0), rollouts.roll_back(endpoint, 4.0)):
        assert changed.aliases == endpoint.aliases


def test_serving_are_the_current_version_the_canary_and_what_stands_behind_aliases() -> None:
    endpoint = rollouts.set_alias(canary(), "prod", [(V3, None)], 4.0)
    assert endpoint.serving == {V1.id, V2.id, V3.id}
    assert [endpoint.serves(v) for v in (V1.id, V2.id, V3.id, "ver_9")] == [True, True, True, False]
    assert (SERVING.serves(V1.id), SERVING.serves(V2.id), ENDPOINT.serves(V1.id)) == (True, False, False)
