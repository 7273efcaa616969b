"""A call that can't begin says why while it is waited for."""

from __future__ import annotations

import threading

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Exchange, Server, accepted, job
from trivet.cli import waiting

LOOP: dict[str, object] = {
    "summary": "The job has been waiting for 6 s.",
    "waiting_for": "crash_loop",
    "reasons": ["No worker starts."],
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST", 0.01)
    monkeypatch.setattr(waiting, "AGAIN", 0.01)


def serve(server: Server, *explanations: dict[str, object]) -> None:
    """A job that ends once somebody has asked for all of ``explanations``, and once more."""
    left = list(explanations)
    all_asked = threading.Event()

    def explain(exchange: Exchange) -> None:
        if not left:
            all_asked.set()
        exchange.json({"job_id": "job_1", "status": "queued"} | (left.pop(0) if left else explanations[-1]))

    def result(exchange: Exchange) -> None:
        all_asked.wait(30)
        exchange.output("Hello")

    server.on("POST", "/endpoints/admin/hello/submit", accepted(job()))
    server.on("GET", "/jobs/job_1/explain", explain)
    server.on("GET", "/jobs/job_1/result", result)


def test_the_reason_is_told_once_on_stderr_and_the_output_stays_alone(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, LOOP, LOOP)
    result = trivet("call", "admin/hello", "1")
    assert (result.exit_code, result.stdout) == (0, "Hello\n")
    assert result.stderr == (
        "Waiting: The job has been waiting for 6 s.\n  because No worker starts.\n"
        "→ `trivet jobs explain job_1` says more; Ctrl-C cancels it.\n"
    )


def test_another_reason_is_told_too(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, {**LOOP, "waiting_for": "worker_starting"}, LOOP)
    assert trivet("call", "admin/hello", "1").stderr.count("Waiting:") == 2


def test_a_job_that_runs_is_left_in_peace(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, {"status": "running", "summary": "It runs.", "waiting_for": "handler"})
    assert trivet("call", "admin/hello", "1").stderr == ""


def test_a_key_that_may_not_ask_why_still_gets_its_output(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, LOOP)
    asked = threading.Event()

    def refuse(exchange: Exchange) -> None:
        asked.set()
        exchange.problem(403, "forbidden", detail="This key may not.")

    def result(exchange: Exchange) -> None:
        asked.wait(30)
        exchange.output("Hello")

    logged_in.on("GET", "/jobs/job_1/explain", refuse)
    logged_in.on("GET", "/jobs/job_1/result", result)
    answered = trivet("call", "admin/hello", "1")
    assert (answered.exit_code, answered.stdout, answered.stderr) == (0, "Hello\n", "")


def test_what_a_worker_says_cannot_rewrite_the_terminal(trivet: Trivet, logged_in: Server) -> None:
    serve(logged_in, {**LOOP, "reasons": ["it said \x1b[2J"]})
    assert "\x1b" not in trivet("call", "admin/hello", "1").stderr
