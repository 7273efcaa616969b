"""Egress: requests to hosts that a caller named, past a guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trivet.platform.core.webhooks import WebhookAnswer


class Egress(Protocol):
    """Sends messages to strangers' URLs, and never to where a stranger must not reach."""

    def check(self, url: str) -> None:
        """Looks at a URL before anything is sent; asks nobody.

        Raises:
            BadRequest: nothing can ever be sent there, with the reason.
        """

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> WebhookAnswer:
        """Sends one message and gives what came of it, within bounded time; whatever goes wrong stands in the answer."""
