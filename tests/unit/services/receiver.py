"""The other end of webhooks in the test's hand: notes what is sent, and answers what the test wants answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trivet.platform.core.errors import BadRequest
from trivet.platform.core.webhooks import WebhookAnswer, host_of


@dataclass(frozen=True)
class Sent:
    """One message as it went out."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes


class FakeEgress:
    """An `Egress`. ``answers`` are given one after another, and the last goes on; hosts in ``closed`` don't answer.

    An exception in ``answers`` is raised; URLs that hold the word "private" are refused.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.answers: list[WebhookAnswer | Exception] = [WebhookAnswer(200)]
        self.closed: set[str] = set()
        self.under_way = 0
        self.most_under_way = 0

    def check(self, url: str) -> None:
        if "private" in url:
            raise BadRequest("That is private.")

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> WebhookAnswer:
        self.sent.append(Sent(url, dict(headers), body))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            while host_of(url) in self.closed:
                await asyncio.sleep(0)
        finally:
            self.under_way -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def until(self, count: int) -> None:
        """Waits until so many messages have been sent."""
        async with asyncio.timeout(10.0):
            while len(self.sent) < count:
                await asyncio.sleep(0)
