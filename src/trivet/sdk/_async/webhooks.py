"""Webhooks: what became of the messages that tell of jobs' ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from trivet.sdk._async.session import AsyncSession
from trivet.sdk._requests import webhooks as _requests
from trivet.sdk._requests.parts import PAGE
from trivet.sdk.models import WebhookDelivery, WebhookSecret


class AsyncWebhooks:
    """The webhooks of the account that asks. A call names one with ``webhook=``; `trivet.webhooks` is for receivers."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def list(self, *, status: str | Iterable[str] = (), limit: int | None = None) -> AsyncIterator[WebhookDelivery]:
        """Deliveries, newest first; further pages are asked for as they are needed.

        Args:
            status: only those that stand so: ``pending``, ``delivered``, ``failed``; one status or several.
            limit: how many at most; None gives all.
        """
        wanted = [status] if isinstance(status, str) else [*status]
        size = min(limit or PAGE, PAGE)
        return self._session.pages(
            WebhookDelivery, lambda cursor: _requests.webhooks(status=wanted, limit=size, cursor=cursor), limit
        )

    async def get(self, job_id: str) -> WebhookDelivery:
        """What became of a job's webhook, with every attempt.

        Raises:
            NotFoundError: there is no such job that this key may see, it has no webhook, or it has not ended yet.
        """
        return await self._session.value(WebhookDelivery, _requests.webhook(job_id))

    async def redeliver(self, job_id: str) -> WebhookDelivery:
        """Send a job's message again, now, whatever became of it before. It keeps its id.

        Raises:
            NotFoundError: there is nothing to send.
        """
        return await self._session.value(WebhookDelivery, _requests.webhook_redeliver(job_id))

    async def secret(self) -> WebhookSecret:
        """The secret that the account's messages are signed with; it is made when it is first asked for."""
        return await self._session.value(WebhookSecret, _requests.webhook_secret())

    async def rotate_secret(self) -> WebhookSecret:
        """A new signing secret. For 24 hours messages carry a signature by the old one too."""
        return await self._session.value(WebhookSecret, _requests.webhook_secret_rotate())
