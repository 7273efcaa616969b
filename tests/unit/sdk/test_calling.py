"""Calling an endpoint through the synchronous client, against a real server."""

from __future__ import annotations

import threading

import pytest

from tests.unit.sdk.server import FAILURE, KEY, Exchange, Server, accepted, job
from trivet.sdk import Client
from trivet.sdk.errors import (
    AuthenticationError,
    InvalidInputError,
    InvalidRequestError,
    JobCancelledError,
    JobFailedError,
    JobTimedOutError,
    NotFoundError,
    TimedOutError,
)
from trivet.sdk.models import JobStatus

pytestmark = pytest.mark.usefixtures("both_ways")

RUN = "/endpoints/admin/hello/run"


def test_run_sends_the_input_itself_and_gives_the_output_itself(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output("Hello Bond"))
    assert client.endpoint("admin/hello").run({"name": "Bond"}) == "Hello Bond"
    (exchange,) = server.seen
    assert exchange.body == b'{"name":"Bond"}'
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["authorization"] == f"Bearer {KEY}"
    assert exchange.headers["user-agent"].startswith("trivet/")
    assert "idempotency-key" not in exchange.headers  # a held call need not be on disk first
    assert exchange.query == {"wait": "50"}


def test_run_carries_version_and_limits_of_the_job(server: Server, client: Client) -> None:
    server.on("POST", "/endpoints/42/run", lambda exchange: exchange.output(None))
    client.endpoint(42, version="1.0.0").run(timeout=7, version="^1.2", job_timeout=30, ttl=1.5)
    query = server.seen[0].query
    assert query | {"wait": "-"} == {"version": "^1.2", "timeout": "30", "ttl": "1.500", "wait": "-"}
    assert 6 < float(query["wait"]) <= 7


def test_bytes_travel_as_they_are_both_ways(server: Server, client: Client) -> None:
    server.on(
        "POST", RUN, lambda exchange: exchange.answer(200, b"\x89PNG", Content_Type="image/png", Trivet_Job_Id="job_1")
    )
    assert client.endpoint("admin/hello").run(b"\x00\xff") == b"\x89PNG"
    assert server.seen[0].body == b"\x00\xff"
    assert server.seen[0].headers["content-type"] == "application/octet-stream"


def test_a_job_that_outlasts_the_first_wait_is_waited_for_by_its_id(server: Server, client: Client) -> None:
    server.on("POST", RUN, accepted(job("running")))
    server.on("GET", "/jobs/job_1/result", accepted(job("running")), lambda exchange: exchange.output(7))
    assert client.endpoint("admin/hello").run() == 7
    assert [exchange.path.rpartition("/")[2] for exchange in server.seen] == ["run", "result", "result"]


def test_a_wait_that_ends_names_the_job_that_goes_on(server: Server, client: Client) -> None:
    server.on("POST", RUN, accepted(job("running")))
    server.on("GET", "/jobs/job_1/result", accepted(job("running")))
    with pytest.raises(TimedOutError) as caught:
        client.endpoint("admin/hello").run(timeout=0.05)
    assert caught.value.job_id == "job_1"
    assert isinstance(caught.value, TimeoutError)
    assert "job_1 is still running after 0.05 s of waiting" in str(caught.value)
    assert "→" in str(caught.value)


def test_a_server_that_says_nothing_ends_a_run_soon_after_its_timeout(server: Server) -> None:
    server.on("POST", RUN, Exchange.hold)
    with Client(server.url, KEY, timeout=0.2) as client, pytest.raises(TimedOutError, match="not known"):
        client.endpoint("admin/hello").run(timeout=0.2)
    assert len(server.seen) == 1


