"""Workers: their states, and what a version whose workers keep dying is told."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class WorkerState(StrEnum):
    """What a worker is doing.

    ``initializing``: started, its handler not loaded yet. ``throttled``: wanted, but held off (a crash loop, a quota).
    ``unhealthy``: it does not answer.
    """

    INITIALIZING = "initializing"
    IDLE = "idle"
    RUNNING = "running"
    DRAINING = "draining"
    THROTTLED = "throttled"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that runs handlers of one version. Times are seconds since the epoch.

    ``ready_at``: when its handler was loaded, None before that. ``seen_at``: when it gave a sign of life last.
    """

    id: str
    endpoint_id: str
    version_id: str
    started_at: float
    ready_at: float | None = None
    seen_at: float = 0.0
    pid: int | None = None
    isolation: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """How a worker ended, in words: ``reason`` completes "the worker …"; ``last_lines`` are its own. ``blameless``: another is
    the cause of it, so that none of its attempts counts.
    """

    reason: str
    last_lines: tuple[str, ...] = ()
    exit_code: int | None = None
    out_of_memory: bool = False
    blameless: bool = False

    @classmethod
    def of_exit(cls, code: int, last_lines: tuple[str, ...] = (), *, memory_limit: int | None = None) -> Departure:
        """From an exit status as the standard library gives it: negative for a signal. ``memory_limit`` in bytes, where it
        was what ended the worker.
        """
        if memory_limit is not None:
            return cls(
                f"went over its memory limit of {memory_limit // 2**20} MiB and was killed", last_lines, code, True
            )
        if code >= 0:
            return cls(f"exited with status {code}", last_lines, code)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "unknown"
        return cls(f"was killed by signal {-code} ({name})", last_lines, code)


CRASH_LOOP_AFTER = 2
"""So many starts in a row that came to nothing make a crash loop."""
STEADY_AFTER = 10.0
"""Seconds that a worker must have been ready for its end to be none of its start's doing."""
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class StartHistory:
    """What became of the latest starts of a version's workers. ``retry_at`` is when the next start may be tried."""

    failures: int = 0
    retry_at: float = 0.0
    last: Departure | None = None

    @property
    def is_crash_loop(self) -> bool:
        """Whether workers of this version keep dying before they have proved themselves."""
        return self.failures >= CRASH_LOOP_AFTER


def start_failed(history: StartHistory, departure: Departure, now: float) -> StartHistory:
    """After a worker died before it had proved itself: the pause doubles each time, up to half a minute."""
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(history.failures, 10))
    return replace(history, failures=history.failures + 1, retry_at=now + pause, last=departure)


def has_proved_itself(worker: Worker, jobs_taken: int, now: float) -> bool:
    """Whether a worker is more than a false start: it was given a job, or has been ready for `STEADY_AFTER` seconds.

    One that dies of a job is the job's business, whose attempts are counted.
    """
    return jobs_taken > 0 or (worker.ready_at is not None and now - worker.ready_at >= STEADY_AFTER)


ANY_GPU = "any"
"""What asks for a GPU of whatever kind."""
_ANY_GPU = frozenset({ANY_GPU, "true", "1"})


def has_gpu(installed: Mapping[str, int], wanted: str) -> bool:
    """Whether a GPU of the wanted kind is there: part of its name, in any case of letters, or ``any``."""
    if not installed:
        return False
    return wanted.lower() in _ANY_GPU or any(wanted.lower() in kind.lower() for kind in installed)
