"""A job's events and pieces as they come, across connections that break."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

from trivet.sdk import _answers
from trivet.sdk._async.jobs import AsyncJob
from trivet.sdk._async.session import AsyncSession
from trivet.sdk._async.transport import AsyncStreamed
from trivet.sdk._events import EventParser, ServerEvent
from trivet.sdk._http import Request, TransportError
from trivet.sdk._requests import jobs as _requests
from trivet.sdk.models import JobEvent, LogLine, Piece, Progress, StatusChange

STEADY = 5.0
"""Seconds after which a connection counts as a good one: its breaking starts the patience anew."""


class _Place:
    """How far a stream has come: what it takes to go on from there."""

    def __init__(self, job_id: str | None) -> None:
        self.job_id = job_id
        self.after: str | None = None
        self._seen = -1

    def take(self, server_event: ServerEvent) -> JobEvent | None:
        """What to give out for ``server_event``; None for what nobody knows, or had already."""
        if server_event.id is not None:
            self.after = server_event.id
        event = _answers.event(server_event)
        if isinstance(event, StatusChange):
            self.job_id = event.job.id
        elif isinstance(event, Piece) and event.sequence is not None:
            if event.sequence <= self._seen:
                return None
            self._seen = event.sequence
        return event


async def follow(session: AsyncSession, request: Request, job_id: str | None = None) -> AsyncGenerator[JobEvent, None]:
    """All events of a job up to its last; goes on from where it was when a connection breaks.

    Args:
        session: makes the requests.
        request: what opens the stream first.
        job_id: the job, where it is known already.

    Raises:
        TrivetError: the stream can't be opened, or not again.
    """
    place = _Place(job_id)
    repetition = 0
    breaking: float | None = None
    while True:
        stream = await session.open(request)
        began, before = time.monotonic(), place.after
        try:
            async for server_event in _events(stream, session.largest):
                event = place.take(server_event)
                if event is not None:
                    yield event
                if isinstance(event, StatusChange) and event.last:
                    return
            broken = TransportError("it was closed before the job's end", sent=True)
        except TransportError as failure:
            broken = failure
        finally:
            await stream.close()
        if place.job_id is None or broken.limit is not None:  # it would be as large again
            raise session.error(request, broken) from broken
        broke = time.monotonic()
        if place.after != before or broke - began > STEADY:
            repetition, breaking = 0, None
        breaking = broke if breaking is None else breaking
        request = _requests.job_events(place.job_id, after=place.after)
        # A silence counts as a break here: asking for the rest of the events is always safe.
        again = TransportError(broken.detail, sent=True)
        delay = session.retry_delay(request, again, repetition, out=broke - breaking)
        if delay is None:
            raise session.error(request, broken) from broken
        repetition += 1
        await session.pause(delay)


async def follow_lines(session: AsyncSession, request: Request) -> AsyncGenerator[LogLine, None]:
    """Log lines as they are written, for as long as the server sends them.

    Raises:
        TrivetError: the stream can't be opened, or broke.
    """
    stream = await session.open(request)
    try:
        async for server_event in _events(stream, session.largest):
            event = _answers.event(server_event)
            if isinstance(event, LogLine):
                yield event
    except TransportError as broken:
        raise session.error(request, broken) from broken
    finally:
        await stream.close()


async def _events(stream: AsyncStreamed, largest: int) -> AsyncIterator[ServerEvent]:
    parser = EventParser(largest)
    while chunk := await stream.read():
        for server_event in parser.feed(chunk):
            yield server_event


class AsyncStream:
    """The pieces of a streamed output, as the handler gives them.

    Iterate over it once. The request is made when the first piece is asked for. A connection that breaks is taken up again
    where it broke; a job that fails raises its error after the pieces that it gave. Leaving early lets the job go on:
    ``stream.job.cancel()`` ends it.
    """

    def __init__(
        self,
        session: AsyncSession,
        request: Request,
        job: AsyncJob | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._session = session
        self._job = job
        self._on_progress = on_progress
        self._events = follow(session, request, job.id if job is not None else None)

    @property
    def job(self) -> AsyncJob | None:
        """The job behind the stream; None until the server has answered."""
        return self._job

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        async for event in self._events:
            if isinstance(event, Piece):
                return event.value
            if isinstance(event, Progress):
                if self._on_progress is not None:
                    self._on_progress(event)
            elif isinstance(event, StatusChange):
                self._update(event)
        raise StopAsyncIteration

    def _update(self, event: StatusChange) -> None:
        if self._job is None:
            self._job = AsyncJob(self._session, event.job.id)
        self._job.update(event.job)
        error = _answers.job_error(event.job)
        if event.last and error is not None:
            raise error

    async def close(self) -> None:
        """Stop listening. May be called again."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Stream(job={self._job!r})"
