"""The tables as Markdown, as the documentation has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.figures import Entry, Metric, Outcome, ratio

_SAID = {True: "yes", False: "**no**", None: "not run"}


def write(outcomes: Sequence[Outcome], machine: Mapping[str, object]) -> str:
    """The goals, then every row with its contenders."""
    disk = f"{machine['disk']} with {machine['fdatasync_ms']} ms a sync"
    measured = f"Measured on {machine['processor']}, {machine['cores']} cores, {disk}, Python {machine['python']}."
    return "\n\n".join([measured, _goals(outcomes), *(_row(outcome) for outcome in outcomes)]) + "\n"


def _goals(outcomes: Sequence[Outcome]) -> str:
    lines = [_line("what", "ours", "beside", "ratio", "goal", "reached"), _rule(6)]
    for goal in (goal for outcome in outcomes for goal in outcome.goals):
        times = "" if goal.ratio is None else f"{goal.ratio:.2f}"
        lines.append(_line(goal.what, goal.ours, goal.beside, times, goal.limit, _SAID[goal.reached]))
    return "\n".join(lines)


def _row(outcome: Outcome) -> str:
    floor = outcome.floor
    titles = [""]
    for metric in outcome.metrics:
        titles += [metric.title, "÷ floor"] if floor is not None and floor.has(metric) else [metric.title]
    lines = [f"### {outcome.title}", "", _line(*titles), _rule(len(titles))]
    for entry in outcome.entries:
        cells = [f"**{entry.title}**" if entry.kind == "ours" else entry.title]
        for metric in outcome.metrics:
            cells += _figures(entry, floor, metric)
        lines.append(_line(*cells))
    said = [*outcome.notes, *(f"{name}: not run: {reason}." for name, reason in outcome.missing)]
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in said)]).rstrip()


def _figures(entry: Entry, floor: Entry | None, metric: Metric) -> list[str]:
    shown = metric.show(entry.median(metric)) if entry.has(metric) else ""
    if floor is None or not floor.has(metric):
        return [shown]
    return [shown, f"{ratio(entry, floor, metric):.2f}" if entry.has(metric) else ""]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + " --- |" * columns
