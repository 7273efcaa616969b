"""Stories: what has happened in an open job, as far as it is in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from trivet.platform.core.jobs import EventKind, JobEvent

RECENT_EVENTS = 1000
"""Events of an open job that stay in memory for its readers, at most so many that are on disk."""
RECENT_SIZE = 4 * 1024 * 1024
"""The same in bytes."""
LAST_WORDS = 20
"""Lines that a handler printed before its worker was lost, told with the loss."""
LAST_WORDS_SIZE = 8 * 1024
"""The same in bytes."""
UNSAVED_EVENTS = 5000
"""Events of one job that may wait for the disk before its worker is no longer listened to."""
UNSAVED_SIZE = 16 * 1024 * 1024
"""The same in bytes."""


@dataclass(slots=True, eq=False)
class Story:
    """The events of an open job: those that are not on disk yet, and the latest of those that are.

    ``seq`` is the number of the last event, ``saved`` of the last one on disk, ``saving`` whether some are on their way there.
    """

    seq: int = 0
    saved: int = 0
    saving: bool = False
    unsaved: list[JobEvent] = field(default_factory=list)
    unsaved_size: int = 0
    recent: deque[JobEvent] = field(default_factory=deque)
    recent_size: int = 0

    def add(self, event: JobEvent) -> None:
        """Goes on with the story."""
        self.seq = event.seq
        self.recent.append(event)
        self.recent_size += len(event.data)
        self.unsaved.append(event)
        self.unsaved_size += len(event.data)

    def take(self) -> list[JobEvent]:
        """What is to be brought to disk now."""
        taken, self.unsaved = self.unsaved, []
        self.unsaved_size = 0
        return taken

    def keep(self, saved: int) -> None:
        """The events up to ``saved`` are on disk: of those only the latest stay in memory."""
        self.saved = max(self.saved, saved)
        recent = self.recent
        while recent and recent[0].seq <= self.saved:
            if len(recent) <= RECENT_EVENTS and self.recent_size <= RECENT_SIZE:
                break
            self.recent_size -= len(recent.popleft().data)

    @property
    def is_behind(self) -> bool:
        """Whether so much waits for the disk that the worker has to wait too."""
        return self.unsaved_size > UNSAVED_SIZE or len(self.unsaved) > UNSAVED_EVENTS

    def last_words(self, attempt: int) -> tuple[str, ...]:
        """The last lines that the handler printed in an attempt, which went into the job's log and not the worker's own."""
        words, size = deque[bytes](), 0
        for event in reversed(self.recent):
            if event.attempt != attempt or size >= LAST_WORDS_SIZE:
                break
            if event.kind is EventKind.LOG:
                words.appendleft(event.data)
                size += len(event.data)
        return tuple(b"".join(words)[-LAST_WORDS_SIZE:].decode("utf-8", "replace").splitlines()[-LAST_WORDS:])

    def after(self, seq: int, until: int) -> list[JobEvent] | None:
        """The events above ``seq`` up to ``until``; None where they are not all in memory."""
        if seq >= until:
            return []
        if not self.recent or self.recent[0].seq > seq + 1:
            return None
        return [event for event in self.recent if seq < event.seq <= until]
