"""How failures end: one message on stderr that says what to do next, and an exit status that scripts can rely on."""

from __future__ import annotations

import os
import traceback
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trivet.sdk.errors import TrivetError

FAILED = 1
"""The job or the operation failed. (2, wrong usage, is click's own.)"""
UNREACHABLE = 3
"""The platform cannot be reached, or does not let the caller in."""
INTERRUPTED = 130
"""Ctrl-C, as shells count it: 128 and the number of the signal."""


class Failure(click.ClickException):
    """A failure of the command line's own, with what to do about it.

    Args:
        message: what happened, and why.
        hint: what to do next.
    """

    exit_code = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints the message and the hint on stderr."""
        click.echo(_told(self.message, self.hint), file=file, err=True)


class Unreachable(Failure):
    """The platform cannot be reached, or does not let the caller in."""

    exit_code = UNREACHABLE


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
        click.echo(_told(f"{where}{error.strerror or error}."), err=True)
        return FAILED
    hint = "Set TRIVET_DEBUG=1 and try again to see where; please report what it prints."
    click.echo(_told(f"The command met a bug of its own: {type(error).__name__}: {error}", hint), err=True)
    return FAILED


def explain(error: TrivetError) -> str:
    """What an error of the SDK says to people: what the author's code or the build wrote, what happened, what to do."""
    from trivet.sdk.errors import AuthenticationError, DeploymentError, JobError, JobFailedError

    message = str(error)
    told = _told(message)
    if isinstance(error, AuthenticationError) and error.status is not None:
        told = f"{told}\n→ {_whose_key()}"
    if isinstance(error, JobError) and error.job_id and error.job_id not in message:
        told = f"{told}\n→ `trivet jobs explain {error.job_id}` says more."
    wrote = ""
    if isinstance(error, DeploymentError):
        wrote = error.log.strip("\n")
    elif isinstance(error, JobFailedError) and error.error is not None:
        wrote = error.error.traceback or "\n".join(error.error.worker_log or ())
    return f"{wrote.rstrip()}\n{told}" if wrote.strip() and wrote.strip() not in message else told


def status_of(error: TrivetError) -> int:
    """The exit status that belongs to an error of the SDK."""
    from trivet.sdk.errors import (
        ConfigurationError,
        NotAuthorisedError,
        ServiceUnavailableError,
        UnexpectedAnswerError,
    )

    barred = (ConfigurationError, NotAuthorisedError, ServiceUnavailableError, UnexpectedAnswerError)
    reached = error.code == "storage_full"  # it answered, and said that its disk is full
    return UNREACHABLE if isinstance(error, barred) and not reached else FAILED


def _whose_key() -> str:
    """Where the key came from that a platform refused: a forgotten variable is the usual reason."""
    from trivet.sdk._config import profile_path

    if os.environ.get("TRIVET_API_KEY"):
        return "The key is that of TRIVET_API_KEY; `unset TRIVET_API_KEY TRIVET_URL` goes back to the profile."
    return f"The key is that of the profile {profile_path()}."


def _told(message: str, hint: str = "") -> str:
    return f"Error: {message}\n→ {hint}" if hint else f"Error: {message}"
