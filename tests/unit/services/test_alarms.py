"""Alarms: each job is called for when its moment has come, in order, and once for each alarm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.services.alarms import Alarms


@given(moments=st.lists(st.floats(0, 100)), now=st.floats(0, 100))
def test_those_whose_moment_has_come_are_called_in_order_and_once(moments: list[float], now: float) -> None:
    alarms = Alarms()
    for place, moment in enumerate(moments):
        alarms.set(moment, str(place))
    called = [moments[int(job_id)] for job_id in alarms.ring(now)]
    assert called == sorted(moment for moment in moments if moment <= now)
    assert len([*alarms.ring(100.0)]) == len(moments) - len(called)
    assert [*alarms.ring(100.0)] == []


def test_an_alarm_that_is_set_while_others_ring_rings_with_them_where_it_is_due() -> None:
    alarms = Alarms()
    alarms.set(1.0, "first")
    called = []
    for job_id in alarms.ring(2.0):
        called.append(job_id)
        if job_id == "first":
            alarms.set(1.5, "second")
            alarms.set(2.5, "later")
    assert called == ["first", "second"]


def test_alarms_of_jobs_that_have_ended_are_forgotten_once_there_are_many() -> None:
    alarms = Alarms()
    for number in range(3000):
        alarms.set(1.0, str(number))
    alarms.keep({"7"})
    assert [*alarms.ring(1.0)] == ["7"]
