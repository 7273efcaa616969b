"""Which processes are shared, and what the end of one means, as rules."""

from __future__ import annotations

import pytest

from trivet.platform.core.workers import Departure
from trivet.platform.runtimes.shared_rules import COMFORTABLE, Crowd, aftermath, choose
from trivet.protocol.shares import PLACES

CRASH = Departure.of_exit(-11, ("where it was",))


@pytest.mark.parametrize(
    ("crowds", "most", "chosen"),
    [
        ([], 2, None),
        ([Crowd(1, 0, False)], 2, 0),
        ([Crowd(COMFORTABLE, 0, False)], 2, None),
        ([Crowd(COMFORTABLE, 0, False)], 1, 0),
        ([Crowd(2, 2, False)], 2, None),
        ([Crowd(2, 2, False)], 1, 0),
        ([Crowd(1, 1, False), Crowd(5, 0, False)], 2, 1),
        ([Crowd(40, 1, False), Crowd(30, 1, False)], 2, 1),
        ([Crowd(1, 0, True)], 2, None),
        ([Crowd(1, 0, True)], 1, 0),
        ([Crowd(1, 0, True), Crowd(3, 1, False)], 2, 1),
        ([Crowd(PLACES, 0, False)], 1, None),
    ],
    ids=[
        *("the first", "there is room", "comfortably full", "no more may be started", "busy", "busy and no more"),
        *("the idler", "the emptier", "another of the version", "the same version and no more"),
        *("away from its own version", "no place is left"),
    ],
)
def test_a_worker_goes_where_it_finds_most_room(crowds: list[Crowd], most: int, chosen: int | None) -> None:
    assert choose(crowds, most) == chosen


def test_a_hundred_models_fill_as_many_processes_as_there_may_be_and_evenly() -> None:
    crowds: list[int] = []
    for _ in range(100):
        index = choose([Crowd(workers, 0, False) for workers in crowds], 2)
        if index is None:
            crowds.append(1)
        else:
            crowds[index] += 1
    assert crowds == [50, 50]


def test_the_only_one_at_work_departs_as_its_process_did() -> None:
    after = aftermath(CRASH, ["w1", "w2"], ["w1"], [])
    assert after.departures["w1"] == CRASH
    assert after.departures["w2"].blameless
    assert after.departures["w2"].last_lines == ()
    assert "SIGSEGV" in after.departures["w2"].reason
    assert after.suspects == {"w1"}


def test_where_several_were_at_work_all_are_suspects_and_none_pays() -> None:
    after = aftermath(CRASH, ["w1", "w2", "w3"], ["w1", "w2"], [])
    assert all(departure.blameless for departure in after.departures.values())
    assert after.suspects == {"w1", "w2"}


def test_where_none_was_at_work_nobody_is_suspected() -> None:
    after = aftermath(CRASH, ["w1", "w2"], [], [])
    assert all(departure.blameless for departure in after.departures.values())
    assert after.suspects == frozenset()


def test_whoever_had_to_be_killed_is_the_cause_whatever_others_did() -> None:
    after = aftermath(Departure.of_exit(-9), ["w1", "w2"], ["w1", "w2"], ["w1"])
    assert (after.departures["w1"].exit_code, after.departures["w1"].blameless) == (-9, False)
    assert after.departures["w2"].blameless
    assert after.suspects == {"w1"}
