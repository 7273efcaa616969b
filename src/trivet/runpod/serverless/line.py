"""The way between a worker and its server: jobs in, results out, over plain HTTP. Safe to be used by several threads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from trivet.runpod import _requests
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless import results
from trivet.runpod.serverless.surroundings import Surroundings
from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._shapes import is_listing, is_object
from trivet.sdk._sync.channel import Channel
from trivet.sdk.errors import TrivetError

journal = RunPodLogger()
LONGEST_POLL = 90.0
"""Seconds for which a server may hold a question."""
_OUTAGE = 120.0
"""Seconds for which a result is kept on being brought to a server that is away."""
_SLOWEST_POST = 30.0
"""Seconds that a server may take for a post."""
_TOLD_TO_WAIT = 5.0
_POSTED = (("Content-Type", "application/x-www-form-urlencoded"), ("charset", "utf-8"))
"""As the original says of its posts, whose body is JSON all the same."""


class Taken(NamedTuple):
    """What came of asking: jobs, or seconds to wait; None where it may be asked again at once."""

    jobs: list[dict[str, Any]]
    wait: float | None = None


class Line:
    """One worker's conversation with its server.

    Args:
        place: where it is.
    """

    def __init__(self, place: Surroundings) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._channels: dict[tuple[str, bool], Channel] = {}
        self._last = ""
        self._hung_up = False

    # -- questions ----------------------------------------------------------------------------------------------------

    def take(self, count: int, *, busy: bool) -> Taken:
        """Waits for jobs, for as long as the server holds the question.

        Args:
            count: how many are wanted.
            busy: whether this worker holds any.
        """
        said = (("X-Request-ID", self._last),) if self._last else ()
        try:
            answer = self._send("GET", self.place.take(count, busy=busy), said, poll=True)
        except (TransportError, TrivetError) as error:
            return Taken([], self._away(error))
        if answer.status == 429:
            return Taken([], _TOLD_TO_WAIT)
        if answer.status not in {200, 204, 400}:
            journal.error(f"The question for jobs was answered with {answer.status}: {_beginning(answer)}")
            return Taken([], _TOLD_TO_WAIT)
        return Taken(list(_jobs(answer)))

    def stops(self) -> tuple[list[str], float | None]:
        """Waits for word of jobs to stop; their ids, and seconds to wait before asking again."""
        try:
            answer = self._send("GET", self.place.stop(), (), poll=True)
        except (TransportError, TrivetError):
            return [], _TOLD_TO_WAIT
        if answer.status not in {200, 204}:
            return [], _TOLD_TO_WAIT
        found = _json(answer)
        ids = found.get("jobsToStop") if is_object(found) else None
        return [str(job_id) for job_id in ids] if is_listing(ids) else [], None

    def hang_up(self) -> None:
        """Ends the questions that are open. A job that was on its way goes back: the server sees that nobody took it."""
        self._hung_up = True
        # Without the lock: a signal's handler comes here, and may have interrupted whoever holds it.
        for (_, poll), channel in tuple(self._channels.items()):
            if poll:
                channel.close()

    # -- reports ------------------------------------------------------------------------------------------------------

    def finish(self, job_id: str, report: dict[str, Any], *, is_stream: bool = False) -> None:
        """Brings a result, again and again where the server is away for a while."""
        self._last = job_id
        url = self.place.done(job_id, is_stream=is_stream)
        self._post(url, job_id, results.posted(report), "result", Deadline(_OUTAGE))

    def piece(self, job_id: str, value: Any) -> None:
        """Brings a piece of a stream.

        Raises:
            Refused: it has no form in JSON.
        """
        body = b'{"output":%b}' % results.written(value)
        self._post(self.place.stream(job_id), job_id, body, "piece", Deadline(_OUTAGE))

    def progress(self, job_id: str, value: bytes) -> None:
        """Says how far a job is; ``value`` is JSON."""
        body = b'{"status":"IN_PROGRESS","output":%b}' % value
        self._post(self.place.done(job_id, is_stream=False), job_id, body, "progress", Deadline(10.0))

    def ping(self, job_ids: Iterable[str]) -> None:
        """Gives a sign of life. Its answer does not matter, nor that there is none."""
        try:
            self._send("GET", self.place.ping(list(job_ids)), (), timeout=2 * self.place.ping_interval)
        except (TransportError, TrivetError) as error:
            journal.debug(f"No sign of life reached the server: {error}")

    def unhealthy(self, check: str, reason: str) -> None:
        """Says that this worker is not fit."""
        if not self.place.ping_url:
            return
        try:
            self._send("GET", self.place.unhealthy(check, reason), (), timeout=2.0)
        except (TransportError, TrivetError) as error:
            journal.debug(f"The server was not told: {error}")

    # -- the way ------------------------------------------------------------------------------------------------------

    def _post(self, url: str, job_id: str, body: bytes, what: str, deadline: Deadline) -> None:
        base, path = _split(url)
        headers = (*_POSTED, ("X-Request-ID", job_id))
        request = Request("POST", path, headers, body, held=_SLOWEST_POST, once=True, job_id=job_id)
        try:
            answer = self._brought(base, request, deadline)
        except (TransportError, TrivetError) as error:
            journal.error(f"The {what} could not be brought: {error}", job_id)
            return
        if answer.status == 404:
            journal.debug(f"The {what} came too late: {_beginning(answer)}", job_id)
        elif answer.status >= 300:
            journal.error(f"The {what} was refused with {answer.status}: {_beginning(answer)}", job_id)

    def _brought(self, base: str, request: Request, deadline: Deadline) -> Response:
        """The answer to a post. One that nobody has answered is made again: to be told twice changes nothing for a server."""
        while True:
            try:
                return self._channel(base, poll=False).send(request, deadline)
            except TransportError as failure:
                if not failure.timed_out or deadline.passed:
                    raise

    def _send(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...], *, poll: bool = False, timeout: float = 10.0
    ) -> Response:
        base, path = _split(url)
        request = Request(method, path, headers, held=LONGEST_POLL if poll else 0.0)
        return self._channel(base, poll=poll).send(request, timeout=timeout)

    def _channel(self, base: str, *, poll: bool) -> Channel:
        with self._lock:
            found = self._channels.get((base, poll))
            if found is None:
                said = {**_requests.headers(""), "Authorization": self.place.key}
                found = self._channels[base, poll] = Channel(base, said, retries=0 if poll else 3)
            return found

    def _away(self, error: Exception) -> float:
        timed_out = isinstance(error, TransportError) and error.timed_out
        if not timed_out and not self._hung_up:
            journal.error(f"The server can't be asked for jobs: {error}")
        return 0.0 if timed_out else 1.0


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", f"{parts.path}?{parts.query}" if parts.query else parts.path


def _jobs(answer: Response) -> Iterable[dict[str, Any]]:
    found = _json(answer) if answer.status == 200 else None
    for job in found if is_listing(found) else [found] if found else ():
        if is_object(job) and isinstance(job.get("id"), str):
            yield job
        else:
            journal.error("The server gave a job without an id.")


def _json(answer: Response) -> Any:
    try:
        return json.loads(answer.body) if answer.body else None
    except (ValueError, RecursionError):
        return None


def _beginning(answer: Response) -> str:
    return " ".join(answer.body[:300].decode("utf-8", "replace").split())
