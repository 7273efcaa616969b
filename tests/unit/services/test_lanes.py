"""Whose turn it is: nobody is forgotten, nobody takes more places than there are, and nobody waits for a stranger."""

from __future__ import annotations

import heapq
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from trivet.platform.services.lanes import AT_ONCE, PER_ACCOUNT, PER_HOST, Lane, Lanes

ADA_A, ADA_B, SAM_A = Lane("a", "ada"), Lane("b", "ada"), Lane("a", "sam")


def test_a_lane_has_its_turn_when_it_is_due() -> None:
    lanes = Lanes()
    lanes.note(ADA_A, 10.0)
    assert lanes.turn(9.0) is None
    assert lanes.next_at() == 10.0
    turn = lanes.turn(10.0)
    assert turn is not None
    assert (turn.lane, turn.most) == (ADA_A, PER_HOST)
    assert (lanes.turn(10.0), lanes.next_at()) == (None, None)


def test_an_earlier_moment_counts_and_a_later_one_does_not() -> None:
    lanes = Lanes()
    for at in (10.0, 5.0, 20.0):
        lanes.note(ADA_A, at)
    assert lanes.next_at() == 5.0
    assert lanes.turn(30.0) is not None
    assert lanes.turn(30.0) is None


def test_who_was_served_comes_behind_who_is_due_as_well() -> None:
    lanes = Lanes()
    lanes.note(ADA_A, 1.0)
    lanes.note(SAM_A, 2.0)
    turn = lanes.turn(3.0)
    assert turn is not None
    assert turn.lane == ADA_A
    lanes.note(ADA_A, 3.0)
    turn = lanes.turn(3.0)
    assert turn is not None
    assert turn.lane == SAM_A


def test_who_finds_its_host_busy_is_called_when_a_place_is_free_there() -> None:
    lanes = Lanes()
    for _ in range(PER_HOST):
        lanes.began(ADA_A)
    lanes.note(SAM_A, 0.0)
    lanes.note(ADA_B, 1.0)
    turn = lanes.turn(5.0)
    assert turn is not None
    assert turn.lane == ADA_B
    assert lanes.turn(5.0) is None
    lanes.ended(ADA_A)
    turn = lanes.turn(5.0)
    assert turn is not None
    assert (turn.lane, turn.most) == (SAM_A, 1)


def test_a_place_that_was_offered_and_not_taken_is_offered_to_the_next() -> None:
    lanes = Lanes()
    for _ in range(PER_HOST):
        lanes.began(ADA_A)
    lanes.note(SAM_A, 0.0)
    lanes.note(Lane("a", "eve"), 1.0)
    assert lanes.turn(5.0) is None
    lanes.ended(ADA_A)
    turn = lanes.turn(5.0)
    assert turn is not None
    assert turn.lane == SAM_A
    lanes.offer(turn.lane)  # what it had to send is gone
    turn = lanes.turn(5.0)
    assert turn is not None
    assert turn.lane.account_id == "eve"


def test_an_account_can_t_take_the_places_of_another_by_the_name_of_a_host() -> None:
    lanes = Lanes()
    for _ in range(PER_ACCOUNT):
        lanes.began(Lane("acc_ada", "acc_eve"))
    lanes.note(Lane("b", "acc_ada"), 0.0)
    assert lanes.turn(1.0) is not None


LANES = [Lane(host, account) for host in "abcdefgh" for account in ("x", "y", "z")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LANES), st.integers(1, 12)), min_size=1, max_size=40), st.randoms())
def test_every_message_is_sent_once_within_the_bounds_whatever_comes_and_ends_when(
    messages: list[tuple[Lane, int]], chance: object
) -> None:
    lanes, queued, under_way, busy = Lanes(), Counter[Lane](), list[Lane](), Counter[str]()
    pending = list(messages)
    total = sum(count for _, count in messages)
    sent = 0
    for step in range(10 * total + 100):
        if pending and chance.random() < 0.5:  # type: ignore[attr-defined]  # hypothesis' own random
            lane, count = pending.pop()
            queued[lane] += count
            lanes.note(lane, float(step))
        while (turn := lanes.turn(float(step))) is not None:
            taken = min(turn.most, queued[turn.lane])
            queued[turn.lane] -= taken
            sent += taken
            for _ in range(taken):
                lanes.began(turn.lane)
                under_way.append(turn.lane)
                busy.update(turn.lane.places)
            if queued[turn.lane]:
                lanes.note(turn.lane, float(step))
            lanes.offer(turn.lane)
        assert len(under_way) <= AT_ONCE
        assert all(count <= (PER_ACCOUNT if place[0] == "@" else PER_HOST) for place, count in busy.items())
        if under_way and chance.random() < 0.7:  # type: ignore[attr-defined]  # see above
            lane = under_way.pop(chance.randrange(len(under_way)))  # type: ignore[attr-defined]  # see above
            busy.subtract(lane.places)
            lanes.ended(lane)
    assert (sent, sum(queued.values()), pending) == (total, 0, [])


def test_finding_the_next_costs_the_same_however_many_wait_for_a_busy_account() -> None:
    lanes = Lanes()
    for _ in range(PER_ACCOUNT):
        lanes.began(ADA_A)
    for number in range(10_000):
        lanes.note(Lane(f"h{number}", "ada"), 0.0)
    assert lanes.turn(1.0) is None  # all of them step aside, once
    pushes = 0

    def counted(heap: list[object], item: object) -> None:
        nonlocal pushes
        pushes += 1
        push(heap, item)  # type: ignore[misc]  # a heap of anything

    push = heapq.heappush
    heapq.heappush = counted  # type: ignore[assignment]  # counts
    try:
        lanes.ended(ADA_A)
        assert lanes.turn(1.0) is not None
    finally:
        heapq.heappush = push
    assert pushes <= 2
