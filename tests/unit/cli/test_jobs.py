from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import FAILURE, Answer, Exchange, Server, accepted, job
from trivet.cli import logs

LINE = {"seq": 1, "time": "2026-11-21T08:00:00.000Z", "stream": "stdout", "text": "loading\n", "attempt": 1}


def test_jobs_are_listed_newest_first_with_whole_ids(trivet: Trivet, logged_in: Server) -> None:
    found = [job("running", "j" * 40), job("succeeded", "job_2", duration_ms=1500)]
    logged_in.on("GET", "/jobs", lambda it: it.json({"items": found, "next": None}))
    result = trivet("jobs", "ls", "--endpoint", "admin/hello", "--status", "running", "--status", "succeeded")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["JOB", "j" * 40, "job_2"]
    assert logged_in.seen[0].query == {"endpoint": "admin/hello", "status": "running,succeeded", "limit": "20"}


def test_an_unknown_status_is_wrong_usage(trivet: Trivet) -> None:
    assert trivet("jobs", "ls", "--status", "done").exit_code == 2


def test_a_job_is_shown_with_its_error(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/jobs/job_1", lambda it: it.json(job("failed", error=FAILURE)))
    shown = trivet("jobs", "show", "job_1").stdout
    assert "ValueError: no such name" in shown
    assert "Look at main.py, line 3." in shown
    assert json.loads(trivet("jobs", "show", "job_1", "--json").stdout)["error"]["type"] == "ValueError"


def test_an_explanation_carries_the_workers_last_lines(trivet: Trivet, logged_in: Server) -> None:
    told = {
        "job_id": "job_1",
        "status": "queued",
        "summary": "It waits for a worker.",
        "position": 1,
        "waiting_for": "crash_loop",
        "reasons": ["the worker ends as soon as it starts"],
        "next_steps": ["Mend the import."],
        "worker_log": ["ImportError: no module named nothing"],
    }
    logged_in.on("GET", "/jobs/job_1/explain", lambda it: it.json(told))
    shown = trivet("jobs", "explain", "job_1").stdout
    assert "ImportError: no module named nothing" in shown
    assert "→ Mend the import." in shown
    assert json.loads(trivet("jobs", "explain", "job_1", "--json").stdout)["waiting_for"] == "crash_loop"


def test_logs_are_printed_as_they_were_written(trivet: Trivet, logged_in: Server) -> None:
    lines = [LINE, {**LINE, "seq": 2, "text": "without an end"}]
    logged_in.on("GET", "/jobs/job_1/logs", lambda it: it.json({"items": lines, "next": None}))
    assert trivet("jobs", "logs", "job_1").stdout == "loading\nwithout an end\n"
    assert [json.loads(line)["seq"] for line in trivet("jobs", "logs", "job_1", "--json").stdout.splitlines()] == [1, 2]


def test_logs_are_followed_to_the_end_of_the_job(trivet: Trivet, logged_in: Server) -> None:
    def events(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("log", {"stream": "stdout", "text": "one\n"})
        exchange.event("piece", "not a log line", 1)
        exchange.event("log", {"stream": "stderr", "text": "two\n"})
        exchange.event("end", job("succeeded"))
        exchange.end()

    logged_in.on("GET", "/jobs/job_1/events", events)
    assert trivet("jobs", "logs", "-f", "job_1").stdout == "one\ntwo\n"


def test_cancel_tells_apart_what_was_and_what_was_not(trivet: Trivet, logged_in: Server) -> None:
    for name, cancelled in (("a", True), ("b", False)):
        document = {"job": job(job_id=name), "cancelled": cancelled, "detail": "It had ended."}
        logged_in.on("POST", f"/jobs/{name}/cancel", lambda it, document=document: it.json(document))
    result = trivet("jobs", "cancel", "a", "b")
    assert (result.exit_code, result.stdout) == (1, "a\n")
    assert "b: It had ended." in result.stderr
    assert trivet("jobs", "cancel", "a").exit_code == 0


def test_a_replay_prints_the_new_id(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", "/jobs/job_1/replay", accepted(job(job_id="job_2")))
    assert trivet("jobs", "replay", "job_1").stdout == "job_2\n"


def test_workers_are_listed(trivet: Trivet, logged_in: Server) -> None:
    worker = {"id": "w1", "state": "idle", "endpoint": "admin/hello", "version": "1.0.0", "pid": 42, "last_lines": []}
    logged_in.on("GET", "/workers", lambda it: it.json({"items": [worker], "next": None}))
    assert trivet("ps").stdout.splitlines()[1].split() == ["w1", "idle", "admin/hello", "1.0.0", "-", "-", "42"]
    assert json.loads(trivet("ps", "--json").stdout)[0]["pid"] == 42


def test_an_endpoints_logs_are_printed(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/endpoints/admin/hello/logs", lambda it: it.json({"items": [LINE], "next": None}))
    assert trivet("logs", "admin/hello").stdout == "loading\n"


def test_an_endpoints_logs_are_followed_beyond_the_platforms_own_end(
    trivet: Trivet, logged_in: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_on(text: str, *, breaks: bool) -> Answer:
        def lines(exchange: Exchange) -> None:
            assert exchange.query == {"follow": "true"}
            exchange.begin()
            exchange.event("log", {**LINE, "text": text})
            exchange.drop() if breaks else exchange.end()

        return lines

    monkeypatch.setattr(logs, "PAUSE", 0.01)
    logged_in.on("GET", "/endpoints/admin/hello", lambda it: it.json({"id": "ep1", "name": "admin/hello"}))
    logged_in.on(
        "GET",
        "/endpoints/admin/hello/logs",
        goes_on("before\n", breaks=False),
        goes_on("after\n", breaks=True),
        goes_on("again\n", breaks=False),
        lambda it: it.problem(404, "not_found", detail="It was deleted."),
    )
    logged_in.on(
        "GET", "/readyz", lambda it: it.json({"ready": False}, 503), lambda it: it.json({"ready": True, "checks": {}})
    )
    result = trivet("logs", "-f", "admin/hello")
    assert (result.exit_code, result.stdout) == (1, "before\nafter\nagain\n")
    assert result.stderr.count("waiting for it to be back") == 3
    assert "It was deleted." in result.stderr


def test_a_platform_that_never_answered_is_not_waited_for(trivet: Trivet, logged_in: Server) -> None:
    logged_in.close()
    assert trivet("logs", "-f", "admin/hello").exit_code == 3
