"""Identities: who a job is when it asks for something itself."""

from __future__ import annotations

from trivet.platform.core.accounts import JobToken, Principal, Within
from trivet.platform.core.errors import Unauthenticated
from trivet.platform.core.jobs import Job
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints


class Identities:
    """A running job acts for the account that called it: with the rights of the key it was called with, but for those that a
    job has no need of, and only while it runs.

    Args:
        accounts: whose keys count.
        dispatcher: which attempts run.
        endpoints: what they run.
    """

    def __init__(self, accounts: Accounts, dispatcher: Dispatcher, endpoints: Endpoints) -> None:
        self._accounts = accounts
        self._dispatcher = dispatcher
        self._endpoints = endpoints

    async def of_token(self, token: JobToken) -> Principal:
        """The principal that a job is.

        Raises:
            Unauthenticated: no such attempt runs, or the key that the job was called with does not count any more.
        """
        job = self._dispatcher.at_work(token.job_id, token.token)
        if job is None:
            raise Unauthenticated
        return await self.of_job(job)

    async def of_job(self, job: Job) -> Principal:
        """The principal that a job is which is known to run.

        Raises:
            Unauthenticated: the key that it was called with does not count any more.
        """
        if job.key_id is None:
            raise Unauthenticated
        principal = await self._accounts.holder_of(job.key_id)
        endpoint = self._endpoints.by_id(job.endpoint_id)
        if endpoint is None or principal.account_id != job.account_id:
            raise Unauthenticated
        within = Within(job.id, job.tree_id, endpoint.id, endpoint.name, endpoint.owner_id, endpoint.owner_name)
        return principal.as_job(within)
