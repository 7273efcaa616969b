"""The kill points: the places inside the server where it may be struck dead, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_DISPATCH = "trivet.platform.services.dispatch:Dispatcher"
_CLAIMS = "trivet.platform.services.claims:Claims"
_ATTEMPTS = "trivet.platform.services.attempts:Attempts"
_STOPS = "trivet.platform.services.stops:Stops"
_OPEN_JOBS = "trivet.platform.services.open_jobs:OpenJobs"
_CALLS = "trivet.platform.services.calls:Calls"
_INTAKE = "trivet.platform.services.intake:Intake"
_WAITS = "trivet.platform.services.waits:Waits"
_RECORDER = "trivet.platform.services.recorder:Recorder"
_SESSION = "trivet.platform.stores.sqlite.session:WriteSession"
_STORE = "trivet.platform.stores.sqlite.store:SqliteStore"
_BLOBS = "trivet.platform.stores.blobs_disk:DiskBlobs"
_WORKERS = "trivet.platform.services.workers:Workers"
_TAKES = "trivet.platform.services.takes:Takes"
_FILES = "trivet.platform.services.files:Files"
_LINK = "trivet.platform.worker_api.link:Link"
_NUMBERED = "trivet.platform.services.numbered:NumberedJobs"
_SHARED = "trivet.platform.runtimes.shared:SharedRuntime"
_PROCESS = "trivet.platform.runtimes.shared_process:SharedProcess"


@dataclass(frozen=True, slots=True)
class Point:
    """A method, and whether the server dies before or after its work.

    Args:
        target: ``module:Class.method``.
        most: it dies at one of the first so many passes under load, drawn by chance.
        provoke: what the suite has to do to the platform so that it comes by: nothing, ``kill-worker``, ``drain-worker``
            (SIGTERM to one), ``kill-shared-worker`` (the process of models' workers) or ``restart``.
    """

    target: str
    after: bool = False
    most: int = 20
    provoke: str = ""

    @property
    def name(self) -> str:
        return f"{self.target.rpartition(':')[2]} {'after' if self.after else 'before'}"


def _both(target: str, most: int = 20, provoke: str = "") -> tuple[Point, Point]:
    return Point(target, most=most, provoke=provoke), Point(target, after=True, most=most, provoke=provoke)


STAGES: Mapping[str, tuple[Point, ...]] = {
    "a call comes in": (
        *_both(f"{_CALLS}.submit"),
        *_both(f"{_CALLS}.run", most=4),
        *_both(f"{_CALLS}.hold"),
        *_both(f"{_CALLS}.leave", most=1),
        *_both(f"{_CALLS}.start_stream", most=3),
        *_both(f"{_INTAKE}.record"),
        *_both(f"{_DISPATCH}.admit"),
    ),
    "it is handed to a worker": (
        *_both(f"{_CLAIMS}._claim"),
        *_both(f"{_CLAIMS}.begin"),
        *_both(f"{_CLAIMS}._send_recorded", most=3),
        *_both(f"{_LINK}.send"),
    ),
    "the worker reports": (
        *_both(f"{_ATTEMPTS}.succeed"),
        *_both(f"{_ATTEMPTS}.fail", most=3),
        *_both(f"{_ATTEMPTS}.piece"),
        *_both(f"{_ATTEMPTS}.progress", most=6),
        *_both(f"{_ATTEMPTS}.log", most=6),
    ),
    "it ends, and somebody is told": (
        *_both(f"{_OPEN_JOBS}.settle"),
        *_both("trivet.platform.services.chronicle:Chronicle.save"),
        *_both(f"{_OPEN_JOBS}._tell"),
    ),
    "somebody wants it to stop": (
        *_both(f"{_STOPS}.cancel", most=3),
        *_both(f"{_ATTEMPTS}.stopped", most=2),
    ),
    "a worker comes, goes, or hands back what it has not begun": (
        *_both(f"{_WORKERS}.connect", most=2, provoke="kill-worker"),
        *_both(f"{_WORKERS}.ready", most=2, provoke="kill-worker"),
        *_both(f"{_ATTEMPTS}.depart", most=2, provoke="kill-worker"),
        *_both(f"{_WORKERS}.draining", most=1, provoke="drain-worker"),
    ),
    "a worker polls, and brings what it has": (
        *_both(f"{_WORKERS}.join", most=1, provoke="restart"),
        *_both(f"{_CLAIMS}.ask", most=3),
        *_both(f"{_TAKES}.take", most=6),
        *_both(f"{_TAKES}.succeed", most=3),
        *_both(f"{_TAKES}.fail", most=1),
        *_both(f"{_TAKES}.piece", most=4),
        *_both(f"{_TAKES}.progress", most=1),
        *_both(f"{_TAKES}.stops", most=1),
    ),
    "a prediction is numbered": (
        *_both(f"{_NUMBERED}.run", most=4),
        *_both(f"{_WAITS}.ensure_recorded", most=4),
        *_both(f"{_NUMBERED}.get", most=6),
        *_both("trivet.platform.services.numbers:Numbers.next", most=4),
    ),
    "models share a process": (
        *_both(f"{_SHARED}._launch", most=1, provoke="restart"),
        *_both(f"{_PROCESS}.serve", most=2, provoke="restart"),
        *_both(f"{_SHARED}._exited", most=2, provoke="kill-shared-worker"),
        *_both(f"{_SHARED}._forget", most=1, provoke="kill-shared-worker"),
    ),
    "the disk": (
        *_both(f"{_RECORDER}._write"),
        *_both(f"{_SESSION}.commit", most=40),
        *_both(f"{_STORE}.write"),
        *_both(f"{_BLOBS}.put", most=3),
        *_both(f"{_BLOBS}._put", most=3),
    ),
    "a file is put over another": (
        *_both(f"{_FILES}.write", most=4),
        *_both(f"{_FILES}._receive", most=4),
        *_both(f"{_BLOBS}.put_stream", most=4),
        *_both(f"{_BLOBS}._append", most=2),
        *_both(f"{_BLOBS}._finish", most=8),
        *_both(f"{_BLOBS}._delete", most=1),
    ),
    "the start after a death": (*_both(f"{_INTAKE}.recover", most=1, provoke="restart"),),
}
"""The points by what goes on in the server when it comes by them."""

POINTS: tuple[Point, ...] = tuple(point for points in STAGES.values() for point in points)
