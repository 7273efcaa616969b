"""The reception: which workers that poll are let in, and at which desk each of them is served."""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from trivet.platform.core import endpoints as access
from trivet.platform.core import takes as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, Version, VersionState
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, Unauthenticated, Unavailable
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.notifier import Notifier
from trivet.platform.services.desks import Desk, DeskEvents, stop_topic
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.workers import Workers

MOST_ELSEWHERE = 1000
"""Workers from elsewhere that may serve one endpoint."""
REMEMBERED = 1024
"""Workers that have ended and are told so, rather than that nobody expects them."""
_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Visit:
    """An admitted worker that speaks now, under the id by which this platform knows it. ``remote``: it lives elsewhere."""

    worker_id: str
    endpoint_id: str
    remote: bool = False


class Reception:
    """Admits workers: those of this platform by the token they were started with, others by an API key."""

    def __init__(
        self, workers: Workers, endpoints: Endpoints, notifier: Notifier, clock: Clock, events: DeskEvents
    ) -> None:
        self._workers = workers
        self._endpoints = endpoints
        self._notifier = notifier
        self._clock = clock
        self._events = events
        self._desks: dict[str, Desk] = {}
        self._is_shut = False
        self._ended: OrderedDict[str, str] = OrderedDict()
        """The tokens of workers that have ended, by worker."""

    def desk(self, worker_id: str) -> Desk | None:
        """The desk of a worker that has not ended."""
        desk = self._desks.get(worker_id)
        if desk is not None and self._workers.register.known(worker_id) is None:
            self.close(desk)
            return None
        return desk

    def desks(self) -> Iterator[Desk]:
        """Those of all workers that have not ended."""
        for worker_id in list(self._desks):
            desk = self.desk(worker_id)
            if desk is not None:
                yield desk

    def shut(self) -> None:
        """From now on nobody joins from elsewhere."""
        self._is_shut = True

    def close(self, desk: Desk) -> None:
        """The worker is gone."""
        del self._desks[desk.worker_id]
        desk.close()
        self._ended[desk.worker_id] = desk.token
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def admit(self, endpoint_id: str, worker_id: str, token: str, principal: Principal | None) -> Visit:
        """Lets a worker speak. What is raised: see `Takes.admit`."""
        if principal is not None:
            return self._admit_from_elsewhere(principal, endpoint_id, worker_id)
        self._admit_own(endpoint_id, worker_id, token)
        return Visit(worker_id, endpoint_id)

    def seated(self, visit: Visit) -> Desk | None:
        """The desk of a worker that asks for jobs: one from elsewhere joins by that. None: it has ended.

        Raises:
            NotFound: the endpoint has nothing to work for.
            Unavailable: too many serve it from elsewhere, or the platform is shutting down.
        """
        desk = self.desk(visit.worker_id)
        if desk is not None or not visit.remote:
            return desk
        endpoint = self._endpoints.by_id(visit.endpoint_id)
        if endpoint is None:
            raise NotFound.of("endpoint", visit.endpoint_id)
        return self._join(endpoint, visit.worker_id)

    async def arrival(self, visit: Visit, hold: float) -> Desk | None:
        """The desk of a worker. One from elsewhere may get it within ``hold`` seconds, as it says several things at once.

        Raises:
            Unavailable: the platform is shutting down.
        """
        desk = self.desk(visit.worker_id)
        if desk is not None or not visit.remote or hold <= 0:
            return desk
        with self._notifier.subscribe(stop_topic(visit.worker_id)) as changes:
            await changes.wait(hold)
        return self.desk(visit.worker_id)

    # -- workers of this platform ---------------------------------------------------------------------------------------

    def _admit_own(self, endpoint_id: str, worker_id: str, token: str) -> None:
        desk = self.desk(worker_id)
        if desk is not None:
            if desk.remote or desk.endpoint_id != endpoint_id or not _same(desk.token, token):
                raise _not_expected()
            return
        worker = self._workers.register.known(worker_id)
        ended = self._ended.get(worker_id)
        if worker is None and ended is not None and _same(ended, token):
            raise NotFound(f"The worker {worker_id!r} has ended.", hint="What it still says changes nothing.")
        if worker is None or worker.endpoint_id != endpoint_id:
            raise _not_expected()
        try:
            self._connect(worker_id, endpoint_id, worker.version_id, token, remote=False)
        except Unauthenticated:
            raise _not_expected() from None

    def _connect(self, worker_id: str, endpoint_id: str, version_id: str, token: str, *, remote: bool) -> Desk:
        now = self._clock()
        desk = Desk(
            worker_id, endpoint_id, version_id, token, remote, self._clock, self._notifier, self._events, polled_at=now
        )
        self._workers.connect(worker_id, token, desk)
        self._desks[worker_id] = desk
        return desk

    # -- workers from elsewhere -----------------------------------------------------------------------------------------

    def _admit_from_elsewhere(self, principal: Principal, endpoint_id: str, worker_id: str) -> Visit:
        endpoint = self._endpoints.by_id(endpoint_id)
        refused = access.refusal(principal, endpoint, Scope.WORK, endpoint_id)
        if endpoint is None or refused is not None:
            raise refused or NotFound.of("endpoint", endpoint_id)
        if not self._endpoints.manages(principal, endpoint):
            raise Forbidden(
                f"Only those who manage {endpoint.full_name} may work for it.",
                hint=f"Use a key of {endpoint.owner_name!r}, made with `trivet keys create --scopes work`.",
            )
        if _WORKER_ID.fullmatch(worker_id) is None:
            raise BadRequest(
                f"{worker_id[:80]!r} can't be the id of a worker.",
                hint="It has 1 to 128 letters, digits, `.`, `_` and `-`, and begins with a letter or a digit.",
            )
        own = self._workers.register.known(worker_id)
        if own is not None and own.endpoint_id == endpoint_id:
            raise Forbidden(
                f"The platform itself has started the worker {worker_id!r}, which shows a token and no API key.",
                hint="Give a worker from elsewhere an id of its own.",
            )
        return Visit(rules.name_elsewhere(worker_id, endpoint_id), endpoint_id, remote=True)

    def _join(self, endpoint: Endpoint, worker_id: str) -> Desk:
        if self._is_shut:  # those that were let go would come again at once, and hold the shutdown up
            raise Unavailable("The platform is shutting down.", hint="Try again when it is up.")
        version = self._current(endpoint)
        if version is None:
            raise NotFound(f"{endpoint.full_name} has no version that is ready.", hint="Deploy one first.")
        if sum(desk.remote and desk.endpoint_id == endpoint.id for desk in self._desks.values()) >= MOST_ELSEWHERE:
            raise Unavailable(f"{endpoint.full_name} has {MOST_ELSEWHERE} workers from elsewhere, which is the limit.")
        token = self._workers.join(version, worker_id)
        desk = self._connect(worker_id, endpoint.id, version.id, token, remote=True)
        self._notifier.notify(desk.stop_topic)
        return desk

    def _current(self, endpoint: Endpoint) -> Version | None:
        version = self._endpoints.version(endpoint.current_id) if endpoint.current_id is not None else None
        return version if version is not None and version.state is VersionState.READY else None

    def move_on(self, desk: Desk) -> Desk:
        """The desk where a worker from elsewhere that holds nothing is served from now on: it follows what is current."""
        endpoint = self._endpoints.by_id(desk.endpoint_id)
        version = self._current(endpoint) if endpoint is not None else None
        if endpoint is None or version is None or version.id == desk.version_id:
            return desk
        self._workers.leave(desk.worker_id, "has moved on to the current version")
        self.close(desk)
        return self._join(endpoint, desk.worker_id)


def _same(expected: str, shown: str) -> bool:
    return hmac.compare_digest(expected.encode(), shown.encode(errors="replace"))


def _not_expected() -> Unauthenticated:
    """The one answer to everybody who can't show to be a worker of the endpoint."""
    return Unauthenticated(
        "This worker is not expected here.",
        hint="A worker of this platform shows the token it was started with; one from elsewhere a key with the scope `work`.",
    )
