"""What is called, and how each kind of call may end: the expectations that the auditor holds outcomes against."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults import tables

BIG = 300 * 1024
"""Bytes of a payload that is too large for the database, and lies in the blob store."""


def _nothing(_: random.Random) -> dict[str, Any]:
    return {}


def _answers(_: Mapping[str, Any], output: Any) -> bool:
    return isinstance(output, dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of call to one endpoint of the menagerie, or to a model.

    Args:
        name: how the report calls it.
        endpoint: without its owner.
        weight: how often it is made, beside the others.
        make: draws the input, beside ``n`` and the ledger.
        is_right: whether an output answers an input.
        ends: the regular end: ``succeeded``, or the code of the error.
        tries: how often it may be tried at most.
        timeout: seconds that an attempt may run.
        again: whether its own error is tried again.
        shares: whether its worker holds other jobs beside it.
        streams: whether it answers in pieces.
        polled: whether its worker polls, and learns behind everybody's back that a job is over.
        rows: draws the rows of a call of this name, where a model is called, whose worker keeps no ledger.
    """

    name: str
    endpoint: str
    weight: int
    make: Callable[[random.Random], dict[str, Any]] = _nothing
    is_right: Callable[[Mapping[str, Any], Any], bool] = _answers
    ends: str = "succeeded"
    tries: int = 3
    timeout: float = 600.0
    again: bool = False
    shares: bool = False
    streams: bool = False
    polled: bool = False
    rows: Callable[[str, random.Random], Any] | None = None

    @property
    def keeps_ledger(self) -> bool:
        """Whether each execution is written down."""
        return self.rows is None

    def draw(self, n: str, ledger: str, chance: random.Random) -> Any:
        """The input of a call of this name."""
        return self.rows(n, chance) if self.rows is not None else {"n": n, "ledger": ledger, **self.make(chance)}


def _echoes(given: Mapping[str, Any], output: Any) -> bool:
    return isinstance(output, dict) and all(output.get(name) == given.get(name) for name in ("value", "pad"))


def _all_pieces(given: Mapping[str, Any], output: Any) -> bool:
    wanted = list(range(given["count"]))
    return isinstance(output, list) and [piece["i"] for piece in output] == wanted


def _small(chance: random.Random) -> dict[str, Any]:
    return {"value": {"x": chance.random()}, "pad": ""}


def _big(chance: random.Random) -> dict[str, Any]:
    return {"value": chance.randrange(1000), "pad": chance.choice("abc") * BIG}


def _nap(chance: random.Random) -> dict[str, Any]:
    return {"seconds": chance.choice((0.05, 0.2, 0.6))}


def _share(chance: random.Random) -> dict[str, Any]:
    return {"seconds": chance.choice((0.02, 0.1, 0.4))}


def _pieces(chance: random.Random) -> dict[str, Any]:
    return {"count": chance.randrange(1, 30), "seconds": chance.choice((0.0, 0.01, 0.05))}


def _few_pieces(chance: random.Random) -> dict[str, Any]:
    return {"count": chance.randrange(1, 10), "seconds": chance.choice((0.0, 0.05))}


def _times(factor: float) -> Callable[[Mapping[str, Any], Any], bool]:
    return lambda given, output: tables.is_answer(given["rows"], output, factor)


def _told(how: str, make: Callable[[random.Random], dict[str, Any]]) -> Callable[[random.Random], dict[str, Any]]:
    return lambda chance: {"how": how, **make(chance)}


KINDS: tuple[Kind, ...] = (
    Kind("echo", "echo", 30, _small, _echoes),
    Kind("big echo", "echo", 4, _big, _echoes),
    Kind("nap", "nap", 8, _nap),
    Kind("shared nap", "share", 10, _share, shares=True),
    Kind("stream", "pieces", 10, _pieces, _all_pieces, streams=True),
    Kind("raises", "moody", 3, lambda _: {"how": "raise"}, ends="handler_error"),
    Kind("raises at first", "retried", 3, lambda _: {"how": "raise_once"}, again=True),
    Kind("raises always", "retried", 1, lambda _: {"how": "raise"}, ends="handler_error", again=True),
    Kind("in a batch", "batched", 8, _small, _echoes, shares=True),
    Kind("kills its worker", "moody", 1, lambda _: {"how": "die"}, ends="worker_lost"),
    Kind("kills its first worker", "moody", 1, lambda _: {"how": "die_once"}),
    Kind("once", "once", 6, tries=1),
    Kind("stubborn", "stubborn", 1, lambda _: {"seconds": 2.0}),
    Kind("late", "late", 1, ends="execution_timeout", timeout=1.0),
    Kind("polled echo", "polled", 6, _told("echo", _small), _echoes, polled=True),
    Kind("polled big echo", "polled", 1, _told("echo", _big), _echoes, polled=True),
    Kind("polled nap", "polled", 3, _told("nap", _nap), polled=True),
    Kind("polled stream", "polled", 3, _told("stream", _few_pieces), _all_pieces, streams=True, polled=True),
    Kind("polled raises", "polled", 2, _told("raise", _nothing), ends="handler_error", polled=True),
    Kind("polled once", "polled_once", 2, _told("nap", _nap), tries=1, polled=True),
    Kind("linked echo", "linked", 4, _told("echo", _small), _echoes),
    Kind("linked big echo", "linked", 1, _told("echo", _big), _echoes),
    Kind("linked nap", "linked", 3, _told("nap", _nap)),
    Kind("linked stream", "linked_pieces", 3, _few_pieces, _all_pieces, streams=True),
    Kind("linked raises", "linked", 1, _told("raise", _nothing), ends="handler_error"),
    Kind("linked replaces its worker", "linked", 2, _told("replace", _small), _echoes),
    Kind("linked ends its worker", "linked", 1, _told("exit", _nothing), ends="worker_lost"),
    Kind("linked kills its first worker", "linked", 1, _told("die_once", _nothing)),
    *(
        Kind(f"rows {name}", name, 5, rows=tables.small, is_right=_times(factor), shares=True)
        for name, factor in tables.FACTORS.items()
    ),
    Kind("a table thrice", "thrice", 3, rows=tables.table, is_right=_times(tables.FACTORS["thrice"]), shares=True),
    Kind("rows with turns", tables.TURNS, 5, rows=tables.lasting, is_right=_times(1.0), shares=True),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def draw(chance: random.Random, kinds: Sequence[Kind] = KINDS) -> Kind:
    """One of some kinds, by its weight."""
    return chance.choices(kinds, [kind.weight for kind in kinds])[0]
