from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Server

AT = "2026-11-21T08:30:00.000Z"
DELIVERY: dict[str, Any] = {
    "id": "msg_1",
    "job_id": "job_1",
    "url": "https://hooks.example/x",
    "status": "pending",
    "attempt_count": 2,
    "created_at": AT,
    "next_attempt_at": "2026-11-21T08:30:30.000Z",
    "finished_at": None,
}
ATTEMPTS = [
    {
        "number": 1,
        "at": AT,
        "duration_ms": 120.0,
        "status_code": 503,
        "error": "The receiver answered 503.",
        "response": "busy\n",
    },
    {
        "number": 2,
        "at": AT,
        "duration_ms": 15000.0,
        "status_code": None,
        "error": "No answer came within 15 s.",
        "response": "",
    },
]


def test_deliveries_are_listed(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/webhooks", lambda it: it.json({"items": [DELIVERY], "next": None}))
    row = trivet("webhooks", "ls", "--status", "pending", "--status", "failed").stdout.splitlines()[1]
    assert row.startswith("job_1  pending  2")
    assert logged_in.seen[-1].query["status"] == "pending,failed"
    assert json.loads(trivet("webhooks", "ls", "--json").stdout)[0]["url"] == "https://hooks.example/x"


def test_a_delivery_is_shown_with_every_attempt(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/jobs/job_1/webhook", lambda it: it.json({**DELIVERY, "attempts": ATTEMPTS}))
    shown = trivet("webhooks", "show", "job_1").stdout
    assert "1. 2026-11-21T08:30:00.000Z, 120ms: The receiver answered 503. It said: busy" in shown
    assert "2. 2026-11-21T08:30:00.000Z, 15s: No answer came within 15 s." in shown
    assert "Next attempt  2026-11-21T08:30:30.000Z" in shown
    assert json.loads(trivet("webhooks", "show", "job_1", "--json").stdout)["attempts"][1]["status_code"] is None


def test_a_message_is_sent_again(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/jobs/job_1/webhook/redeliver", lambda it: it.json(DELIVERY, 202))
    result = trivet("webhooks", "redeliver", "job_1")
    assert (result.stdout, result.exit_code) == ("msg_1\n", 0)
    assert "trivet webhooks show job_1" in result.stderr
    assert json.loads(trivet("webhooks", "redeliver", "job_1", "--json").stdout)["id"] == "msg_1"


def test_a_job_without_a_webhook_is_a_failure_that_says_so(trivet: Trivet, logged_in: Server) -> None:
    detail = "The job was submitted without a webhook."
    logged_in.on("GET", "/jobs/job_1/webhook", lambda it: it.problem(404, "not_found", detail=detail))
    result = trivet("webhooks", "show", "job_1")
    assert result.exit_code == 1
    assert "without a webhook" in result.stderr


def test_the_secret_alone_goes_to_stdout(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/webhooks/secret", lambda it: it.json({"secret": "whsec_a", "created_at": AT}))
    logged_in.on(
        "POST",
        "/webhooks/secret/rotate",
        lambda it: it.json({"secret": "whsec_b", "created_at": AT, "previous_until": "2026-11-22T08:30:00.000Z"}),
    )
    assert trivet("webhooks", "secret").stdout == "whsec_a\n"
    rotated = trivet("webhooks", "secret", "--rotate", "--yes")
    assert rotated.stdout == "whsec_b\n"
    assert "until 2026-11-22T08:30:00.000Z" in rotated.stderr
    assert json.loads(trivet("webhooks", "secret", "--json").stdout)["secret"] == "whsec_a"
