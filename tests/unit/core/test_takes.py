"""Workers that come and ask: what is concluded from what they say and do not say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core import takes
from trivet.platform.core.takes import Ghost, HeldAttempt


def held(*, begun: bool = True, shown: bool = False, timeout: float = 60.0) -> HeldAttempt:
    attempt = HeldAttempt("job_1", 7, "token", timeout, taken_at=100.0)
    attempt = takes.begin(attempt, 100.0) if begun else attempt
    return takes.show(attempt) if shown else attempt


# -- signs of an attempt ------------------------------------------------------------------------------------------------


def test_a_sign_makes_an_attempt_shown_and_forgets_absences() -> None:
    absent = takes.after_ping(held(), frozenset())
    assert absent.absences == 1
    shown = takes.show(absent, pieces=2)
    assert (shown.shown, shown.absences, shown.pieces) == (True, 0, 2)
    assert takes.show(shown, pieces=1).pieces == 3
    assert takes.show(shown) is shown


def test_a_ping_that_names_an_attempt_is_a_sign_of_it() -> None:
    assert takes.after_ping(held(), frozenset({"job_0", "job_1"})).shown


@given(st.lists(st.booleans(), max_size=8), st.floats(0.0, 100.0))
def test_an_attempt_is_missing_after_two_pings_in_a_row_without_it_and_two_intervals(
    named: list[bool], age: float
) -> None:
    attempt = held()
    for present in named:
        attempt = takes.after_ping(attempt, frozenset({"job_1"} if present else ()))
    silent = len(named) >= 2 and not any(named[-2:])
    assert takes.is_missing(attempt, 100.0 + age, 10.0) == (silent and 100.0 + age - 100.0 >= 20.0)


def test_what_waits_its_turn_in_the_worker_is_never_missed_by_pings() -> None:
    attempt = held(begun=False)
    for _ in range(5):
        attempt = takes.after_ping(attempt, frozenset())
    assert not takes.is_missing(attempt, 1000.0, 10.0)


@pytest.mark.parametrize(
    ("gap", "interval"), [(2.0, 2.0), (10.0, 10.0), (0.7, 1.0), (0.1, 10.0), (3600.0, 10.0), (0.0, 10.0)]
)
def test_the_interval_of_pings_is_what_lies_between_two_unless_that_can_not_be(gap: float, interval: float) -> None:
    assert takes.ping_interval(10.0, gap) == interval


# -- life ---------------------------------------------------------------------------------------------------------------


def test_a_ping_proves_the_life_of_a_worker_whose_end_would_be_seen() -> None:
    assert takes.is_sign_of_life(remote=False, polled_at=0.0, left_at=0.0, attempts=(), now=1e6)


@pytest.mark.parametrize(
    ("now", "attempts", "alive"),
    [
        (30.0, [], True),
        (31.0, [], False),
        (160.0, [held()], True),
        (161.0, [held()], False),
        (161.0, [held(), held(timeout=90.0)], True),
        (1e6, [held(begun=False)], True),
    ],
)
def test_from_elsewhere_it_does_while_the_worker_polls_or_may_be_at_work(
    now: float, attempts: list[HeldAttempt], alive: bool
) -> None:
    assert takes.is_sign_of_life(remote=True, polled_at=0.0, left_at=None, attempts=attempts, now=now) is alive


@pytest.mark.parametrize(("now", "alive"), [(80.0, True), (80.1, False)])
def test_from_elsewhere_it_does_not_for_long_once_the_worker_has_hung_up(now: float, alive: bool) -> None:
    assert takes.is_sign_of_life(remote=True, polled_at=50.0, left_at=50.0, attempts=[held()], now=now) is alive


# -- answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sizes", "count"), [([], 0), ([10], 1), ([10, 20, 30], 3), ([10, 20, 80], 2), ([200, 1], 1)])
def test_an_answer_holds_what_fits_and_one_job_at_least(
    sizes: list[int], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takes, "ANSWER_SIZE", 100)
    assert takes.fitting(sizes) == count


def test_a_job_that_gets_lost_again_and_again_waits_longer_each_time() -> None:
    assert [takes.redelivery_pause(losses) for losses in (1, 2, 3, 4, 5, 60)] == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_a_name_from_elsewhere_is_its_endpoints_and_keeps_the_workers_own() -> None:
    assert takes.own_name(takes.name_elsewhere("pod-1", "e1")) == "pod-1"
    assert takes.name_elsewhere("pod-1", "e1") != takes.name_elsewhere("pod-1", "e2")
    assert takes.own_name("wrk_1") == "wrk_1"


# -- ghosts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alone", "now", "ends"), [(True, 104.9, False), (True, 105.0, True), (False, 129.9, False), (False, 130.0, True)]
)
def test_a_worker_ends_for_a_handler_that_does_not_stop_later_where_it_holds_more(
    alone: bool, now: float, ends: bool
) -> None:
    ghosts = [Ghost("job_1", 100.0), Ghost("job_2", 104.0)]
    assert takes.must_end(ghosts, alone=alone, now=now) is ends
    assert not takes.must_end([], alone=alone, now=now)


# -- surplus ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pace", "waiting", "workers", "more"),
    [
        (None, 100, 1, 0),
        (0.51, 100, 1, 0),
        (0.5, 100, 1, 2),
        (0.3, 100, 1, 4),
        (0.001, 100, 1, 32),
        (0.0, 100, 1, 32),
        (0.001, 0, 1, 0),
        (0.001, 5, 1, 5),
        (0.001, 5, 2, 3),
        (0.001, 5, 100, 1),
        (0.001, 5, 0, 5),
    ],
)
def test_a_quick_worker_is_given_a_second_of_work_and_its_share_at_most(
    pace: float | None, waiting: int, workers: int, more: int
) -> None:
    assert takes.surplus(pace, waiting, workers) == more


@given(st.floats(0.0, 10.0), st.integers(-5, 10_000), st.integers(0, 100))
def test_surplus_never_exceeds_its_limit_nor_what_waits(pace: float, waiting: int, workers: int) -> None:
    more = takes.surplus(pace, waiting, workers)
    assert 0 <= more <= min(takes.SURPLUS_LIMIT, max(0, waiting))
    assert more <= 1 or (more - 1) * pace < takes.SURPLUS_WINDOW
    assert isinstance(more, int)
    assert math.isfinite(more)


# -- results that never came --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "turned into JSON."),
        (("Started.", "bye"), "Its log says: bye"),
        (
            ("Started.", "ERROR: a set is not JSON serializable", "Finished."),
            "says: ERROR: a set is not JSON serializable",
        ),
        (("x" * 1000,), "says: " + "x" * 500),
        (("   ",), "turned into JSON."),
    ],
)
def test_a_lost_result_is_told_with_what_the_log_says_of_it(lines: tuple[str, ...], said: str) -> None:
    error = takes.result_lost(lines)
    assert (error.code, error.worker_log) == (takes.RESULT_LOST, lines)
    assert error.message.endswith(said)
    assert error.hint


def test_a_stop_is_told_again_once_half_a_second_later() -> None:
    ghost = Ghost("j", 100.0)
    assert not takes.must_remind(ghost, 100.4)
    assert takes.must_remind(ghost, 100.5)
    assert not takes.must_remind(Ghost("j", 100.0, reminded=True), 103.0)
