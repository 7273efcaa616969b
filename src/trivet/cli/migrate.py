"""``trivet migrate``: what of a codebase the drop-in modules support, and the codebase changed to use them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.errors import FAILED
from trivet.cli.output import emit, emit_json, json_option, note, printable
from trivet.migrate.support import Verdict

if TYPE_CHECKING:
    from trivet.migrate.survey import Change, Survey
    from trivet.migrate.uses import Use

_WORDS = {
    Verdict.SUPPORTED: "supported as it is",
    Verdict.BETTER: "supported, and better",
    Verdict.LATER: "not yet",
    Verdict.UNSUPPORTED: "not supported",
    Verdict.UNCLEAR: "to be looked at",
}


@click.command(short_help="Say what a codebase needs to move here, and move it.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--write", "is_written", is_flag=True, help="Change imports and requirement files where all is supported."
)
@json_option
@click.pass_context
def migrate(ctx: click.Context, path: Path, is_written: bool, as_json: bool) -> None:
    """Read the codebase at PATH, and say what of runpod, Algorithmia and Jaqpot's packages it uses.

    Each use is listed with its file and line, and what becomes of it with `trivet.runpod`, `trivet.algorithmia` and
    `trivet.jaqpot`. Nothing of the codebase is run. Notebooks are read and never changed.

    With --write, imports and requirement files are changed, and nothing else; a file with a use that is not supported keeps
    its imports. It takes pip install "trivet[migrate]". A second time changes nothing more.

    The exit status is 0 where all is supported, 1 where something is not.
    """
    from trivet.migrate.survey import changes, survey, write
    from trivet.migrate.writing import NotReadable

    found = survey(path)
    made: list[Change] = []
    if is_written:
        try:
            made = changes(found)
        except NotReadable as error:
            raise click.ClickException(f"Nothing was changed, as a file can't be read: {error}") from error
        except ImportError as error:
            raise click.ClickException(
                'Changing files takes libcst, which is not installed here: pip install "trivet[migrate]"'
            ) from error
        write(found, made)
    if as_json:
        emit_json(_document(found, made))
    else:
        _print(found, made, is_written=is_written)
    if not found.is_all_supported:
        ctx.exit(FAILED)


def _document(found: Survey, made: list[Change]) -> dict[str, object]:
    return {
        "supported": found.is_all_supported,
        "counts": {verdict.value: count for verdict, count in found.count().items()},
        "uses": [use.to_dict() for use in found.uses],
        "unread": [{"file": each.file, "why": each.why} for each in found.unread],
        "changes": [{"file": change.file, "lines": change.lines()} for change in made],
    }


def _print(found: Survey, made: list[Change], *, is_written: bool) -> None:
    for file in dict.fromkeys(use.file for use in found.uses):
        emit(printable(file))
        for line in _lines([use for use in found.uses if use.file == file]):
            emit(line)
    for each in found.unread:
        emit(f"{printable(each.file)}\n    can't be read: {printable(each.why)}")
    for change in made:
        emit(f"changed {printable(change.file)}")
        for line in change.lines():
            emit(f"    {printable(line)}")
    if not found.uses and not found.unread:
        note(f"Nothing of the three packages is used here ({_many(found.files, 'file')} looked at).")
        return
    counts = ", ".join(f"{count} {_WORDS[verdict]}" for verdict, count in found.count().items() if count)
    unread = f"; {_many(len(found.unread), 'file')} can't be read" if found.unread else ""
    note(
        f"{_many(len(found.uses), 'use')} in {_many(len({use.file for use in found.uses}), 'file')}: {counts}{unread}."
    )
    if is_written and not made:
        note("Nothing was changed.")
    elif not is_written and found.is_all_supported:
        note("All of it is supported: `trivet migrate --write` changes the imports and the requirement files.")


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
        if use.instead:
            lines.append(f"  {'':<{margin}}  → {use.instead}")
    return lines


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
