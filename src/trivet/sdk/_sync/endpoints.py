# Generated from ../_async/endpoints.py by scripts/unasync.py: change that file, then run the script.
"""The endpoints of a server: look at them and look after them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

from trivet.sdk import _answers, _requests
from trivet.sdk._requests import Reference
from trivet.sdk._sync.session import Session
from trivet.sdk._sync.streams import follow_lines
from trivet.sdk.errors import InvalidRequestError
from trivet.sdk.models import EndpointInfo, HealthInfo, LogLine, VersionInfo, WorkerInfo


class Endpoints:
    """The endpoints that the key may see. Each is named by ``owner/name`` or by one of its ids."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, reference: Reference) -> EndpointInfo:
        """One endpoint.

        Raises:
            NotFoundError: there is none of that name that this key may see.
        """
        return self._session.value(EndpointInfo, _requests.endpoint(reference))

    def update(
        self,
        reference: Reference,
        *,
        workers: tuple[int, int] | None = None,
        idle_timeout: float | None = None,
        policy: str | None = None,
        target: float | None = None,
        visibility: str | None = None,
        shared_with: Iterable[str] | None = None,
        description: str | None = None,
    ) -> EndpointInfo:
        """Change what is given, and leave the rest.

        Args:
            reference: which endpoint.
            workers: how many at least and at most.
            idle_timeout: seconds after which a worker without work stops.
            policy: ``queue_delay`` or ``request_count``.
            target: what the policy aims at: seconds in the queue, or requests per worker.
            visibility: ``private``, ``shared`` or ``public``.
            shared_with: the organizations that may call it, where it is shared.
            description: what it does, for people.

        Raises:
            InvalidRequestError: nothing is given to change.
        """
        given: dict[str, Any] = {
            "workers": [*workers] if workers is not None else None,
            "idle_timeout": idle_timeout,
            "policy": policy,
            "target": target,
            "visibility": visibility,
            "shared_with": [*shared_with] if shared_with is not None else None,
            "description": description,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        if not changes:
            raise InvalidRequestError("Nothing is given to change.", hint="Name at least one of the arguments.")
        return self._session.value(EndpointInfo, _requests.endpoint_update(reference, changes))

    def rollback(self, reference: Reference, to: str | None = None) -> EndpointInfo:
        """Let an earlier version serve again.

        Args:
            reference: which endpoint.
            to: which version; None for the one before.
        """
        return self._session.value(EndpointInfo, _requests.endpoint_rollback(reference, to))

    def delete(self, reference: Reference) -> None:
        """Delete it with its versions; queued jobs are cancelled and running ones stopped."""
        self._session.send(_requests.endpoint_delete(reference))

    def purge(self, reference: Reference) -> int:
        """Cancel the jobs that wait in its queue.

        Returns:
            How many there were.
        """
        answer = _answers.document(self._session.send(_requests.endpoint_purge(reference)))
        return int(answer["cancelled"])

    def versions(self, reference: Reference) -> list[VersionInfo]:
        """Its versions."""
        return self._session.everything(
            VersionInfo, lambda cursor: _requests.endpoint_versions(reference, cursor=cursor)
        )

    def version(self, reference: Reference, version: str) -> VersionInfo:
        """One version: exact, a range, or ``latest``."""
        return self._session.value(VersionInfo, _requests.endpoint_version(reference, version))

    def build_log(self, reference: Reference, version: str) -> str:
        """What the build of a version wrote."""
        return _answers.text(self._session.send(_requests.build_log(reference, version)))

    def health(self, reference: Reference) -> HealthInfo:
        """How it does: counts of jobs and of workers."""
        return self._session.value(HealthInfo, _requests.endpoint_health(reference))

    def workers(self, reference: Reference | None = None) -> list[WorkerInfo]:
        """Its workers; without a name, all that the key may see."""
        return self._session.everything(WorkerInfo, lambda cursor: _requests.workers(reference, cursor=cursor))

    def logs(self, reference: Reference) -> list[LogLine]:
        """What its workers and jobs wrote lately."""
        answer = self._session.send(_requests.endpoint_logs(reference))
        return [*_answers.page(LogLine, answer).items]

    def follow_logs(self, reference: Reference) -> Generator[LogLine, None]:
        """What its workers and jobs write from now on; goes on until it is closed."""
        return follow_lines(self._session, _requests.endpoint_logs(reference, follow=True))

    def list(self, *, limit: int | None = None) -> Iterator[EndpointInfo]:
        """All endpoints; further pages are asked for as they are needed.

        Args:
            limit: how many at most; None gives all.
        """
        size = min(limit or _requests.PAGE, _requests.PAGE)
        return self._session.pages(EndpointInfo, lambda cursor: _requests.endpoints(limit=size, cursor=cursor), limit)
