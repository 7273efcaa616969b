"""Webhooks: what the client asks, and what it makes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.sdk.server import KEY, Server
from trivet.sdk import AsyncClient, Client

AT = "2026-11-21T08:30:00.000Z"
DELIVERY = {"id": "msg_1", "job_id": "job_1", "url": "https://h.example/", "status": "failed", "attempt_count": 1}
ATTEMPT = {"number": 1, "at": AT, "duration_ms": 1.5, "status_code": 410, "error": "The receiver answered 410."}


def telling(document: Any, status: int = 200) -> Any:
    return lambda exchange: exchange.json(document, status)


def test_deliveries_are_listed_looked_at_and_sent_again(server: Server, client: Client) -> None:
    server.on("GET", "/webhooks", telling({"items": [DELIVERY], "next": None}))
    server.on("GET", "/jobs/job_1/webhook", telling({**DELIVERY, "attempts": [ATTEMPT]}))
    server.on("POST", "/jobs/job_1/webhook/redeliver", telling({**DELIVERY, "status": "pending"}, 202))
    (found,) = client.webhooks.list(status="failed", limit=1)
    assert (found.id, found.attempts) == ("msg_1", ())
    assert server.seen[-1].query["status"] == "failed"
    (attempt,) = client.webhooks.get("job_1").attempts
    assert (attempt.status_code, attempt.error, attempt.at.year) == (410, "The receiver answered 410.", 2026)
    assert client.webhooks.redeliver("job_1").status == "pending"


def test_the_secret_is_shown_rotated_and_hidden_in_reprs(server: Server, client: Client) -> None:
    server.on("GET", "/webhooks/secret", telling({"secret": "whsec_a", "created_at": AT, "previous_until": None}))
    server.on("POST", "/webhooks/secret/rotate", telling({"secret": "whsec_b", "created_at": AT, "previous_until": AT}))
    secret = client.webhooks.secret()
    assert (secret.secret, secret.previous_until) == ("whsec_a", None)
    assert "whsec" not in repr(secret)
    assert client.webhooks.rotate_secret().previous_until is not None


def test_the_same_awaited(server: Server) -> None:
    server.on("GET", "/webhooks", telling({"items": [DELIVERY], "next": None}))
    server.on("GET", "/jobs/job_1/webhook", telling(DELIVERY))

    async def scene() -> None:
        async with AsyncClient(server.url, KEY) as client:
            assert [delivery.id async for delivery in client.webhooks.list(status=["failed", "pending"])] == ["msg_1"]
            assert (await client.webhooks.get("job_1")).status == "failed"

    asyncio.run(scene())
