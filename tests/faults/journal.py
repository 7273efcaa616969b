"""What callers were told, and when: the suite's own record, which the platform knows nothing of."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.mouth import Acknowledgement, Call, PieceSight, Sight


@dataclass(frozen=True, slots=True)
class Asked:
    """A call was made: ``way`` is submit, run or stream. Times are of the machine's monotonic clock."""

    call: Call
    way: str
    at: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A call was taken over."""

    n: str
    key: str | None
    told: Acknowledgement
    at: float


@dataclass(frozen=True, slots=True)
class Seen:
    """A job was shown to somebody who asked at ``asked`` and was answered at ``at``. ``n`` where the asker knew it."""

    sight: Sight
    asked: float
    at: float
    n: str | None = None


@dataclass(frozen=True, slots=True)
class PieceSeen:
    """A piece reached a reader, on a connection that it had asked for at ``asked``. One ``reader`` reads on over broken ones."""

    reader: str
    piece: PieceSight
    asked: float
    at: float


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody asked a job to stop. ``took`` is what they were told; None where no answer came."""

    job_id: str
    asked: float
    at: float
    took: bool | None
    sight: Sight | None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A call was refused in plain words: nothing was taken over."""

    n: str
    code: str
    at: float


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody asked for a job, and was told that there is none."""

    job_id: str
    at: float


@dataclass(frozen=True, slots=True)
class FileSent:
    """A version of a file was sent; they are counted from 1, and nobody else writes this file."""

    uri: str
    version: int
    at: float


@dataclass(frozen=True, slots=True)
class FileKept:
    """The platform has said that a version is kept."""

    uri: str
    version: int
    at: float


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file was read: ``version`` is 0 where there was none, and None where what came is no version whole."""

    uri: str
    version: int | None
    asked: float
    at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ended, by its own will or not, between these two moments."""

    after: float
    at: float


@dataclass(frozen=True, slots=True)
class Odd:
    """An answer that no caller should ever get."""

    what: str
    at: float


@dataclass(frozen=True, slots=True)
class Hurt:
    """A fault was injected; ``until`` is when it was over."""

    fault: str
    at: float
    until: float


OfJob = Asked | Acknowledged | Seen | PieceSeen | CancelAsked | TurnedAway | Missed
OfFile = FileSent | FileKept | FileSeen
Entry = OfJob | OfFile | Ended | Odd | Hurt


class Journal:
    """Collects entries from all callers, in the order in which they were written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> list[Entry]:
        with self._lock:
            return list(self._entries)

    def save(self, path: Path) -> None:
        """As JSON lines, for whoever wants to see how a violation came about."""
        with path.open("w") as file:
            for entry in self.entries():
                file.write(json.dumps({"entry": type(entry).__name__, **asdict(entry)}, default=str) + "\n")


@dataclass(frozen=True, slots=True)
class Execution:
    """What one execution of a handler wrote into the ledger; ``ended`` is None where it did not come to its end."""

    n: str
    run: str
    pid: int
    began: float
    ended: float | None


def read_ledger(path: Path) -> dict[str, list[Execution]]:
    """The executions of each call, in the order in which they began."""
    found: dict[str, dict[str, Execution]] = {}
    for n, run, what, at, pid in _lines(path):
        of_call = found.setdefault(n, {})
        if what == "begin":
            of_call[run] = Execution(n, run, pid, at, None)
        else:
            of_call[run] = Execution(n, run, pid, of_call[run].began, at)
    return {n: list(of_call.values()) for n, of_call in found.items()}


def _lines(path: Path) -> Iterable[tuple[str, str, str, float, int]]:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        entry: list[Any] = json.loads(line)
        yield entry[0], entry[1], entry[2], entry[3], entry[4]


def now() -> float:
    """Seconds of the machine's monotonic clock, which handlers use too."""
    return time.monotonic()
