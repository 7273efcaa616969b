"""How far a running job is, said by the handler itself."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """What hears of a job's progress: the worker, or whoever called ``local``."""

    def progress(self, fraction: float, message: str) -> None:
        """Takes note of ``fraction`` (0 to 1) and ``message``."""


CURRENT: ContextVar[Listener | None] = ContextVar("trivet_current_job", default=None)
"""The job that the code asking is part of; ``None`` outside of any, and in threads that a handler started."""


def _nobody() -> Listener | None:
    return None


_elsewhere: Callable[[], Listener | None] = _nobody


def current() -> Listener | None:
    """The job that the code asking is part of, as far as it can be told."""
    return CURRENT.get() or _elsewhere()


def set_elsewhere(ask: Callable[[], Listener | None]) -> None:
    """Says whom code outside of any known job belongs to: in a worker that runs one job at a time, that job."""
    global _elsewhere  # noqa: PLW0603 - one process runs one worker
    _elsewhere = ask


def progress(fraction: float, message: str = "") -> None:
    """Tells the caller of the current job how far it is. Does nothing outside a job.

    Args:
        fraction: how much is done, from 0 to 1; what lies outside is taken as the nearer end.
        message: a few words on what is happening now.

    Raises:
        TypeError: when ``fraction`` is not a number.
        ValueError: when it is not a number of any size (NaN).
    """
    share = float(fraction)
    if share != share:  # noqa: PLR0124 - only NaN differs from itself
        raise ValueError("progress(fraction): NaN says nothing; give a number from 0 to 1")
    listener = current()
    if listener is not None:
        listener.progress(min(max(share, 0.0), 1.0), str(message))
