"""Webhook deliveries, their attempts and signing secrets in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import attrgetter

from trivet.platform.core.webhooks import KEPT_ATTEMPTS, Delivery, DeliveryAttempt, DeliveryStatus, SigningSecret
from trivet.platform.stores import errors
from trivet.platform.stores.memory.accounts import MemoryAccounts
from trivet.platform.stores.memory.jobs import MemoryJobs
from trivet.platform.stores.memory.tables import Journal, Table


class MemoryWebhooks:
    """A `WebhookRepository`. A delivery counts as long as its job is there, a secret as long as its account is."""

    def __init__(self, journal: Journal, accounts: MemoryAccounts, jobs: MemoryJobs) -> None:
        self._accounts = accounts
        self._jobs = jobs
        self._deliveries: Table[str, Delivery] = Table(journal)
        self._attempts: Table[str, tuple[DeliveryAttempt, ...]] = Table(journal)
        self._secrets: Table[str, SigningSecret] = Table(journal)

    def plan(self, delivery: Delivery) -> None:
        """Adds a delivery whose job is recorded; nothing happens where the job has one."""
        if delivery.job_id not in self._deliveries:
            self._deliveries.put(delivery.job_id, delivery)

    def save(self, delivery: Delivery) -> None:
        """Nothing happens where it is not there."""
        if self.of_job(delivery.job_id) is not None:
            self._deliveries.put(delivery.job_id, delivery)

    def of_job(self, job_id: str) -> Delivery | None:
        """The job's delivery, or None."""
        return self._deliveries.get(job_id) if self._jobs.get(job_id) is not None else None

    def lanes(self) -> list[tuple[str, str, float]]:
        """Hosts and accounts between which something is pending, and when the first of it is due."""
        found: dict[tuple[str, str], float] = {}
        for delivery, at in self._pending():
            key = (delivery.host, delivery.account_id)
            found[key] = min(at, found.get(key, at))
        return [(*key, at) for key, at in found.items()]

    def due(self, host: str, account_id: str, now: float, limit: int) -> list[Delivery]:
        """What an account is to send to a host by ``now``, longest due first."""
        found = (
            (at, delivery.id, delivery)
            for delivery, at in self._pending()
            if at <= now and (delivery.host, delivery.account_id) == (host, account_id)
        )
        return [delivery for _, _, delivery in heapq.nsmallest(limit, found)]

    def next_at(self, host: str, account_id: str, after: float) -> float | None:
        """When the first of what an account is to send to a host behind the moment ``after`` is due; None: nothing."""
        found = (at for d, at in self._pending() if at > after and (d.host, d.account_id) == (host, account_id))
        return min(found, default=None)

    def page(
        self,
        *,
        account_id: str | None = None,
        statuses: Iterable[DeliveryStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Newest first; see `WebhookRepository.page`."""
        wanted = frozenset(statuses) or frozenset(DeliveryStatus)
        found = (
            delivery
            for delivery in self._all()
            if delivery.status in wanted
            and (before is None or delivery.id < before)
            and (account_id is None or delivery.account_id == account_id)
        )
        return heapq.nlargest(limit, found, key=attrgetter("id"))

    def add_attempt(self, attempt: DeliveryAttempt) -> None:
        """Adds an attempt of a delivery that is there; the oldest go where there are many."""
        known = self._attempts.get(attempt.delivery_id) or ()
        self._attempts.put(attempt.delivery_id, (*known, attempt)[-KEPT_ATTEMPTS:])

    def attempts(self, delivery_id: str) -> list[DeliveryAttempt]:
        """Oldest first."""
        return list(self._attempts.get(delivery_id) or ()) if any(d.id == delivery_id for d in self._all()) else []

    def secret(self, account_id: str) -> SigningSecret | None:
        """The account's signing secret, or None."""
        return self._secrets.get(account_id) if self._accounts.get(account_id) is not None else None

    def put_secret(self, secret: SigningSecret) -> None:
        """Raises `Conflict` where the account is not there."""
        if self._accounts.get(secret.account_id) is None:
            raise errors.missing("account", secret.account_id)
        self._secrets.put(secret.account_id, secret)

    def _pending(self) -> Iterator[tuple[Delivery, float]]:
        return ((delivery, delivery.next_at) for delivery in self._all() if delivery.next_at is not None)

    def _all(self) -> Iterator[Delivery]:
        return (delivery for delivery in self._deliveries if self._jobs.get(delivery.job_id) is not None)
