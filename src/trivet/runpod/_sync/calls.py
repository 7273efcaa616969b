# Generated from ../_async/calls.py by scripts/unasync.py: change that file, then run the script.
"""Conversations with a server: calls and their jobs, streams, GraphQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from trivet.runpod import _answers, _requests
from trivet.runpod._answers import JobDocument
from trivet.runpod._known import warn_of_failure
from trivet.runpod._pace import Pace
from trivet.runpod.error import InputError
from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._sync.channel import Channel
from trivet.sdk._sync.concurrency import sleep
from trivet.sdk._sync.transport import Transport
from trivet.sdk.errors import ConfigurationError, InvalidRequestError

FOREVER = Deadline(None)
_TIMEOUT = 30.0
"""Seconds for an ordinary answer."""


class Calls:
    """All that is said to one server under one key. Connections are made when they are needed, and used again.

    May be used by several threads and tasks at once.

    Args:
        url: the base URL.
        key: the API key.
        transport: the way there, in place of HTTP; for tests.

    Raises:
        InputError: the key can't be sent.
    """

    def __init__(self, url: str, key: str, *, transport: Transport | None = None) -> None:
        self.url = url
        self.holds = False
        """Whether the server is known to hold a question until there is an answer."""
        try:
            self._channel = Channel(url, _requests.headers(key), timeout=_TIMEOUT, transport=transport)
        except ConfigurationError as error:
            raise InputError(error.message, hint=error.hint) from None

    def ask(self, request: Request, deadline: Deadline = FOREVER, *, timeout: float | None = None) -> Response:
        """The answer to a request, whatever its status.

        Args:
            request: what to ask.
            deadline: until when the caller waits.
            timeout: seconds for this one answer; None for the usual.

        Raises:
            RunPodError: none came.
        """
        try:
            answer = self._channel.send(request, deadline, timeout=timeout)
        except TransportError as failure:
            raise _answers.failed(failure, self.url, request.job_id) from failure
        except InvalidRequestError as error:
            raise InputError(error.message, hint=error.hint) from None
        if answer.is_trivet:
            self.holds = True
        return answer

    def value(self, request: Request, timeout: float | None = None) -> dict[str, Any]:
        """The object that a request is answered with.

        Args:
            request: what to ask.
            timeout: seconds for the answer; None for the usual.

        Raises:
            RunPodError: another answer came, or none.
        """
        return _answers.value(self.ask(request, timeout=timeout))

    def submit(self, endpoint_id: str, body: Mapping[str, Any]) -> str:
        """Queues a job, and returns its id.

        Raises:
            RunPodError: it was refused, or no answer came.
        """
        return _answers.accepted(self.ask(_requests.run(endpoint_id, body)))

    def call(self, endpoint_id: str, body: Mapping[str, Any], timeout: float) -> JobDocument:
        """Calls, and returns the job once it has ended.

        Raises:
            TimedOutError: it takes longer than ``timeout`` seconds.
            RunPodError: it was refused, or no answer came.
        """
        deadline = Deadline(timeout)
        job = _answers.document(self.ask(_requests.run_sync(endpoint_id, body, timeout), deadline))
        return job if job.is_final else self.outcome(endpoint_id, job.job_id, deadline)

    def look(self, endpoint_id: str, job_id: str) -> JobDocument:
        """How a job stands now.

        Raises:
            RunPodError: there is none, or no answer came.
        """
        return _answers.document(self.ask(_requests.status(endpoint_id, job_id)))

    def outcome(self, endpoint_id: str, job_id: str, deadline: Deadline) -> JobDocument:
        """A job, once it has ended. A server that holds questions answers in that moment; another is asked again and again.

        Raises:
            TimedOutError: it has not ended before the deadline.
            RunPodError: there is none, or no answer came.
        """
        pace = Pace()
        while True:
            hold = self._hold(deadline)
            asked = time.monotonic()
            question = (
                _requests.status_sync(endpoint_id, job_id, hold) if hold else _requests.status(endpoint_id, job_id)
            )
            job = _answers.document(self.ask(question, deadline))
            if job.is_final:
                return job
            if deadline.passed:
                raise _answers.out_of_time(job_id)
            if not hold and self._hold(deadline):
                continue  # this answer has told that it holds questions
            if not hold or time.monotonic() - asked < hold / 2:
                sleep(deadline.portion(pace.pause()))

    def pieces(self, endpoint_id: str, job_id: str) -> Iterator[Any]:
        """The pieces of a job's stream as they come, to its end. Each is given to one reader.

        Raises:
            RunPodError: there is no such job, or no answer came.
        """
        pace = Pace()
        while True:
            hold = _requests.LONGEST_HOLD if self.holds else None
            asked = time.monotonic()
            page = _answers.page(self.ask(_requests.stream(endpoint_id, job_id, hold)))
            yield from page.pieces
            # Elsewhere than here a final status may come before the last pieces.
            if page.job.is_final and (self.holds or not page.pieces):
                warn_of_failure(page.job, job_id)
                return
            if page.pieces:
                pace.restart()
            elif hold is None and self.holds:
                continue  # this answer has told that it holds questions
            elif hold is None or time.monotonic() - asked < hold / 2:
                sleep(pace.pause())

    def graphql(self, query: str, *path: str) -> Any:
        """What GraphQL finds at ``path`` of its data.

        Raises:
            QueryError: it refused the query.
            RunPodError: another answer came, or none.
        """
        return _answers.data(self.ask(_requests.graphql(query)), query, *path)

    def _hold(self, deadline: Deadline) -> float:
        """Seconds for which the next question is to be held; 0 where it is to be answered at once."""
        hold = deadline.portion(_requests.LONGEST_HOLD) if self.holds else 0.0
        return hold if hold >= _requests.LEAST_HOLD else 0.0

    def close(self) -> None:
        """Ends all connections."""
        self._channel.close()


@lru_cache(maxsize=8)
def connected(url: str, key: str) -> Calls:
    """The conversation with a server under a key: the same for all who ask, so that its connections are used again."""
    return Calls(url, key)
