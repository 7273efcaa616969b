"""Alarms: each job is called for when its moment has come, in order, and once for each alarm."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.jobs import Job, JobPolicy
from trivet.platform.core.payloads import EMPTY_INPUT
from trivet.platform.services.alarms import Alarms
from trivet.platform.services.live import LiveJob


def live(job_id: str, *, offset: float = 0.0) -> LiveJob:
    return LiveJob(Job(job_id, "e", "v", "acc", EMPTY_INPUT, JobPolicy(ttl=50.0), 0.0), offset=offset)


@given(moments=st.lists(st.floats(0, 100)), now=st.floats(0, 100))
def test_those_whose_moment_has_come_are_called_in_order_and_once(moments: list[float], now: float) -> None:
    alarms = Alarms()
    for place, moment in enumerate(moments):
        alarms.set(live(str(place)), moment)
    called = [moments[int(job_id)] for job_id in alarms.ring(now)]
    assert called == sorted(moment for moment in moments if moment <= now)
    assert len([*alarms.ring(100.0)]) == len(moments) - len(called)
    assert [*alarms.ring(100.0)] == []


def test_an_alarm_that_is_set_while_others_ring_rings_with_them_where_it_is_due() -> None:
    alarms = Alarms()
    alarms.set(live("first"), 1.0)
    called = []
    for job_id in alarms.ring(2.0):
        called.append(job_id)
        if job_id == "first":
            alarms.set(live("second"), 1.5)
            alarms.set(live("later"), 2.5)
    assert called == ["first", "second"]


def test_alarms_of_jobs_that_have_ended_are_forgotten_once_there_are_many() -> None:
    alarms = Alarms()
    for number in range(3000):
        alarms.set(live(str(number)), 1.0)
    alarms.keep({"7"})
    assert [*alarms.ring(1.0)] == ["7"]


def test_an_alarm_is_set_in_the_time_of_its_job_and_rings_by_the_clock() -> None:
    alarms = Alarms()
    alarms.set(live("behind", offset=-5.0), 1.0)
    alarms.set_limit(live("limited", offset=40.0))
    assert [*alarms.ring(5.9)] == []
    assert [*alarms.ring(6.0)] == ["behind"]
    assert [*alarms.ring(9.9)] == []
    assert [*alarms.ring(10.0)] == ["limited"]
