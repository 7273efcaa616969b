"""Lanes: whose turn it is to be sent, while receivers are slow and places are few.

A lane is what one account sends to one host. Its messages lie in the store; here it is only known from when on it has one
that is due, so that memory does not grow with the messages that wait.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from typing import NamedTuple

AT_ONCE = 64
"""Messages under way at a time."""
PER_HOST = 4
PER_ACCOUNT = 16


class Lane(NamedTuple):
    """What one account sends to one host."""

    host: str
    account_id: str

    @property
    def places(self) -> tuple[str, str]:
        """What its messages take a place of: the host's, and the account's. No host has an ``@`` in it."""
        return self.host, f"@{self.account_id}"


class Turn(NamedTuple):
    """A lane that may send so many messages now."""

    lane: Lane
    most: int


class Lanes:
    """Gives the lanes their turns. One that was just served comes behind those that are due as well.

    A lane that is due and finds its host or its account busy waits aside, and is called when a place there becomes free:
    finding the next costs the same however many wait.
    """

    def __init__(self) -> None:
        self._due: dict[Lane, float] = {}
        self._order: list[tuple[float, Lane]] = []
        self._waiting: dict[str, deque[Lane]] = {}
        self._aside: set[Lane] = set()
        self._busy: Counter[str] = Counter()
        self._under_way = 0

    def note(self, lane: Lane, at: float) -> None:
        """A message of the lane is due from ``at`` on."""
        if at < self._due.get(lane, float("inf")):
            self._due[lane] = at
            if lane not in self._aside:
                heapq.heappush(self._order, (at, lane))

    def next_at(self) -> float | None:
        """When the next lane is due; None where none is known to be. Lanes that wait for a place don't count."""
        while self._order:
            at, lane = self._order[0]
            if self._due.get(lane) == at and lane not in self._aside:
                return at
            heapq.heappop(self._order)  # it was noted anew since, or has had its turn
        return None

    def turn(self, now: float) -> Turn | None:
        """The lane that may send now, or None. It is taken out: note what is left of it, and then `offer` its places."""
        while self._under_way < AT_ONCE and (at := self.next_at()) is not None and at <= now:
            _, lane = heapq.heappop(self._order)
            host, account = lane.places
            for_host, for_account = PER_HOST - self._busy[host], PER_ACCOUNT - self._busy[account]
            if for_host > 0 and for_account > 0:
                del self._due[lane]
                return Turn(lane, min(for_host, for_account, AT_ONCE - self._under_way))
            self._aside.add(lane)
            self._waiting.setdefault(account if for_host > 0 else host, deque()).append(lane)
            self.offer(lane)
        return None

    def began(self, lane: Lane) -> None:
        """A message of the lane is under way."""
        self._busy.update(lane.places)
        self._under_way += 1

    def ended(self, lane: Lane) -> None:
        """A message of the lane is under way no more."""
        self._busy.subtract(lane.places)
        self._under_way -= 1
        self.offer(lane)

    def offer(self, lane: Lane) -> None:
        """Calls those who have waited longest for the places that the lane has left free, at its host and of its account."""
        for place, most in zip(lane.places, (PER_HOST, PER_ACCOUNT), strict=True):
            if not self._busy[place]:
                del self._busy[place]
            waiting = self._waiting.get(place)
            if waiting and self._busy[place] < most:
                called = waiting.popleft()
                if not waiting:
                    del self._waiting[place]
                self._aside.remove(called)
                heapq.heappush(self._order, (self._due[called], called))
