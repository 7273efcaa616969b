"""The queue of one version: what waits for its workers, by priority and then by age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from trivet.platform.core.jobs import Priority
from trivet.platform.services.live import LiveJob


class JobQueue:
    """Jobs that wait, in the order in which they will be taken. All but `position` costs the same however long it is."""

    def __init__(self) -> None:
        self._lines: tuple[OrderedDict[str, LiveJob], ...] = tuple(OrderedDict() for _ in Priority)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[LiveJob]:
        for line in self._lines:
            yield from line.values()

    @property
    def pressing(self) -> int:
        """How many jobs may make the version scale up: all but those of low priority."""
        return len(self._lines[Priority.HIGH]) + len(self._lines[Priority.NORMAL])

    @property
    def oldest_pressing(self) -> LiveJob | None:
        """The one of those that has waited longest; None where there is none."""
        firsts = [next(iter(line.values())) for line in self._lines[: Priority.LOW] if line]
        return min(firsts, key=lambda live: live.job.queued_at, default=None)

    def add(self, live: LiveJob, *, front: bool = False) -> None:
        """Puts a job behind those of its priority, or before them."""
        job = live.job
        line = self._lines[job.policy.priority]
        self._size += job.id not in line
        line[job.id] = live
        if front:
            line.move_to_end(job.id, last=False)

    def first(self) -> LiveJob:
        """The job that is next. There must be one."""
        for line in self._lines:
            if line:
                return next(iter(line.values()))
        raise LookupError("an empty queue has no next job")

    def pop(self) -> LiveJob:
        """Takes the job that is next. There must be one."""
        for line in self._lines:
            if line:
                self._size -= 1
                return line.popitem(last=False)[1]
        raise LookupError("an empty queue has no next job")

    def discard(self, live: LiveJob) -> None:
        """Takes a job out, where it is in."""
        if self._lines[live.job.policy.priority].pop(live.job.id, None) is not None:
            self._size -= 1

    def position(self, job_id: str) -> int | None:
        """The place of a job, from 1; None where it is not in."""
        for place, live in enumerate(self, 1):
            if live.job.id == job_id:
                return place
        return None
