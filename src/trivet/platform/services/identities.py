"""Identities: who a job is when it asks for something itself."""

from __future__ import annotations

import hmac

from trivet.platform.core.accounts import Principal, Scope, Within
from trivet.platform.core.errors import Unauthenticated
from trivet.platform.core.jobs import Job
from trivet.platform.core.keys import JobToken
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.register import Register
from trivet.protocol.addresses import UNCLAIMED, address_secret


class Identities:
    """A running job acts for the account that called it: with the rights of the key it was called with, but for those that a
    job has no need of, and only while it runs.

    Args:
        accounts: whose keys count.
        dispatcher: which attempts run.
        endpoints: what they run.
        register: who runs them.
        most_nested: how many jobs may be open which one job has called, and those of theirs with them.
    """

    def __init__(
        self, accounts: Accounts, dispatcher: Dispatcher, endpoints: Endpoints, register: Register, most_nested: int
    ) -> None:
        self._accounts = accounts
        self._most_nested = most_nested
        self._register = register
        self._dispatcher = dispatcher
        self._endpoints = endpoints

    async def of_token(self, token: JobToken) -> Principal:
        """The principal that a job is.

        Raises:
            Unauthenticated: no such attempt runs, or the key that the job was called with does not count any more.
        """
        job = self._dispatcher.open_jobs.at_work(token.job_id, token.token)
        if job is None:
            raise Unauthenticated
        return await self.of_job(job)

    async def of_worker(self, worker_id: str, secret: str) -> Principal:
        """The principal that a worker is which works on one job at a time: that job. Before it takes any, while it loads its
        handler, it acts for no account, and reads what the owner lets all its endpoints read: the same whoever calls later.
        Between jobs it is nobody: what a caller's job has left running must not become somebody else.

        Args:
            worker_id: the worker.
            secret: what the address holds that its handler was given (`trivet.protocol.addresses`).

        Raises:
            Unauthenticated: it is no such worker, works on no job or on several, the secret is that of a handler which worked for
                another account, or the key of its job does not count any more.
        """
        worker, token = self._register.known(worker_id), self._register.token_of(worker_id)
        endpoint = self._endpoints.by_id(worker.endpoint_id) if worker is not None else None
        if token is None or endpoint is None:
            raise Unauthenticated
        seat = self._dispatcher.board.seat_of(worker_id)
        if seat is None:
            _check(secret, token, UNCLAIMED)
            within = Within("", "", endpoint.id, endpoint.name, endpoint.owner_id, endpoint.owner_name)
            return Principal("", "", "", frozenset({Scope.DATA}), within=within)
        jobs = [live.job for live in seat.held.values() if live.is_open]
        if len(jobs) != 1:
            raise Unauthenticated
        _check(secret, token, jobs[0].account_id, *([UNCLAIMED] if seat.callers <= 1 else []))
        return await self.of_job(jobs[0])

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
        within = Within(
            job.id, job.tree_id, endpoint.id, endpoint.name, endpoint.owner_id, endpoint.owner_name, job.depth
        )
        return principal.as_job(within, self._most_nested)


def _check(secret: str, token: str, *names: str) -> None:
    """Raises `Unauthenticated` where the secret is that of none of the accounts."""
    shown = secret.encode(errors="replace")
    if not any(hmac.compare_digest(address_secret(token, name).encode(), shown) for name in names):
        raise Unauthenticated
