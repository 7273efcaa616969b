"""``trivet migrate``: what of a codebase the drop-in modules support, and the codebase changed to use them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.errors import FAILED, Failure
from trivet.cli.output import emit, emit_json, is_terminal, json_option, note, printable, written
from trivet.migrate.support import Verdict

if TYPE_CHECKING:
    from trivet.migrate.moving import Plan
    from trivet.migrate.survey import Survey
    from trivet.migrate.uses import Use

_WORDS = {
    Verdict.SUPPORTED: "supported as it is",
    Verdict.BETTER: "supported, and better",
    Verdict.LATER: "not yet",
    Verdict.UNSUPPORTED: "not supported",
    Verdict.UNCLEAR: "to be looked at",
}
_LOCKS = {"uv.lock": "uv lock", "poetry.lock": "poetry lock", "pdm.lock": "pdm lock", "Pipfile.lock": "pipenv lock"}
_PATIENCE = 0.7
"""Seconds after which somebody in front of a terminal is told how far it is."""


@click.command(short_help="Say what a codebase needs to move here, and move it.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--write", "is_written", is_flag=True, help="Change imports and requirement files where all is supported."
)
@click.option(
    "--diff", "is_diff", is_flag=True, help="Print what --write would change, as a patch, and change nothing."
)
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Pass over files and folders by name or path, as `tests/old*`."
)
@json_option
@click.pass_context
def migrate(
    ctx: click.Context, path: Path, *, is_written: bool, is_diff: bool, exclude: tuple[str, ...], as_json: bool
) -> None:
    """Read the codebase at PATH, and say what of runpod, Algorithmia and Jaqpot's packages it uses.

    Each use is listed with its file and line, and what becomes of it with `trivet.runpod`, `trivet.algorithmia` and
    `trivet.jaqpot`. Nothing of the codebase is run, and no link is followed.

    With --write, imports and requirements are changed, also in notebooks, and nothing else; a file with a use that is not
    supported keeps its imports. All files are changed or none. A second time changes nothing more.

    The exit status is 0 where all is supported, 1 where something is not.
    """
    from trivet.migrate.moving import Plan, plan
    from trivet.migrate.survey import survey
    from trivet.migrate.writing import NotReadable

    if is_written and is_diff:
        raise click.UsageError("--diff shows what --write would do; use one of them.")
    with _Telling() as telling:
        found = survey(path, exclude, telling)
    made = Plan((), ())
    if is_written or is_diff:
        try:
            made = plan(found)
        except NotReadable as error:
            raise Failure(
                f"Nothing was changed, as a file can't be read: {printable(str(error))}",
                "Correct it, or pass it over with --exclude.",
            ) from error
    if is_written:
        made.carry_out(found.root)
    if as_json:
        emit_json(_document(found, made, is_written=is_written))
    elif is_diff:
        for change in made.changes:
            written(change.diff())
    else:
        _print(found, made, is_written=is_written)
    if not found.is_all_supported:
        ctx.exit(FAILED)


class _Telling:
    """Says on a terminal how many files have been looked at, when it takes long; it leaves no trace."""

    def __init__(self) -> None:
        self._is_on = is_terminal(sys.stderr)
        self._next = time.monotonic() + _PATIENCE
        self._is_shown = False

    def __enter__(self) -> Callable[[int], None]:
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _tell(self, count: int) -> None:
        if self._is_on and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            self._is_shown = True
            click.echo(f"\r{_many(count, 'file')} looked at …", nl=False, err=True)


def _document(found: Survey, made: Plan, *, is_written: bool) -> dict[str, object]:
    return {
        "supported": found.is_all_supported,
        "files": found.files,
        "counts": {verdict.value: count for verdict, count in found.count().items()},
        "uses": [use.to_dict() for use in found.uses],
        "unread": [{"file": each.file, "why": each.why} for each in found.unread],
        "skipped": [{"file": each.file, "why": each.why} for each in found.skipped],
        "written": is_written,
        "changes": [{"file": each.file, "lines": each.lines(), "diff": each.diff()} for each in made.changes],
        "kept": [{"file": each.file, "package": each.package, "why": each.why} for each in made.kept],
    }


def _print(found: Survey, made: Plan, *, is_written: bool) -> None:
    by_file: dict[str, list[Use]] = {}
    for use in found.uses:
        by_file.setdefault(use.file, []).append(use)
    for file, uses in by_file.items():
        emit(printable(file))
        for line in _lines(uses):
            emit(line)
    for each in found.unread:
        emit(f"{printable(each.file)}\n    can't be read: {printable(each.why)}")
    for change in made.changes:
        emit(f"changed {printable(change.file)}")
        for line in change.lines():
            emit(f"    {printable(line)}")
    for kept in made.kept:
        emit(f"kept {printable(kept.file)} with {kept.package}: {printable(kept.why)}")
    for each in found.skipped:
        note(f"Skipped {printable(each.file)}: {printable(each.why)}.")
    if not found.uses and not found.unread:
        note(f"Nothing of the three packages is used here ({_many(found.files, 'file')} looked at).")
        return
    counts = ", ".join(f"{count} {_WORDS[verdict]}" for verdict, count in found.count().items() if count)
    unread = f"; {_many(len(found.unread), 'file')} can't be read" if found.unread else ""
    note(f"{_many(len(found.uses), 'use')} in {_many(len(by_file), 'file')}: {counts}{unread}.")
    for line in _next(found, made, by_file, is_written=is_written):
        note(f"→ {line}")


def _next(found: Survey, made: Plan, by_file: dict[str, list[Use]], *, is_written: bool) -> list[str]:
    """What to do next, in the order in which to do it."""
    if not is_written:
        bad = [file for file, uses in by_file.items() if not all(use.verdict.is_good for use in uses)]
        bad += [each.file for each in found.unread]
        if not bad:
            return ["All of it is supported: --diff shows what --write changes."]
        return [f"By hand: {_some(bad)}.", "What is supported moves with --write, file by file; --diff shows it first."]
    if not made.changes:
        return ["Nothing was changed."]
    told = ["Put `trivet` in the originals' place where the program runs, and run its tests."]
    changed = [found.root / change.file for change in made.changes]
    locks = sorted({lock for file in changed for lock in _LOCKS if (file.parent / lock).is_file()})
    told += [f"{lock} is of the old requirements: {_LOCKS[lock]}" for lock in locks]
    packages = sorted({use.package for use in found.uses} & {"runpod", "algorithmia", "jaqpot"})
    told += [f"`trivet env {package}` prints the variables that point it at your platform." for package in packages]
    both = sorted({each.package for each in made.kept})
    if both:
        told.append(f"Files that stay still need the original: {', '.join(both)}.")
    return told


def _some(files: Sequence[str]) -> str:
    shown = ", ".join(printable(file) for file in files[:5])
    return shown if len(files) <= 5 else f"{shown} and {len(files) - 5} more"


def _lines(uses: list[Use]) -> list[str]:
    """The uses of one file, each name once, with all lines that have it."""
    places: dict[str, list[str]] = {}
    first: dict[str, Use] = {}
    for use in uses:
        known = f"{use.name} {use.verdict} {use.why}"
        first.setdefault(known, use)
        place = f"{use.line}" if use.cell is None else f"[{use.cell}]:{use.line}"
        places.setdefault(known, []).append(place)
    shown = {known: ", ".join(dict.fromkeys(found)) for known, found in places.items()}
    margin = min(16, max(map(len, shown.values())))
    lines = []
    for known, use in first.items():
        why = f": {use.why}" if use.why else ""
        lines.append(f"  {shown[known]:<{margin}}  {printable(use.name)}: {_WORDS[use.verdict]}{why}")
        lines += [f"  {'':<{margin}}  → {told}" for told in (use.instead, use.needs and f"needs {use.needs}") if told]
    return lines


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
