"""Which process a worker shares with which others, and what the end of one means for each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from trivet.platform.core.workers import Departure
from trivet.protocol.shares import KILLED, PLACES

COMFORTABLE = 8
"""How many workers a process has before another one is started for the next."""
_BUSY = 2
"""How many of them are at work when another one is started for the next."""


class Crowd(NamedTuple):
    """One process: how many workers it has, how many of them are at work, and whether one is of the version in question."""

    workers: int
    at_work: int
    has_version: bool


def choose(crowds: Sequence[Crowd], most: int) -> int | None:
    """Which of an environment's processes takes one more worker.

    The least busy, then the emptiest; workers of one version go to different processes, as more of them are there to do more at
    a time.

    Args:
        crowds: the processes that there are.
        most: how many there may be.

    Returns:
        Its index; None: another one is to be started.
    """
    open_to_it = [index for index, crowd in enumerate(crowds) if crowd.workers < PLACES]
    may_grow = len(crowds) < most or not open_to_it
    apart = [index for index in open_to_it if not crowds[index].has_version]
    candidates = apart if apart or may_grow else open_to_it
    if not candidates:
        return None
    best = min(candidates, key=lambda index: (crowds[index].at_work, crowds[index].workers))
    is_full = crowds[best].workers >= COMFORTABLE or crowds[best].at_work >= _BUSY
    return None if is_full and may_grow else best


class Aftermath(NamedTuple):
    """After the end of a process: how each of its workers departed, and which are to have a process of their own next time."""

    departures: Mapping[str, Departure]
    suspects: frozenset[str]


def aftermath(
    departure: Departure, workers: Collection[str], at_work: Collection[str], killed: Collection[str]
) -> Aftermath:
    """What the end of a process means for its workers.

    Where it was killed for workers that did not stop, it is these. Else it is a crash, and one of those at work has caused it:
    the only one pays for it as for any crash. Of several nobody knows which, so none pays; each gets a process of its own, and
    the next crash tells.

    Args:
        departure: how the process ended.
        workers: those that it had.
        at_work: those of them that were loading, or working on something.
        killed: those of them for which it was killed.
    """
    suspects = frozenset(killed or at_work)
    beside = Departure(f"ended together with the process that it shared, which {departure.reason}", blameless=True)
    departures: dict[str, Departure] = {}
    for worker in workers:
        if worker not in suspects:
            departures[worker] = beside
        elif killed:
            departures[worker] = Departure.of_exit(KILLED, departure.last_lines)
        else:
            departures[worker] = replace(departure, blameless=len(suspects) > 1)
    return Aftermath(departures, suspects)
