"""Reading a stream in turns: each piece is handed out once, and the end only behind the last of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import NotFound
from trivet.platform.core.jobs import EventKind, JobEvent, JobStatus
from trivet.platform.core.views import JobView
from trivet.platform.services.jobs import Jobs

MOST_PIECES = 1000
"""Pieces in one page, at most."""
MOST_BYTES = 4 * 1024 * 1024
"""The same in bytes; one piece may be larger by itself."""
MOST_CURSORS = 100_000


@dataclass(slots=True)
class _Cursor:
    """How far the readers of a job are: all of them share it, as RunPod has one buffer for each job."""

    after: int = 0
    told_end: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Page:
    """What one read gives.

    ``view`` is the job as it stands. ``is_last``: there are no more pieces, and there will be none. ``after`` is the number of
    the last event that was looked at.
    """

    view: JobView
    after: int = 0
    pieces: list[JobEvent] = field(default_factory=list)
    size: int = 0
    is_last: bool = False

    @property
    def status(self) -> JobStatus:
        """The status to tell: a final one only where this page is the last."""
        status = self.view.job.status
        return status if self.is_last or not self.view.job.is_final else JobStatus.RUNNING

    def take(self, events: Sequence[JobEvent]) -> bool:
        """Adds events until the page is full; False where it is."""
        for event in events:
            if event.kind is EventKind.PIECE:
                if self.pieces and (len(self.pieces) >= MOST_PIECES or self.size + len(event.data) > MOST_BYTES):
                    return False
                self.pieces.append(event)
                self.size += len(event.data)
            self.after = event.seq
        return True


class Streams:
    """The cursors of all streams that are being read. They live in memory: after a restart of the platform a stream is read
    from its beginning.

    Args:
        jobs: where the pieces are.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()

    @asynccontextmanager
    async def read(self, principal: Principal, view: JobView, hold: float) -> AsyncIterator[Page]:
        """The pieces of a job that nobody has read yet.

        Where there are none it waits for them, or for the end. The reader has its turn until the context ends. What it was given
        counts as read then, unless by an exception: whom it did not reach has read nothing.

        Args:
            principal: who reads.
            view: the job.
            hold: seconds to wait, at most.

        Raises:
            NotFound: the job was cancelled, and a reader has been told so.
        """
        cursor = self._cursor(view.job.id)
        until = asyncio.get_running_loop().time() + hold
        page = Page(view)
        try:
            async with asyncio.timeout_at(until):
                await cursor.turn.acquire()
        except TimeoutError:  # somebody else reads it: what there is, is for them
            yield page
            return
        try:
            if cursor.told_end and view.job.status is JobStatus.CANCELLED:
                raise NotFound(
                    f"The job {view.job.id} was cancelled, and its stream has been read to the end.",
                    hint="`status` still tells what became of it.",
                )
            page.after = cursor.after
            try:
                async with asyncio.timeout_at(until):
                    await self._gather(principal, page)
            except TimeoutError:
                pass
            yield page
            cursor.after, cursor.told_end = page.after, page.is_last
        finally:
            cursor.turn.release()

    async def _gather(self, principal: Principal, page: Page) -> None:
        job_id = page.view.job.id
        async with aclosing(self._jobs.events(principal, job_id, page.after)) as story:
            async for item in story:
                if isinstance(item, JobView):
                    page.view, page.is_last = item, item.job.is_final
                elif item is not None:
                    has_room = page.take(item)
                    if page.pieces:
                        # what ends with these pieces is told with them, and no reader has to come again for that alone
                        page.view = await self._jobs.get(principal, job_id)
                        if not (has_room and page.view.job.is_final):
                            return

    def _cursor(self, job_id: str) -> _Cursor:
        cursor = self._cursors.get(job_id)
        if cursor is None:
            cursor = self._cursors[job_id] = _Cursor()
            while len(self._cursors) > MOST_CURSORS:
                oldest, found = self._cursors.popitem(last=False)
                if found.turn.locked():  # somebody waits for a piece here: this is the newest use of it
                    self._cursors[oldest] = found
                    break
        else:
            self._cursors.move_to_end(job_id)
        return cursor
