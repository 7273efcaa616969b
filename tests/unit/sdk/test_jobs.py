"""A job's handle and the listing of jobs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.unit.sdk.server import FAILURE, Server, accepted, job
from trivet.sdk import Client
from trivet.sdk.errors import JobCancelledError, JobFailedError, NotFoundError, TimedOutError
from trivet.sdk.models import JobStatus


def test_a_handle_asks_by_itself_while_it_does_not_know_the_end(server: Server, client: Client) -> None:
    server.on(
        "GET", "/jobs/job_1", lambda exchange: exchange.json(job("running", progress={"fraction": 0.4, "message": "x"}))
    )
    handle = client.job("job_1")
    assert handle.view is None
    assert repr(handle) == "Job('job_1', status=None)"
    assert server.seen == []
    assert handle.status is JobStatus.RUNNING
    assert handle.refresh().endpoint == "admin/hello"
    assert not handle.done
    assert len(server.seen) == 3
    assert handle.progress is not None
    assert handle.progress.fraction == 0.4
    assert repr(handle) == "Job('job_1', status='running')"


def test_a_handle_that_knows_the_end_asks_no_more(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1/result", lambda exchange: exchange.output(1))
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("succeeded", attempts=2)))
    handle = client.job("job_1")
    assert handle.result() == 1
    assert (handle.status, handle.done, len(server.seen)) == (JobStatus.SUCCEEDED, True, 1)
    assert (handle.attempts, handle.attempts, len(server.seen)) == (2, 2, 2)


def test_wait_holds_until_the_job_is_final_however_it_ends(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/jobs/job_1",
        lambda exchange: exchange.json(job("running")),
        lambda exchange: exchange.json(job("failed", error=FAILURE)),
    )
    handle = client.job("job_1")
    assert handle.wait() == "failed"
    assert handle.error is not None
    assert handle.error.type == "ValueError"
    assert server.seen[0].query == {"wait": "50"}


def test_a_wait_with_an_end_says_that_the_job_goes_on(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("queued")))
    with pytest.raises(TimedOutError, match="job_1 is still queued"):
        client.job("job_1").wait(timeout=0.05)


def test_a_result_asked_for_with_no_time_answers_at_once(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1/result", accepted(job("running")))
    with pytest.raises(TimedOutError):
        client.job("job_1").result(timeout=0)
    assert [exchange.query for exchange in server.seen] == [{"wait": "0"}]


def test_a_failed_result_leaves_the_handle_knowing_why(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/jobs/job_1/result",
        lambda exchange: exchange.problem(500, "job_failed", detail="It raised.", job_id="job_1", error=FAILURE),
    )
    handle = client.job("job_1")
    with pytest.raises(JobFailedError):
        handle.result()
    assert handle.status == "failed"
    assert handle.error is not None
    assert handle.error.message == "no such name"


def test_a_cancelled_result_leaves_the_handle_knowing_it(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1/result", lambda exchange: exchange.problem(409, "job_cancelled", job_id="job_1"))
    handle = client.job("job_1")
    with pytest.raises(JobCancelledError):
        handle.result()
    assert handle.status == "cancelled"


@pytest.mark.parametrize(("cancelled", "status"), [(True, "cancelled"), (False, "succeeded")])
def test_cancel_tells_whether_it_did(server: Server, client: Client, cancelled: bool, status: str) -> None:
    outcome = {"job": job(status), "cancelled": cancelled, "detail": "So it went."}
    server.on("POST", "/jobs/job_1/cancel", lambda exchange: exchange.json(outcome))
    handle = client.job("job_1")
    answer = handle.cancel()
    assert bool(answer) is cancelled
    assert answer.detail == "So it went."
    assert handle.status == status


def test_logs_are_gathered_over_all_pages(server: Server, client: Client) -> None:
    first = {
        "items": [{"seq": 1, "time": "2026-11-21T08:00:00.000Z", "stream": "stdout", "text": "a", "attempt": 1}],
        "next": 1,
    }
    second = {"items": [{"seq": 2, "stream": "stderr", "text": "b"}], "next": None}
    server.on("GET", "/jobs/job_1/logs", lambda exchange: exchange.json(first), lambda exchange: exchange.json(second))
    assert [line.text for line in client.job("job_1").logs()] == ["a", "b"]
    assert [exchange.query for exchange in server.seen] == [{}, {"after": "1"}]


def test_an_explanation_prints_as_text_for_people(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/jobs/job_1/explain",
        lambda exchange: exchange.json(
            {
                "job_id": "job_1",
                "status": "queued",
                "summary": "It waits for a worker.",
                "position": 3,
                "waiting_for": "crash_loop",
                "reasons": ["the worker [bold]exits[/bold] as soon as it starts"],
                "next_steps": ["mend main.py <now>"],
                "worker_log": ["ImportError: nothing"],
            }
        ),
    )
    explanation = client.job("job_1").explain()
    text = str(explanation)
    assert text.splitlines()[0] == "job_1: It waits for a worker."
    assert "ImportError: nothing" in text
    assert "&lt;now&gt;" in explanation._repr_html_()
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(explanation)
    assert "[bold]exits[/bold]" in console.export_text()


def test_input_and_replay(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1/input", lambda exchange: exchange.json({"name": "Bond"}))
    server.on("POST", "/jobs/job_1/replay", accepted(job(job_id="job_2")))
    assert client.job("job_1").input() == {"name": "Bond"}
    assert client.job("job_1").replay().id == "job_2"


def test_a_listing_asks_for_pages_as_they_are_needed(server: Server, client: Client) -> None:
    pages = [
        {"items": [job(job_id="job_1"), job(job_id="job_2")], "next": "here"},
        {"items": [job(job_id="job_3")], "next": None},
    ]
    server.on("GET", "/jobs", *(lambda exchange, page=page: exchange.json(page) for page in pages))
    listing = client.jobs.list(endpoint="admin/hello", status=["queued", "running"])
    assert server.seen == []
    assert next(listing).id == "job_1"
    assert len(server.seen) == 1
    assert [each.id for each in listing] == ["job_2", "job_3"]
    assert server.seen[0].query == {"endpoint": "admin/hello", "status": "queued,running", "limit": "100"}
    assert server.seen[1].query["cursor"] == "here"


def test_a_listing_stops_at_its_limit(server: Server, client: Client) -> None:
    page = {"items": [job(job_id="job_1"), job(job_id="job_2")], "next": "here"}
    server.on("GET", "/jobs", lambda exchange: exchange.json(page))
    assert [each.id for each in client.jobs.list(status="failed", limit=2)] == ["job_1", "job_2"]
    assert [exchange.query for exchange in server.seen] == [{"status": "failed", "limit": "2"}]


def test_a_missing_job_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError):
        client.job("job_nowhere").result()
