"""The queue of one version: what waits for its workers, by priority and then by age."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from trivet.platform.core.jobs import Priority
from trivet.platform.services.live import LiveJob


class JobQueue:
    """Jobs that wait, in the order in which they will be taken. All but `position` costs the same however long it is."""

    def __init__(self) -> None:
        self._lanes: tuple[OrderedDict[str, LiveJob], ...] = tuple(OrderedDict() for _ in Priority)

    def __len__(self) -> int:
        high, normal, low = self._lanes
        return len(high) + len(normal) + len(low)

    def __bool__(self) -> bool:
        return any(self._lanes)

    def __iter__(self) -> Iterator[LiveJob]:
        for lane in self._lanes:
            yield from lane.values()

    @property
    def pressing(self) -> int:
        """How many jobs may make the version scale up: all but those of low priority."""
        return len(self._lanes[Priority.HIGH]) + len(self._lanes[Priority.NORMAL])

    @property
    def oldest_pressing(self) -> LiveJob | None:
        """The one of those that has waited longest; None where there is none."""
        firsts = [next(iter(lane.values())) for lane in self._lanes[: Priority.LOW] if lane]
        return min(firsts, key=lambda live: live.job.queued_at, default=None)

    def add(self, live: LiveJob, *, front: bool = False) -> None:
        """Puts a job behind those of its priority, or before them."""
        lane = self._lanes[live.job.policy.priority]
        lane[live.job.id] = live
        if front:
            lane.move_to_end(live.job.id, last=False)

    def first(self) -> LiveJob:
        """The job that is next. There must be one."""
        for lane in self._lanes:
            if lane:
                return next(iter(lane.values()))
        raise LookupError("an empty queue has no next job")

    def pop(self) -> LiveJob:
        """Takes the job that is next. There must be one."""
        for lane in self._lanes:
            if lane:
                return lane.popitem(last=False)[1]
        raise LookupError("an empty queue has no next job")

    def discard(self, live: LiveJob) -> None:
        """Takes a job out, where it is in."""
        self._lanes[live.job.policy.priority].pop(live.job.id, None)

    def position(self, job_id: str) -> int | None:
        """The place of a job, from 1; None where it is not in."""
        for place, live in enumerate(self, 1):
            if live.job.id == job_id:
                return place
        return None
