"""``trivet run``: the author's code in this process, with no platform."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from trivet.cli.errors import FAILED, Failure
from trivet.cli.inputs import read_input
from trivet.cli.output import is_terminal, json_option, note
from trivet.cli.progress import ProgressLine
from trivet.cli.values import PieceWriter, print_output

if TYPE_CHECKING:
    from trivet.authoring import Endpoint

_OURS = Path(__file__).parents[1]
_MACHINERY = tuple(str(_OURS / part) for part in ("authoring", "cli"))


@click.command(
    short_help="Run what lies at PATH once, in this process.",
    epilog="""\b
Examples:
  trivet run hello.py '{"name": "Bond"}'
  trivet run ./pictures @photo.jpg --endpoint faces""",
)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("input_text", metavar="[INPUT]", required=False)
@click.option("--endpoint", "name", metavar="NAME", help="Which endpoint, where there are several at PATH.")
@json_option
def run(path: Path, input_text: str | None, name: str | None, as_json: bool) -> None:
    """Run what lies at PATH once, in this process, and print its output.

    Takes INPUT as `trivet call` does, checks it as a platform would, and needs no platform. The code runs in this
    Python: what it requires must be installed here. What it prints goes to stderr; the pieces of a generator are
    printed as they come.
    """
    payload = read_input(input_text).payload()
    with _authors_code():
        from trivet.authoring import load

        chosen = _choose(load(path), name)
    with ProgressLine() as line:
        tell = line.show if is_terminal(sys.stderr) else _say_nothing
        with _authors_code():
            output = chosen.local(payload, on_progress=tell)
        if hasattr(output, "__next__"):
            _print_pieces(output, as_json=as_json)
            return
    print_output(output, as_json=as_json)


def _choose(found: list[Endpoint], name: str | None) -> Endpoint:
    if name is None and len(found) == 1:
        return found[0]
    names = ", ".join(endpoint.name for endpoint in found)
    if name is None:
        raise click.UsageError(f"There are several endpoints: {names}. Say which: --endpoint NAME")
    for endpoint in found:
        if endpoint.name == name:
            return endpoint
    raise click.UsageError(f"There is no endpoint {name!r}; there are: {names}.")


def _print_pieces(pieces: Iterator[Any], *, as_json: bool) -> None:
    writer = PieceWriter(as_json=as_json)
    end = object()
    try:
        while True:
            with _authors_code():
                piece = next(pieces, end)
            if piece is end:
                return
            writer.write(piece)
    finally:
        writer.end_line()


@contextmanager
def _authors_code() -> Iterator[None]:
    """Around the author's own code: what it prints goes to stderr, and what it raises is told in its own words.

    Raises:
        Failure: the code can't be loaded, or does not take the input.
        click.exceptions.Exit: it raised; the traceback is on stderr.
    """
    from trivet.authoring import InvalidInput, LoadFailed, UnserializableOutput

    try:
        with redirect_stdout(sys.stderr):
            yield
    except click.ClickException:
        raise
    except LoadFailed as error:
        raise Failure(str(error)) from error
    except InvalidInput as error:
        faults = "".join(f"\n  {path or '(the input itself)'}: {message}" for path, message in error.errors)
        raise Failure(f"The input does not fit.{faults}") from error
    except UnserializableOutput as error:
        raise Failure(str(error)) from error
    except (Exception, SystemExit) as error:
        note("".join(traceback.format_exception(type(error), error, _authors_part(error.__traceback__))).rstrip())
        raise click.exceptions.Exit(FAILED) from error


def _authors_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the machinery that leads to the author's code."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((*_MACHINERY, "<frozen importlib")):
        trace = trace.tb_next
    return trace


def _say_nothing(fraction: float, message: str) -> None:
    """Progress is for people; where nobody watches, it is not told."""
