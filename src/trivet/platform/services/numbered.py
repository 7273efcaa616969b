"""Numbered jobs: those that can be found by an integer as well, for callers who can keep nothing else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import Forbidden, NotFound
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.ports.stores import Store
from trivet.platform.services.access import require
from trivet.platform.services.calls import Calls
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.numbers import Numbers

_REMEMBERED = 4096
"""Numbers whose jobs are known without asking the store."""


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A part of a list, and how long the whole list is."""

    views: list[JobView]
    total: int


class NumberedJobs:
    """The use cases around jobs with an integer. They are their account's alone, and an administrator's.

    Args:
        store: where jobs are found by their numbers.
        calls: all of a call that is not about its number.
        jobs: the same of its job.
        endpoints: whose jobs.
    """

    def __init__(self, store: Store, calls: Calls, jobs: Jobs, endpoints: Endpoints) -> None:
        self._store = store
        self._calls = calls
        self._jobs = jobs
        self._endpoints = endpoints
        self._numbers = Numbers(store, "job")
        self._known: OrderedDict[int, tuple[str, str]] = OrderedDict()
        """The ids of jobs and of their accounts."""

    async def run(
        self,
        principal: Principal,
        reference: EndpointReference,
        payload: Payload,
        options: CallOptions = USUAL,
        *,
        wait: float = 0.0,
    ) -> JobView:
        """Calls with a number, and waits at most ``wait`` seconds for the end. Final or not, the job is on disk when this
        returns. Raises as `Calls.run`.
        """
        number = await self._numbers.next()
        options = replace(options, number=number)
        view = await self._calls.run(principal, reference, payload, options, wait=wait, durable=True)
        self._remember(number, view.job.id, principal.account_id)
        return view

    async def get(self, principal: Principal, number: int, wait: float = 0.0) -> JobView:
        """The job with this number; with ``wait``, when it is final or after so many seconds.

        Raises:
            NotFound: there is none, or no longer.
            Forbidden: it is somebody else's.
        """
        known = self._known.get(number)
        if known is None:
            found = await self._store.read(lambda tx: tx.jobs.numbered(number))
            if found is None:
                raise NotFound.of("job", str(number))
            known = found.id, found.account_id
            self._remember(number, *known)
        job_id, account_id = known
        if account_id != principal.account_id and not principal.administers():
            raise Forbidden(f"The number {number} belongs to somebody else.", hint="Everybody sees their own alone.")
        return await self._jobs.get(principal, job_id, wait)

    async def page(
        self,
        principal: Principal,
        *,
        endpoint: EndpointReference | None = None,
        newest_first: bool = True,
        offset: int = 0,
        limit: int = 20,
    ) -> NumberedPage:
        """One's own jobs that have a number, in the order of these.

        Args:
            principal: who asks; needs the scope ``read``.
            endpoint: only those of one endpoint.
            newest_first: whether the highest number comes first.
            offset: how many of the first to leave out.
            limit: how many at most.
        """
        require(principal, Scope.READ)
        endpoint_id = None if endpoint is None else self._endpoints.find(principal, endpoint, Scope.READ).id
        found, total = await self._store.read(
            lambda tx: tx.jobs.numbered_page(
                principal.account_id, endpoint_id=endpoint_id, newest_first=newest_first, offset=offset, limit=limit
            )
        )
        views = self._jobs.views(principal, found)
        return NumberedPage(views, total - (len(found) - len(views)))

    def _remember(self, number: int, job_id: str, account_id: str) -> None:
        self._known[number] = job_id, account_id
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
