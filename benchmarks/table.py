"""The table: one for each row with every contender, and one with the goals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.figures import Entry, Metric, Outcome, ratio

_STYLES = {"floor": "dim", "ours": "bold", "peer": "", "other": "dim"}
_SAID = {True: "[green]yes[/]", False: "[red]no[/]", None: "not run"}


def print_machine(console: Console, machine: Mapping[str, object]) -> None:
    """What was measured on."""
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB · {machine['system']} · "
        f"Python {machine['python']} · {machine['disk']}, {machine['fdatasync_ms']} ms a sync · {machine['time']}"
    )


def print_outcome(console: Console, outcome: Outcome) -> None:
    """A row: every contender with its figures, and with their ratios to the floor's of the same round."""
    reference = outcome.floor
    table = Table(title=escape(outcome.title), title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("")
    for metric in outcome.metrics:
        table.add_column(metric.title, justify="right")
        if _is_compared(reference, metric):
            table.add_column("÷ floor", justify="right")
    for entry in outcome.entries:
        cells = [escape(entry.title)]
        for metric in outcome.metrics:
            cells.append(_figure(entry, metric))
            if _is_compared(reference, metric):
                cells.append(f"{ratio(entry, reference, metric):.2f}" if entry.has(metric) else "")
        table.add_row(*cells, style=_STYLES[entry.kind])
    console.print(table)
    for note in outcome.notes:
        console.print(f"  {escape(note)}")
    for name, reason in outcome.missing:
        console.print(f"  [yellow]{escape(name)}: not run: {escape(reason)}[/]")
    console.print()


def print_goals(console: Console, outcomes: Iterable[Outcome]) -> None:
    """What was promised, and whether it is kept."""
    table = Table(title="Goals", title_justify="left", title_style="bold", pad_edge=False)
    for name in ("", "ours", "beside", "ratio", "goal", "reached"):
        table.add_column(name, justify="right" if name in ("ours", "ratio", "goal") else "left")
    for outcome in outcomes:
        for goal in outcome.goals:
            times = "" if goal.ratio is None else f"{goal.ratio:.2f}"
            table.add_row(escape(goal.what), goal.ours, escape(goal.beside), times, goal.limit, _SAID[goal.reached])
        table.add_section()
    console.print(table)


def _is_compared(reference: Entry | None, metric: Metric) -> TypeGuard[Entry]:
    return reference is not None and reference.has(metric)


def _figure(entry: Entry, metric: Metric) -> str:
    if not entry.has(metric):
        return ""
    shown = metric.show(entry.median(metric))
    return f"{shown} [dim]±{metric.show(entry.spread(metric))}[/]" if len(entry.samples[metric.name]) > 1 else shown


def as_document(machine: Mapping[str, object], outcomes: Sequence[Outcome]) -> dict[str, object]:
    """The whole run for machines, with the sample of every round."""
    rows = []
    for outcome in outcomes:
        entries = [
            {
                "title": entry.title,
                "kind": entry.kind,
                "samples": entry.samples,
                "medians": {metric.name: entry.median(metric) for metric in outcome.metrics if entry.has(metric)},
            }
            for entry in outcome.entries
        ]
        goals = [
            {"what": goal.what, "ours": goal.ours, "beside": goal.beside, "ratio": goal.ratio, "goal": goal.limit,
             "reached": goal.reached}
            for goal in outcome.goals
        ]  # fmt: skip
        metrics = {metric.name: metric.title for metric in outcome.metrics}
        missing = [{"title": name, "reason": reason} for name, reason in outcome.missing]
        rows.append(
            {"row": outcome.name, "title": outcome.title, "metrics": metrics, "entries": entries, "goals": goals,
             "notes": outcome.notes, "missing": missing}
        )  # fmt: skip
    return {"machine": dict(machine), "rows": rows}
