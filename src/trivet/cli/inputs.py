"""What INPUT on the command line means: JSON, ``@file``, or ``-`` for standard input."""

from __future__ import annotations

import json
import mimetypes
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

BINARY = "application/octet-stream"
_ECHOED = 200
"""Characters of a faulty INPUT up to which it is shown again, and taken for the name of a file."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input as it was given.

    Attributes:
        value: the decoded JSON; or, where ``content_type`` is given, the bytes.
        content_type: what the bytes are; ``None`` for JSON.
    """

    value: Any
    content_type: str | None = None

    def payload(self) -> Any:
        """What the SDK and the author's own code take: a value, or bytes that say what they are."""
        if self.content_type is None:
            return self.value
        from trivet.authoring import Blob

        return Blob(self.value, self.content_type)


def read_input(argument: str | None) -> Input:
    """Makes an input of the INPUT argument.

    Args:
        argument: JSON text; ``@path`` for a file (``.json`` is parsed, anything else is sent as bytes with the content
            type that its suffix says); ``-`` for standard input (JSON, or bytes that are no text); or ``None``.

    Returns:
        The input; without an argument it is JSON's ``null``.

    Raises:
        click.UsageError: the text is not JSON, or the file cannot be read.
    """
    if argument is None:
        return Input(None)
    if argument == "-":
        return _from_stdin(sys.stdin.buffer.read())
    if argument.startswith("@"):
        return _from_file(Path(argument[1:]).expanduser())
    try:
        return Input(_parse(argument))
    except ValueError as error:
        raise click.UsageError(_not_json(argument, error)) from None


def _from_stdin(data: bytes) -> Input:
    try:
        return Input(_parse(data.decode()))
    except UnicodeDecodeError:
        return Input(data, BINARY)
    except ValueError as error:
        raise click.UsageError(
            f"Standard input is text, but not JSON: {error}.\n"
            "→ To send text as it is, put it into a file and say @FILE; to send a JSON string, quote it."
        ) from None


def _from_file(path: Path) -> Input:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise click.UsageError(
            f"Cannot read {path}: {error.strerror}.\n→ INPUT that begins with @ names a file."
        ) from None
    if path.suffix.lower() != ".json":
        return Input(data, mimetypes.guess_type(path.name)[0] or BINARY)
    try:
        return Input(_parse(data.decode()))
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}.") from None


def _parse(text: str) -> Any:
    """JSON as the standard has it: without the NaN and Infinity that Python's parser lets through."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not part of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _not_json(text: str, error: ValueError) -> str:
    lines = [f"INPUT is not JSON: {error}."]
    if len(text) > _ECHOED:
        lines.append("→ Put it into a file, and say @FILE.")
    elif Path(text).is_file():
        lines.append(f"→ To send the file of that name: @{shlex.quote(text)}")
    else:
        lines.append(f"→ To send it as a string: {shlex.quote(json.dumps(text, ensure_ascii=False))}")
        lines.append("""→ An object needs quotes for the shell around it: '{"name": "Bond"}'""")
    return "\n".join(lines)
