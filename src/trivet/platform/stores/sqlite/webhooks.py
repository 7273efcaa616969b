"""Webhook deliveries, their attempts and signing secrets in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from trivet.platform.core.webhooks import KEPT_ATTEMPTS, Delivery, DeliveryAttempt, DeliveryStatus, SigningSecret
from trivet.platform.stores import errors
from trivet.platform.stores.sqlite.session import BulkInsert, Row, Session, refused
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import plain

_COLUMNS = "id, job_id, account_id, url, host, format, created_at, status, attempts, tries, next_at, finished_at"
_SQL = statements("webhook_deliveries", _COLUMNS)
_PLAN = BulkInsert(
    f"INSERT INTO webhook_deliveries ({_COLUMNS})", "ON CONFLICT DO NOTHING", width=len(_COLUMNS.split(","))
)
_LANES = "SELECT host, account_id, min(next_at) FROM webhook_deliveries WHERE next_at IS NOT NULL GROUP BY 1, 2"
_DUE = f"{_SQL.select} WHERE host = ? AND account_id = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?"
_NEXT_AT = "SELECT min(next_at) FROM webhook_deliveries WHERE host = ? AND account_id = ? AND next_at > ?"
_SQL_ATTEMPTS = statements("webhook_attempts", "delivery_id, number, at, duration_ms, status, error, response, next_at")
_FORGET_ATTEMPTS = "DELETE FROM webhook_attempts WHERE delivery_id = ? AND number <= ?"
_ATTEMPTS = f"{_SQL_ATTEMPTS.select} WHERE delivery_id = ? ORDER BY number"
_SQL_SECRETS = statements("webhook_secrets", "account_id, sealed, created_at, previous, previous_until")
_SECRET = f"{_SQL_SECRETS.select} WHERE account_id = ?"


class SqliteWebhooks:
    """A `WebhookRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self, delivery: Delivery) -> None:
        """Adds a delivery whose job is recorded; nothing happens where the job has one."""
        self._session.defer(_PLAN, _row(delivery))

    def save(self, delivery: Delivery) -> None:
        """Nothing happens where it is not there."""
        self._session.flush()
        self._session.execute(_SQL.save, (*_row(delivery), delivery.id))

    def of_job(self, job_id: str) -> Delivery | None:
        """The job's delivery, or None."""
        self._session.flush()
        row = self._session.execute(f"{_SQL.select} WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else _delivery(row)

    def lanes(self) -> list[tuple[str, str, float]]:
        """Hosts and accounts between which something is pending, and when the first of it is due."""
        self._session.flush()
        return list(self._session.execute(_LANES))

    def due(self, host: str, account_id: str, now: float, limit: int) -> list[Delivery]:
        """What an account is to send to a host by ``now``, longest due first."""
        self._session.flush()
        return [_delivery(row) for row in self._session.execute(_DUE, (host, account_id, now, limit))]

    def next_at(self, host: str, account_id: str, after: float) -> float | None:
        """When the first of what an account is to send to a host behind the moment ``after`` is due; None: nothing."""
        self._session.flush()
        found: float | None = self._session.execute(_NEXT_AT, (host, account_id, after)).fetchone()[0]
        return found

    def page(
        self,
        *,
        account_id: str | None = None,
        statuses: Iterable[DeliveryStatus] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """Newest first; see `WebhookRepository.page`."""
        self._session.flush()
        wanted = [status.value for status in statuses]
        conditions = ["1"]
        parameters: list[Any] = []
        if account_id is not None:
            conditions.append("account_id = ?")
            parameters.append(account_id)
        if wanted:
            conditions.append(f"status IN ({', '.join('?' * len(wanted))})")
            parameters.extend(wanted)
        if before is not None:
            conditions.append("id < ?")
            parameters.append(before)
        sql = f"{_SQL.select} WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
        return [_delivery(row) for row in self._session.execute(sql, (*parameters, limit))]

    def add_attempt(self, attempt: DeliveryAttempt) -> None:
        """Adds an attempt of a delivery that is there; the oldest go where there are many."""
        row = (
            attempt.delivery_id,
            attempt.number,
            attempt.at,
            attempt.duration_ms,
            attempt.status,
            plain(attempt.error),
            attempt.response,
            attempt.next_at,
        )
        self._session.execute(_SQL_ATTEMPTS.add, row)
        if attempt.number > KEPT_ATTEMPTS:
            self._session.execute(_FORGET_ATTEMPTS, (attempt.delivery_id, attempt.number - KEPT_ATTEMPTS))

    def attempts(self, delivery_id: str) -> list[DeliveryAttempt]:
        """Oldest first."""
        return [DeliveryAttempt(*row) for row in self._session.execute(_ATTEMPTS, (delivery_id,))]

    def secret(self, account_id: str) -> SigningSecret | None:
        """The account's signing secret, or None."""
        row = self._session.execute(_SECRET, (account_id,)).fetchone()
        return None if row is None else SigningSecret(*row)

    def put_secret(self, secret: SigningSecret) -> None:
        """Raises `Conflict` where the account is not there."""
        row = (secret.account_id, secret.sealed, secret.created_at, secret.previous, secret.previous_until)
        try:
            self._session.execute(_SQL_SECRETS.put, row)
        except sqlite3.IntegrityError as error:
            raise refused(error, {"FOREIGN KEY": errors.missing("account", secret.account_id)}) from None


def _row(delivery: Delivery) -> Row:
    return (
        delivery.id,
        delivery.job_id,
        delivery.account_id,
        plain(delivery.url),
        plain(delivery.host),
        delivery.format,
        delivery.created_at,
        delivery.status.value,
        delivery.attempts,
        delivery.tries,
        delivery.next_at,
        delivery.finished_at,
    )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    id_, job_id, account_id, url, host, format_, created_at, status, attempts, tries, next_at, finished_at = row
    return Delivery(
        id=id_,
        job_id=job_id,
        account_id=account_id,
        url=url,
        host=host,
        created_at=created_at,
        next_at=next_at,
        status=DeliveryStatus(status),
        attempts=attempts,
        tries=tries,
        finished_at=finished_at,
        format=format_,
    )
