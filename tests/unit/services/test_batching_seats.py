"""Workers that take batches: what they were sent and have not begun is not theirs to lose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.services.test_dispatch import FakeLink, House, status
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import AttemptRef


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    for work in house.work:
        work.close()


def seat(house: House, worker_id: str = "w1", slots: int = 3) -> FakeLink:
    link = FakeLink()
    house.dispatcher.claims.seat(worker_id, "v", link, slots, tells=True)
    return link


def begin(house: House, link: FakeLink, place: int, worker_id: str = "w1") -> None:
    order = link.orders[place]
    house.dispatcher.attempts.begun(AttemptRef(worker_id, order.number, order.token))


def test_what_was_not_begun_costs_no_attempt_when_its_worker_is_lost(house: House) -> None:
    link = seat(house)
    for name in "ab":
        house.submit(name)
    begin(house, link, 0)
    house.dispatcher.attempts.depart("w1", Departure("was killed"))
    later = seat(house, "w2")
    assert [(order.job_id, order.attempt) for order in later.orders] == [("job_a", 2), ("job_b", 1)]


def test_the_timeout_runs_from_when_the_attempt_is_begun(house: House) -> None:
    link = seat(house)
    house.submit("a", timeout=5.0)
    house.now += 4.0
    house.dispatcher.tick()
    begin(house, link, 0)
    house.now += 4.0
    house.dispatcher.tick()
    assert link.cancels == []
    house.now += 1.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[0].number, "timed_out")]


def test_what_is_never_begun_still_has_a_time_to_live(house: House) -> None:
    link = seat(house)
    house.submit("a", ttl=5.0)
    house.dispatcher.tick()
    house.now += 5.0
    house.dispatcher.tick()
    assert link.cancels == [(link.orders[0].number, "timed_out")]


def test_a_worker_with_nothing_to_do_comes_before_a_place_in_the_next_batch(house: House) -> None:
    busy, idle = seat(house, "w1"), seat(house, "w2")
    house.submit("a")
    begin(house, busy, 0)
    for name in "bcd":
        house.submit(name)
    assert [order.job_id for order in idle.orders] == ["job_b", "job_c", "job_d"]
    house.submit("e")
    assert [order.job_id for order in busy.orders] == ["job_a", "job_e"]


def test_a_beginning_is_told_once_and_by_its_holder(house: House) -> None:
    link = seat(house)
    house.submit("a")
    order = link.orders[0]
    house.dispatcher.attempts.begun(AttemptRef("w1", order.number, "another"))
    assert house.dispatcher.open_jobs.job("job_a").started_at is None  # type: ignore[union-attr]  # it is open
    begin(house, link, 0)
    began = house.now
    house.now += 1.0
    begin(house, link, 0)
    assert house.dispatcher.open_jobs.job("job_a").started_at == began  # type: ignore[union-attr]  # it is open
    assert status(house, "job_a") is JobStatus.RUNNING
