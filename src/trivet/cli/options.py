"""Kinds of values that several commands take. Each is a function from the text, used as the ``type`` of an option."""

from __future__ import annotations

import sys
from typing import Literal

import click

yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask. Where there is no terminal, nothing is asked.")
"""The option of every command that does what can't be undone; such a command goes on when `confirmed` says so."""


def worker_range(text: str) -> tuple[int, int]:
    """``MIN,MAX``: how many workers at least and at most; one number alone is the most.

    Raises:
        click.BadParameter: it is not of that form.
    """
    try:
        low, high = (int(part) for part in (text if "," in text else f"0,{text}").split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not of the form MIN,MAX, for example 0,3.") from None
    if not 0 <= low <= high:
        raise click.BadParameter(f"{text!r}: MIN is at least 0, and not above MAX; with 0,0 no worker may run here.")
    return low, high


def version_weight(text: str) -> tuple[str, int | None]:
    """``VERSION`` or ``VERSION=PERCENT``.

    Raises:
        click.BadParameter: it is of neither form.
    """
    version, equals, percent = text.partition("=")
    if not version or (equals and not (percent.isascii() and percent.isdecimal() and len(percent) < 4)):
        raise click.BadParameter(f"{text!r} is not of the form VERSION or VERSION=PERCENT, for example 1.3.0=10.")
    return version, int(percent) if equals else None


def words(text: str) -> list[str]:
    """``a,b``: words separated by commas.

    Raises:
        click.BadParameter: there is none.
    """
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise click.BadParameter("give at least one word.")
    return found


def lifetime(text: str) -> int:
    """A number of days; 0 for ``never``.

    Raises:
        click.BadParameter: it is neither.
    """
    if text == "never":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither a number of days from 1 on, nor 'never'.")
    return int(text)


def job_count(text: str) -> int | Literal["none"]:
    """A number of jobs from 0 on, or ``none``.

    Raises:
        click.BadParameter: it is neither.
    """
    if text == "none":
        return "none"
    if not text.isdecimal() or not text.isascii():
        raise click.BadParameter(f"{text!r} is neither a number of jobs from 0 on, nor 'none'.")
    return int(text)


def limits_given(rate: str | None, concurrent: int | Literal["none"] | None) -> None:
    """Refuses a change that names no limit.

    Raises:
        click.UsageError: neither is given.
    """
    if rate is None and concurrent is None:
        raise click.UsageError("Say which limit: --rate 100/min, --concurrent 10, or none to remove one.")


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on with something that can't be undone. Asks only where a person sits at both ends: a script means what it
    says.

    Args:
        question: what to ask.
        yes: the answer was given in advance.
    """
    return yes or not _somebody_is_there() or click.confirm(question, err=True)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
