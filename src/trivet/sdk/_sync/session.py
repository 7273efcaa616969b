# Generated from ../_async/session.py by scripts/unasync.py: change that file, then run the script.
"""Requests made well: with timeouts, with repetitions where they are safe, and with errors that teach."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TypeVar

from trivet.sdk import _answers
from trivet.sdk._config import Settings
from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request, Response, TransportError, largest_answer
from trivet.sdk._retry import Backoff, delay_before_retry
from trivet.sdk._sync.concurrency import sleep
from trivet.sdk._sync.transport import Streamed, Transport, problem
from trivet.sdk.errors import AuthenticationError, TimedOutError, TrivetError

T = TypeVar("T")
Recognise = Callable[[Streamed], bool]
"""Tells whether an answer is the stream that was asked for."""
FOREVER = Deadline(None)


class Session:
    """What every part of the client makes its requests with.

    Args:
        transport: the way to the server.
        settings: the server's URL and the key.
        timeout: seconds for the answer to an ordinary request.
        backoff: how often, and how far apart, requests are repeated.
        largest: how many characters one event of a stream may have; None takes ``TRIVET_MAX_ANSWER``, else 256 Mi.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        *,
        timeout: float,
        backoff: Backoff,
        largest: int | None = None,
    ) -> None:
        self.transport = transport
        self.settings = settings
        self.timeout = timeout
        self.backoff = backoff
        self.largest = largest_answer() if largest is None else largest

    def send(self, request: Request, deadline: Deadline = FOREVER) -> Response:
        """The answer to ``request``, if it is a good one (a status below 300).

        Raises:
            TrivetError: it is not, or none came.
        """
        answer = self._exchange(lambda: request, deadline)
        assert isinstance(answer, Response)
        return answer

    def poll(self, build: Callable[[float], Request], longest: float, deadline: Deadline) -> Response:
        """The answer to a long poll, if it is a good one.

        Args:
            build: makes the request that the server holds for so many seconds: fewer in a repetition after an outage.
            longest: how many seconds at most.
            deadline: until when the caller waits.

        Raises:
            TrivetError: it is not, or none came.
        """
        answer = self._exchange(lambda: build(deadline.portion(longest)), deadline)
        assert isinstance(answer, Response)
        return answer

    def open(self, request: Request) -> Streamed:
        """The beginning of the answer to ``request``, if it is a good one; the caller closes it.

        Raises:
            TrivetError: it is not, or none came.
        """
        answer = self._exchange(lambda: request, FOREVER, streams=_is_events)
        assert not isinstance(answer, Response)
        return answer

    def download(self, request: Request) -> Streamed:
        """The beginning of the file that ``request`` asks for; the caller closes it.

        Raises:
            TrivetError: something else came, or nothing.
        """
        answer = self._exchange(lambda: request, FOREVER, streams=_is_file)
        assert not isinstance(answer, Response)
        return answer

    def upload(self, build: Callable[[], Request]) -> Response:
        """The answer to an upload, if it is a good one.

        Args:
            build: makes the request, each time with a body that begins anew.

        Raises:
            TrivetError: it is not, or none came.
        """
        answer = self._exchange(build, FOREVER)
        assert isinstance(answer, Response)
        return answer

    def probe(self, request: Request) -> Response:
        """The answer to ``request`` whatever it says, asked for once.

        Raises:
            TrivetError: none came.
        """
        try:
            return self.transport.send(request, timeout=request.patience(self.timeout))
        except TransportError as failure:
            raise self.error(request, failure) from failure

    def value(self, cls: type[T], request: Request) -> T:
        """The one value that ``request`` is answered with.

        Raises:
            TrivetError: another answer came, or none.
        """
        return _answers.value(cls, self.send(request))

    def pages(self, cls: type[T], build: Callable[[str | None], Request], limit: int | None = None) -> Iterator[T]:
        """All items of a listing, page by page as they are needed.

        Args:
            cls: what an item is.
            build: makes the request for the page at a cursor.
            limit: how many items at most; None gives all.

        Raises:
            TrivetError: an answer is not a good one, or none came.
        """
        cursor: str | None = None
        given = 0
        while limit is None or given < limit:
            page = _answers.page(cls, self.send(build(cursor)))
            for item in page.items if limit is None else page.items[: limit - given]:
                yield item
                given += 1
            if page.next is None:
                return
            cursor = str(page.next)

    def everything(self, cls: type[T], build: Callable[[str | None], Request]) -> list[T]:
        """All items of a listing at once; see `pages`."""
        items: list[T] = []
        cursor: str | None = None
        while True:
            page = _answers.page(cls, self.send(build(cursor)))
            items += page.items
            if page.next is None:
                return items
            cursor = str(page.next)

    def error(self, request: Request, outcome: Response | TransportError) -> TrivetError:
        """What ``outcome`` is to whom made ``request``."""
        return _answers.error(request, outcome, self.settings.url, datetime.now(UTC))

    def retry_delay(
        self,
        request: Request,
        outcome: Response | TransportError,
        repetition: int,
        *,
        out: float = 0.0,
        left: float | None = None,
    ) -> float | None:
        """Seconds before ``request`` may be made again; None where it must not. See `delay_before_retry`."""
        now, chance = datetime.now(UTC), random.random()  # noqa: S311 — chance, not a secret
        return delay_before_retry(
            request, outcome, self.backoff, repetition=repetition, chance=chance, now=now, out=out, left=left
        )

    def pause(self, seconds: float) -> None:
        """Wait a while."""
        sleep(seconds)

    def unhurried(self, deadline: Deadline, asked: float, began: float) -> None:
        """After a long poll that gave nothing: if the server held it shorter than ``asked``, don't ask at once again."""
        if time.monotonic() - began < asked / 2:
            sleep(deadline.portion(0.25))

    def _exchange(
        self, build: Callable[[], Request], deadline: Deadline, *, streams: Recognise | None = None
    ) -> Response | Streamed:
        repetition = 0
        failing: float | None = None
        while True:
            request = build()
            if self.settings.api_key is None and not request.anonymous:
                raise _keyless(self.settings)
            outcome: Response | TransportError
            try:
                answer = self._attempt(request, deadline, streams)
                if answer.status < 300:
                    return answer
                assert isinstance(answer, Response)
                outcome = answer
            except TransportError as failure:
                outcome = failure
            failed, left = time.monotonic(), deadline.left()
            failing = failed if failing is None else failing
            delay = self.retry_delay(request, outcome, repetition, out=failed - failing, left=left)
            if delay is None:
                if isinstance(outcome, TransportError) and outcome.timed_out and left == 0.0:
                    raise _unanswered(self.settings.url, request) from outcome
                raise self.error(request, outcome) from (outcome if isinstance(outcome, TransportError) else None)
            sleep(delay)
            repetition += 1

    def _attempt(self, request: Request, deadline: Deadline, streams: Recognise | None) -> Response | Streamed:
        if streams is None:
            return self.transport.send(request, timeout=request.patience(self.timeout, deadline.left()))
        answer = self.transport.open(request)
        if streams(answer):
            return answer
        whole = problem(answer)
        if whole.status < 300:
            raise _answers.unexpected(whole)
        return whole


def _is_events(answer: Streamed) -> bool:
    return answer.status == 200 and answer.headers.get("content-type", "").startswith("text/event-stream")


def _is_file(answer: Streamed) -> bool:
    return answer.status in {200, 206} and answer.headers.get("x-data-type") == "file"


def idempotency_key() -> str:
    """A new mark for one call. It begins with the time: a store keeps what sorts together in one place."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


def _keyless(settings: Settings) -> AuthenticationError:
    if settings.withheld:
        return AuthenticationError(settings.withheld, hint="Set TRIVET_API_KEY, or pass `api_key=`.")
    return AuthenticationError(
        f"There is no API key for {settings.url}.",
        hint="`trivet up` starts a platform here and stores its key. For another's, set TRIVET_API_KEY or pass `api_key=`.",
    )


def _unanswered(url: str, request: Request) -> TimedOutError:
    whether = "" if request.repeatable else " Whether it made a job is not known: `trivet jobs ls` shows."
    hint = _answers.goes_on(request.job_id) if request.job_id else "Give a longer `timeout`, or use `submit`."
    return TimedOutError(f"{url} did not answer in the time that was given.{whether}", hint=hint, job_id=request.job_id)
