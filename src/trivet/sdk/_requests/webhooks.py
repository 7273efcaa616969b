"""Webhooks."""

from __future__ import annotations

from collections.abc import Iterable

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import API, PAGE, job_path, with_query


def webhooks(*, status: Iterable[str] = (), limit: int = PAGE, cursor: str | None = None) -> Request:
    """A page of webhook deliveries, newest first."""
    return Request(
        "GET", with_query(f"{API}/webhooks", {"status": ",".join(status) or None, "limit": limit, "cursor": cursor})
    )


def webhook(job_id: str) -> Request:
    """What became of a job's webhook."""
    return Request("GET", f"{job_path(job_id)}/webhook")


def webhook_redeliver(job_id: str) -> Request:
    """Send a job's message again."""
    return Request("POST", f"{job_path(job_id)}/webhook/redeliver")


def webhook_secret() -> Request:
    """The secret that messages are signed with."""
    return Request("GET", f"{API}/webhooks/secret")


def webhook_secret_rotate() -> Request:
    """A new signing secret."""
    return Request("POST", f"{API}/webhooks/secret/rotate")
