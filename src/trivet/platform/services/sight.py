"""Sight: jobs as somebody may see them. One rule of access for everything that is done with a job."""

from __future__ import annotations

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import Forbidden, NotFound
from trivet.platform.core.jobs import RETRYABLE, Job
from trivet.platform.core.views import JobView
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.open_jobs import OpenJobs


class Sight:
    """Finds jobs, and says who may see them.

    Args:
        store: where jobs are that have ended.
        open_jobs: those in memory, which is ahead of the disk.
        endpoints: whose managers may see what is called there.
    """

    def __init__(self, store: Store, open_jobs: OpenJobs, endpoints: Endpoints) -> None:
        self._store = store
        self._open_jobs = open_jobs
        self._endpoints = endpoints

    async def job(self, job_id: str) -> Job:
        """A job as it stands now, whoever asks.

        Raises:
            NotFound: there is none, or no longer.
        """
        job = await self.find(job_id)
        if job is None:
            raise NotFound.of("job", job_id)
        return job

    async def find(self, job_id: str) -> Job | None:
        """The same; None where there is none."""
        live = self._open_jobs.job(job_id)
        return live if live is not None else await self._store.read(lambda tx: tx.jobs.get(job_id))

    def now(self, job: Job) -> Job:
        """A job that was read just now, as it stands: memory is ahead of the disk."""
        return self._open_jobs.job(job.id) or job

    async def visible(self, principal: Principal, job_id: str, scope: Scope) -> Job:
        """A job that the principal may see and do something with.

        Args:
            principal: who asks.
            job_id: the job.
            scope: what it takes; who called the job needs no more than ``call``.

        Raises:
            NotFound: there is none that it may see.
            Forbidden: its key lacks the scope.
        """
        job = await self.job(job_id)
        self.check(principal, job, scope, job_id)
        return job

    async def newest(self, principal: Principal, job_id: str, scope: Scope) -> Job:
        """The newest try of a job, by the id of the first one, forgotten or not, or of any other. Raises as `visible`."""
        job = self._open_jobs.job(job_id)
        if job is None or job.status in RETRYABLE:
            found = await self._store.read(lambda tx: _newest_try(tx, job_id))
            if found is not None:
                job = self.now(found)
        if job is None:
            raise NotFound.of("job", job_id)
        self.check(principal, job, scope, job_id)
        return job

    def check(self, principal: Principal, job: Job, scope: Scope, job_id: str) -> None:
        """The rule itself; raises as `visible`. ``job_id`` is the id by which the job was asked for."""
        own = job.account_id == principal.account_id
        if principal.within is not None and job.tree_id != principal.within.root_id:
            raise NotFound.of("job", job_id)  # a job follows what it has called, and nothing else of its caller's
        if not (own or principal.administers() or self.manages(principal, job.endpoint_id)):
            raise NotFound.of("job", job_id)
        # whoever may call may follow what became of the call
        if not principal.has(scope) and not (own and principal.has(Scope.CALL)):
            raise Forbidden.without(scope.value)

    def manages(self, principal: Principal, endpoint_id: str) -> bool:
        """Whether the principal manages an endpoint, which may be gone."""
        endpoint = self._endpoints.by_id(endpoint_id)
        return endpoint is not None and self._endpoints.manages(principal, endpoint)

    def view(self, principal: Principal, job: Job) -> JobView:
        """The job as the principal may see it."""
        endpoint, version = self._endpoints.by_id(job.endpoint_id), self._endpoints.version(job.version_id)
        return self.shown(principal, job, endpoint, version)

    def shown(self, principal: Principal, job: Job, endpoint: Endpoint | None, version: Version | None) -> JobView:
        """The same where endpoint and version are at hand. Only of a job that failed does it matter who asks."""
        manages = job.error is None or self.manages(principal, job.endpoint_id)
        return JobView.of(job, endpoint, version, manages=manages)


def _newest_try(tx: Transaction, job_id: str) -> Job | None:
    """The newest try of the job that somebody knows by an id, be that one forgotten."""
    job = tx.jobs.get(job_id)
    if job is not None and job.status not in RETRYABLE:
        return job
    return tx.jobs.newest_retry(job_id if job is None else job.first_id) or job
