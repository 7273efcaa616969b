"""What a job gives, printed on stdout: whole outputs, and the pieces of a stream."""

from __future__ import annotations

import base64
import sys
from typing import Any

import click

from trivet.cli.errors import Failure
from trivet.cli.output import emit, emit_json, is_terminal


def print_output(output: Any, *, as_json: bool) -> None:
    """Prints an output alone: text and bytes as they are, anything else as one line of JSON.

    Args:
        output: what the job gave.
        as_json: print JSON whatever it is; bytes become ``{"base64": …}``.

    Raises:
        Failure: it is binary, and stdout is a terminal.
    """
    if as_json or not isinstance(output, (str, bytes)):
        _emit_jsonable(output)
    elif isinstance(output, str):
        emit(output)
    else:
        _write_bytes(output)


class PieceWriter:
    """Prints pieces as they come: those of a text joined, bytes raw, and anything else as one line of JSON each."""

    def __init__(self, *, as_json: bool) -> None:
        self._joined = not as_json
        self._as_json = as_json
        self._open_line = False

    def write(self, piece: Any) -> None:
        """Prints one piece and flushes it."""
        if isinstance(piece, bytes) and not self._as_json:
            _write_bytes(piece)
        elif isinstance(piece, str) and self._joined:
            click.echo(piece, nl=False)
            self._open_line = not piece.endswith("\n") if piece else self._open_line
        else:
            # From here on texts are JSON as well: a reader must be able to tell where each piece ends.
            self._joined = False
            self.end_line()
            _emit_jsonable(piece)

    def end_line(self) -> None:
        """Ends the line that a text has left open, if there is one."""
        if self._open_line:
            click.echo()
            self._open_line = False


def _emit_jsonable(value: Any) -> None:
    emit_json({"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value)


def _write_bytes(data: bytes) -> None:
    if is_terminal(sys.stdout) and not _is_text(data):
        raise Failure(
            f"The output is binary ({len(data)} bytes), which a terminal can't show.",
            "Send it into a file: trivet call … > FILE",
        )
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)
