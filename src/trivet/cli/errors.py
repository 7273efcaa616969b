"""How failures end: one message on stderr that says what to do next, and an exit status that scripts can rely on."""

from __future__ import annotations

import os
import traceback
from typing import IO, Any

import click

FAILED = 1
"""The job or the operation failed."""
USAGE = 2
"""The command was not understood; click's own status for it."""
UNREACHABLE = 3
"""The platform cannot be reached, or does not let the caller in."""
INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 and the number of the signal."""


class Failure(click.ClickException):
    """A failure of the command line's own, with what to do about it.

    Args:
        message: what happened, and why.
        hint: what to do next.
        exit_code: the exit status of the command.
    """

    def __init__(self, message: str, hint: str | None = None, *, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message and the hint on stderr."""
        click.echo(f"Error: {self.message}", file=file, err=True)
        if self.hint:
            click.echo(f"→ {self.hint}", file=file, err=True)


def report(error: Exception) -> int:
    """Explains ``error`` on stderr in the words of its kind.

    Args:
        error: what ended the command: an error of the SDK, of the operating system, or a bug.

    Returns:
        The exit status that belongs to it.
    """
    from trivet.sdk.errors import TrivetError

    if os.environ.get("TRIVET_DEBUG"):
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, TrivetError):
        click.echo(explain(error), err=True)
        return status_of(error)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {where}{error.strerror or error}.", err=True)
        return FAILED
    click.echo(f"Error: trivet met a bug of its own: {type(error).__name__}: {error}", err=True)
    click.echo("→ Set TRIVET_DEBUG=1 and try again to see where; please report what it prints.", err=True)
    return FAILED
