"""Why a call has not begun, told on stderr while it is waited for: a call that can't begin must not look like a slow one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from trivet.cli.output import note, printable

if TYPE_CHECKING:
    from trivet.sdk import Job
    from trivet.sdk.models import Explanation

FIRST = 5.0
"""Seconds that a job may wait before somebody says why: a worker that starts as it should takes less."""
AGAIN = 30.0
"""Seconds between two looks after that; a reason that was told is not told again."""
_LEAVE = 1.0
"""Seconds that a question which is under way may hold up the end of the command."""


@contextmanager
def reasons_told(find: Callable[[], Job | None]) -> Iterator[None]:
    """Says on stderr why a job waits in the queue, for as long as the block waits for it.

    Args:
        find: gives the job, or ``None`` while it is not known yet.
    """
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(find, ended), daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join(_LEAVE)


def _tell(find: Callable[[], Job | None], ended: threading.Event) -> None:
    from trivet.sdk.errors import TrivetError
    from trivet.sdk.models import JobStatus

    told: set[str | None] = set()
    pause = FIRST
    while not ended.wait(pause):
        pause = AGAIN
        job = find()
        if job is None:
            continue
        with suppress(TrivetError):  # who waits for the job learns of it there
            why = job.explain()
            if why.status is JobStatus.QUEUED and why.waiting_for not in told and not ended.is_set():
                told.add(why.waiting_for)
                note(_in_words(why))


def _in_words(why: Explanation) -> str:
    """The summary and the reasons; what a worker wrote, and what to do, stay with ``explain``, which has room for them."""
    lines = [f"Waiting: {why.summary}", *(f"  because {reason}" for reason in why.reasons)]
    return "\n".join([*map(printable, lines), f"→ `trivet jobs explain {why.job_id}` says more; Ctrl-C cancels it."])