def test_a_failed_job_raises_with_its_reason_and_the_authors_traceback(server: Server, client: Client) -> None:
    server.on(
        "POST",
        RUN,
        lambda exchange: exchange.problem(
            500, "job_failed", detail="ValueError: no such name", hint="Look.", job_id="job_1", error=FAILURE
        ),
    )
    with pytest.raises(JobFailedError, match="no such name") as caught:
        client.endpoint("admin/hello").run()
    error = caught.value
    assert error.job_id == "job_1"
    assert error.error is not None
    assert error.error.type == "ValueError"
    assert error.error.worker_log == ["loading", "ready"]
    assert "line 3" in error.__notes__[0]
    assert "Traceback" not in str(error)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(409, "job_cancelled", JobCancelledError), (504, "job_timed_out", JobTimedOutError)],
)
def test_other_ends_of_a_job_have_their_own_errors(
    server: Server, client: Client, status: int, code: str, expected: type[Exception]
) -> None:
    server.on("POST", RUN, lambda exchange: exchange.problem(status, code, detail="It ended.", job_id="job_9"))
    with pytest.raises(expected) as caught:
        client.endpoint("admin/hello").run()
    assert caught.value.job_id == "job_9"  # type: ignore[attr-defined]
    assert len(server.seen) == 1


def test_an_input_that_misses_the_schema_names_the_field(server: Server, client: Client) -> None:
    faults = [{"path": "/times", "message": "'x' is not an integer"}]
    server.on(
        "POST", RUN, lambda exchange: exchange.problem(422, "invalid_input", detail="It does not fit.", errors=faults)
    )
    with pytest.raises(InvalidInputError) as caught:
        client.endpoint("admin/hello").run({"times": "x"})
    assert caught.value.errors[0].path == "/times"
    assert "/times: 'x' is not an integer" in str(caught.value)


def test_an_input_that_cannot_be_sent_is_refused_before_anything_is_asked(server: Server, client: Client) -> None:
    with pytest.raises(InvalidInputError, match="/rows/1"):
        client.endpoint("admin/hello").run({"rows": [1, {2, 3}]})
    assert server.seen == []


def test_a_missing_endpoint_is_not_found_with_the_servers_words(client: Client) -> None:
    with pytest.raises(NotFoundError, match="Nothing at") as caught:
        client.endpoint("nobody/nothing").run()
    assert caught.value.hint == "Look again."
    assert caught.value.status == 404


@pytest.mark.parametrize("reference", ["a/b/c", "", "a/", "../keys", "."])
def test_what_cannot_name_an_endpoint_is_refused_at_once(client: Client, reference: str) -> None:
    with pytest.raises(InvalidRequestError):
        client.endpoint(reference)


def test_without_a_key_nothing_is_sent_and_the_error_says_where_keys_come_from(
    server: Server, tmp_path: object
) -> None:
    with Client(server.url, profile=f"{tmp_path}/none.toml") as client:
        with pytest.raises(AuthenticationError, match="TRIVET_API_KEY"):
            client.endpoint("admin/hello").run()
        server.on("GET", "/readyz", lambda exchange: exchange.json({"store": "ok"}))
        assert client.ready()
    assert [exchange.path for exchange in server.seen] == ["/readyz"]


def test_submit_returns_a_job_whose_result_waits(server: Server, client: Client) -> None:
    server.on("POST", "/endpoints/admin/hello/submit", accepted(job()))
    server.on("GET", "/jobs/job_1/result", lambda exchange: exchange.output({"a": 1}))
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("queued")))
    submitted = client.endpoint("admin/hello").submit(1)
    assert (submitted.id, submitted.status, submitted.done) == ("job_1", "queued", False)
    assert submitted.result(timeout=5) == {"a": 1}
    assert (submitted.status, submitted.done) == (JobStatus.SUCCEEDED, True)


def test_connections_are_used_again(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output(1))
    for _ in range(5):
        client.endpoint("admin/hello").run()
    assert len({exchange.port for exchange in server.seen}) == 1


def test_a_client_serves_many_threads(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output(int(exchange.body)))
    endpoint = client.endpoint("admin/hello")
    results: dict[int, int] = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: endpoint.run(n)})) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert results == {n: n for n in range(16)}


def test_a_closed_client_says_so(server: Server) -> None:
    client = Client(server.url, KEY)
    server.on("POST", RUN, lambda exchange: exchange.output(1))
    client.endpoint("admin/hello").run()
    client.close()
    client.close()
    with pytest.raises(Exception, match="closed") as caught:
        client.endpoint("admin/hello").run()
    assert caught.value.code == "client_closed"  # type: ignore[attr-defined]
