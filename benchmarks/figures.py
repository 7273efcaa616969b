"""Figures: what the rounds gave for each contender, and what a row of the table says of them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["floor", "ours", "peer", "other"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is measured.

    Args:
        name: for the JSON document.
        title: with its unit, for people.
        digits: behind the point.
        rising: whether more is better.
    """

    name: str
    title: str
    digits: int = 0
    rising: bool = False

    def show(self, value: float) -> str:
        """A value as people read it."""
        return f"{value:,.{self.digits}f}"


@dataclass(slots=True)
class Entry:
    """What one contender reached: a sample of each metric for each round."""

    title: str
    kind: Kind
    samples: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, metric: Metric, value: float) -> None:
        """One round's figure."""
        self.samples.setdefault(metric.name, []).append(value)

    def median(self, metric: Metric) -> float:
        """The figure that is told."""
        return statistics.median(self.samples[metric.name])

    def has(self, metric: Metric) -> bool:
        """Whether it was measured."""
        return bool(self.samples.get(metric.name))

    def spread(self, metric: Metric) -> float:
        """How far the rounds lie from the median, at most."""
        middle = self.median(metric)
        return max(abs(value - middle) for value in self.samples[metric.name])


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was promised, beside the one that was reached.

    Args:
        what: the row of the table.
        ours: our figure, for people.
        beside: what it is compared with, and that figure.
        ratio: ours to that; None where the figure itself is what counts.
        limit: what was promised, for people.
        reached: whether it is kept; None where it could not be measured.
    """

    what: str
    ours: str
    beside: str
    ratio: float | None
    limit: str
    reached: bool | None


@dataclass(slots=True)
class Outcome:
    """All that a row gave.

    Args:
        name: the row, for the command line.
        title: for people.
        metrics: what was measured.
        entries: of every contender.
        goals: what was promised.
        notes: sentences on what the figures alone do not tell.
        missing: who did not run, and why.
        bars: the metrics that the plot shows.
    """

    name: str
    title: str
    metrics: Sequence[Metric]
    entries: list[Entry] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    bars: Sequence[Metric] = ()

    def entry(self, title: str, kind: Kind) -> Entry:
        """Adds a contender."""
        self.entries.append(Entry(title, kind))
        return self.entries[-1]

    @property
    def floor(self) -> Entry | None:
        """The floor, where the row has one."""
        return next((entry for entry in self.entries if entry.kind == "floor"), None)

    @property
    def peers(self) -> list[Entry]:
        """The peers that ran."""
        return [entry for entry in self.entries if entry.kind == "peer"]


def ratio(one: Entry, other: Entry, metric: Metric) -> float:
    """One contender's figure as a multiple of another's: the median of the rounds, each compared with itself.

    Where they had not the same rounds, it is that of the medians.
    """
    mine, theirs = one.samples[metric.name], other.samples[metric.name]
    if len(mine) != len(theirs):
        return one.median(metric) / other.median(metric)
    return statistics.median(here / there for here, there in zip(mine, theirs, strict=True))


def at_least(what: str, ours: Entry, other: Entry, metric: Metric, limit: float) -> Goal:
    """A goal by which our figure is at least so many times another's."""
    times = ratio(ours, other, metric)
    return Goal(what, metric.show(ours.median(metric)), _beside(other, metric), times, f"≥ {limit:g} ×", times >= limit)


def at_most(what: str, ours: Entry, other: Entry, metric: Metric, limit: float) -> Goal:
    """A goal by which our figure is at most so many times another's."""
    times = ratio(ours, other, metric)
    return Goal(what, metric.show(ours.median(metric)), _beside(other, metric), times, f"≤ {limit:g} ×", times <= limit)


def below(what: str, ours: float, metric: Metric, limit: float, beside: str = "") -> Goal:
    """A goal by which a figure is at most so much."""
    return Goal(what, metric.show(ours), beside, None, f"≤ {limit:g}", ours <= limit)


def above(what: str, ours: float, metric: Metric, limit: float, beside: str = "") -> Goal:
    """A goal by which a figure is at least so much."""
    return Goal(what, metric.show(ours), beside, None, f"≥ {limit:g}", ours >= limit)


def _beside(entry: Entry, metric: Metric) -> str:
    return f"{entry.title}: {metric.show(entry.median(metric))}"
