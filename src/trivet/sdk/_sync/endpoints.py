# Generated from ../_async/endpoints.py by scripts/unasync.py: change that file, then run the script.
"""The endpoints of a server: look at them and look after them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any

from trivet.sdk import _answers
from trivet.sdk._requests import endpoints as _requests
from trivet.sdk._requests.parts import PAGE, Reference
from trivet.sdk._sync.session import Session
from trivet.sdk._sync.streams import follow_lines
from trivet.sdk.errors import InvalidRequestError
from trivet.sdk.models import AliasInfo, EndpointInfo, HealthInfo, LogLine, VersionHealthInfo, VersionInfo, WorkerInfo


class Endpoints:
    """The endpoints that the key may see.

    ``reference`` is, everywhere here, ``owner/name`` or one of the endpoint's two ids. Where there is none of that name that the
    key may see, all of these raise `NotFoundError`.
    """

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
        """Go one step back: end the canary where there is one, else let the version serve that did before.

        Args:
            reference: which endpoint.
            to: which version shall serve instead; the canary ends as well then.
        """
        return self._session.value(EndpointInfo, _requests.endpoint_rollback(reference, to))

    def canary(self, reference: Reference, version: str, weight: int) -> EndpointInfo:
        """Give a version a share of the calls that name none; the rest goes to the one that serves.

        Args:
            reference: which endpoint.
            version: which version.
            weight: percent of the calls, 1 to 99.
        """
        return self._session.value(EndpointInfo, _requests.canary(reference, version, weight))

    def end_canary(self, reference: Reference) -> EndpointInfo:
        """Give all calls that name no version to the one that serves again."""
        return self._session.value(EndpointInfo, _requests.canary_end(reference))

    def promote(self, reference: Reference, version: str | None = None) -> EndpointInfo:
        """Let the canary serve all calls that name no version.

        Args:
            reference: which endpoint.
            version: which version instead of the canary.
        """
        return self._session.value(EndpointInfo, _requests.endpoint_promote(reference, version))

    def aliases(self, reference: Reference) -> list[AliasInfo]:
        """Its aliases."""
        return self._session.everything(AliasInfo, lambda cursor: _requests.aliases(reference, cursor=cursor))

    def alias(self, reference: Reference, name: str) -> AliasInfo:
        """One alias."""
        return self._session.value(AliasInfo, _requests.alias(reference, name))

    def set_alias(self, reference: Reference, name: str, versions: str | Mapping[str, int | None]) -> AliasInfo:
        """Let an alias stand for one version, or for several that its calls are split among.

        Args:
            reference: which endpoint.
            name: the alias; made where it is not there.
            versions: one version, or several with percents that add up to 100. One may be None: it gets the rest.
        """
        shares = {versions: None} if isinstance(versions, str) else versions
        return self._session.value(AliasInfo, _requests.alias_set(reference, name, shares))

    def delete_alias(self, reference: Reference, name: str) -> None:
        """End an alias; calls by it are refused from then on."""
        self._session.send(_requests.alias_delete(reference, name))

    def delete(self, reference: Reference) -> None:
        """Delete it with its versions; queued jobs are cancelled and running ones stopped."""
        self._session.send(_requests.endpoint_delete(reference))

    def purge(self, reference: Reference) -> int:
        """Cancel the jobs that wait in its queue.

        Returns:
            How many there were.
        """
        return _answers.number("cancelled", self._session.send(_requests.endpoint_purge(reference)))

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

    def version_health(self, reference: Reference, version: str) -> VersionHealthInfo:
        """How the jobs of one version do, to judge it beside another."""
        return self._session.value(VersionHealthInfo, _requests.version_health(reference, version))

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
        size = min(limit or PAGE, PAGE)
        return self._session.pages(EndpointInfo, lambda cursor: _requests.endpoints(limit=size, cursor=cursor), limit)
