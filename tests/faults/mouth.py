"""How a caller speaks to the platform, in words that every dialect shares. A dialect joins the suite with one such class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

FINAL = frozenset({"succeeded", "failed", "cancelled", "timed_out"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``n`` is its own name, ``endpoint`` what is called, ``input`` what is given, which tells ``n`` somewhere.

    The input is what JSON can say, or the bytes of a file of CSV.

    ``key`` is the idempotency key, where the caller names the call so that it may be repeated.
    """

    n: str
    endpoint: str
    input: Any
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """A job as a caller was shown it, in core words. ``output`` counts where ``has_output`` says that it was shown.

    ``error`` is the stable code of why it did not succeed; None where it was not told.
    """

    job_id: str
    status: str
    attempts: int | None = None
    has_output: bool = False
    output: Any = None
    error: str | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The platform has taken a call over. ``replayed``: it says that it had done so before, under the same key.

    Where a dialect tells a number in place of the job's id, it is the number that stands here.
    """

    job_id: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PieceSight:
    """One piece of a stream: ``seq`` is its place in the job's story, ``value`` what it holds.

    A dialect whose pieces have no numbers says None. It keeps count of them itself, in memory: the same reader goes on where it
    was, but may be shown everything anew once the server has died.
    """

    job_id: str
    seq: int | None
    value: Any


class Refused(Exception):
    """The platform answered that it did not take it. ``code`` is the reason's."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class Silence(Exception):
    """No whole answer came: whether anything was taken over is not known."""


class Mouth(Protocol):
    """A dialect as its callers speak it. Each thread has one of its own.

    Every method raises `Silence` where no answer came in time, and `Refused` where the answer was a plain no.
    """

    name: str
    """How the report calls it."""
    reach: frozenset[str] | None
    """What it can call, as ``owner/name``; None: everything."""
    by_number: bool
    """Whether it is told the numbers of jobs, and asks by them."""

    def submit(self, call: Call) -> Acknowledgement:
        """Hands a call over, to look for its end later."""

    def run(self, call: Call) -> Sight:
        """Calls and is held until the end, or for as long as the dialect holds."""

    def look(self, job_id: str) -> Sight:
        """Looks at a job once."""

    def wait(self, job_id: str, seconds: float) -> Sight:
        """Looks at a job when it is final, or after so many seconds."""

    def open_stream(self, call: Call) -> Iterator[Acknowledgement | Sight | PieceSight]:
        """Calls, and reads what comes: sights of the job and its pieces; first that it was taken over, where that is told."""

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        """Reads a job's pieces behind ``after``, up to its end; where they have no numbers, those that were not shown yet."""

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        """Asks a job to stop; whether it is said to have taken, and the job as it was shown."""

    def close(self) -> None:
        """Lets go of connections."""
