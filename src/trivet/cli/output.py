"""What commands print: results on stdout, everything else on stderr; tables for people, JSON for scripts."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TextIO, TypeVar

import click

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
"""The option that every listing takes; the command's parameter is called ``as_json``."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table.

    Attributes:
        title: the heading.
        cell: gives the text of the cell for one row; ``None`` and empty text show as a dash.
        whole: never shortened, however narrow the terminal is. For what people copy: ids and names.
    """

    title: str
    cell: Callable[[T], object]
    whole: bool = False


def emit(text: str) -> None:
    """Prints a line of the command's result on stdout."""
    click.echo(text)


def note(text: str) -> None:
    """Prints a line for people on stderr, where it does not mix with the result."""
    click.echo(text, err=True)


def emit_json(value: object) -> None:
    """Prints ``value`` as one line of JSON on stdout."""
    click.echo(to_json(value))


def to_json(value: object) -> str:
    """``value`` as compact JSON, for stdout; the SDK's models become objects, their times RFC 3339."""
    return json.dumps(value, ensure_ascii=not _is_unicode(sys.stdout), separators=(",", ":"), default=_document)


def moment(when: datetime) -> str:
    """A point in time as RFC 3339 in UTC, to the millisecond."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def limits_in_words(rate: str | None, concurrent: int | None) -> str:
    """What a key or an account may do, for people: ``100/min, 10 open jobs``."""
    jobs = None if concurrent is None else f"{concurrent} open job{'' if concurrent == 1 else 's'}"
    return ", ".join(part for part in (rate, jobs) if part is not None) or "no limits of its own"


def written(text: str) -> None:
    """Prints on stdout what a program wrote, as it wrote it; a line that was left open is ended."""
    click.echo(text, nl=not text.endswith("\n"))


def listing(rows: Iterable[T], columns: Sequence[Column[T]], *, as_json: bool, empty: str) -> None:
    """Prints ``rows``: as a JSON array with one element per line, or as a table.

    On a terminal the table fits its width. Elsewhere nothing is shortened, so that it can be searched and cut.

    Args:
        rows: what to print.
        columns: the table's columns.
        as_json: print JSON instead of a table.
        empty: the sentence for people when there are no rows; it goes to stderr.
    """
    if as_json:
        lines = [to_json(row) for row in rows]
        emit("[\n" + ",\n".join(lines) + "\n]" if lines else "[]")
        return
    table = [[_cell(column.cell(row)) for column in columns] for row in rows]
    if not table:
        note(empty)
    elif is_terminal(sys.stdout):
        _pretty_table(table, columns)
    else:
        _plain_table([[column.title for column in columns], *table])


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Prints name and value pairs on stdout, one per line, values aligned; pairs without a value are left out."""
    shown = [(name, _lines(value)) for name, value in pairs if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0) + 2
    for name, lines in shown:
        emit(f"{name:<{width}}{lines[0]}")
        for line in lines[1:]:
            emit(" " * width + line)


def is_terminal(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal with somebody in front of it."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """``text`` on one line and without control characters, which could rewrite what the terminal shows."""
    return _CONTROL.sub(" ", text)


def ago(when: datetime | None, now: datetime | None = None) -> str | None:
    """How long ago ``when`` was, in one unit (``"5m"``); a time ahead reads ``"in 5m"``.

    Args:
        when: the moment, or ``None``, which gives ``None``.
        now: the moment to compare it with; the present if left out.
    """
    if when is None:
        return None
    seconds = ((now or datetime.now(UTC)) - when).total_seconds()
    return f"in {span(-seconds)}" if seconds < -1 else span(max(seconds, 0.0))


def span(seconds: float) -> str:
    """A length of time in its largest whole unit: ``"850ms"``, ``"42s"``, ``"5m"``, ``"3h"``, ``"12d"``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def _is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes every character: what it would escape in its own way, JSON has a way of its own for."""
    return (stream.encoding or "utf-8").lower().startswith("utf")


def _document(value: object) -> object:
    from trivet.sdk.models import Model

    if isinstance(value, Model):
        return value.to_dict()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, (list, tuple, set, frozenset)):
        return printable(", ".join(str(item) for item in value)) or "-"
    return printable(str(value))


def _lines(value: object) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [printable(str(item)) for item in value] or ["-"]
    return [printable(line) for line in str(value).splitlines()] or [""]


def _plain_table(table: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        emit("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _pretty_table(table: Sequence[Sequence[str]], columns: Sequence[Column[Any]]) -> None:
    from rich.cells import cell_len, set_cell_size

    from trivet.cli.tables import GAP, Shape, fitted

    shapes = [
        Shape(max(cell_len(column.title), *(cell_len(row[position]) for row in table)), column.whole)
        for position, column in enumerate(columns)
    ]
    widths = fitted(shapes, shutil.get_terminal_size().columns)

    def line(cells: Sequence[str]) -> str:
        shown = [
            set_cell_size(cells[at], width)
            if cell_len(cells[at]) <= width
            else set_cell_size(cells[at], width - 1) + "…"
            for at, width in widths.items()
        ]
        return (" " * GAP).join(shown).rstrip()

    emit(click.style(line([column.title for column in columns]), bold=True))
    for row in table:
        emit(line(row))
    hidden = [column.title for position, column in enumerate(columns) if position not in widths]
    if hidden:
        note(f"No room for {', '.join(hidden)}: make the terminal wider, or use --json.")
