"""Calling: run, submit, results. The payload passes as it came."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.wire.fakes import MAX_INPUT, Answer, Worker, World
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.runtime import AttemptOrder

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.fixture
def world() -> World:
    made = World()
    made.offer()
    return made


def silent(worker: Worker, order: AttemptOrder) -> None:
    """Takes the job, and is never heard of again."""


def fails(worker: Worker, order: AttemptOrder) -> None:
    error = JobError(
        "handler_error", "no such song", "KeyError", "Traceback…", ("a line of the worker",), "Mend the handler."
    )
    worker.world.dispatcher.attempts.fail(worker.ref(order), error)


def test_a_call_is_answered_with_the_output_itself_and_its_timings(world: World) -> None:
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=b'{ "a" : [1,  2.50] }')
    assert answer.status == 200
    assert answer.body == b'{ "a" : [1,  2.50] }'  # not a byte was changed on the way there and back
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["trivet-job-id"].startswith("job_")
    assert answer.headers["trivet-attempts"] == "1"
    assert float(answer.headers["trivet-duration"]) >= 0
    assert float(answer.headers["trivet-queued"]) >= 0
    assert answer.headers["trivet-version"] == "1.2.3"


def test_an_endpoint_is_called_by_name_by_opaque_id_and_by_integer_id(world: World) -> None:
    endpoint, _ = world.offer("admin/model", model_id=7)
    for name in ("admin/model", "ADMIN/Model", endpoint.id, "7", "admin/model@1.0.0", "%61dmin/model", "admin/model@1"):
        assert world.ask("POST", f"/endpoints/{name}/run", body=b"1").status == 200


def test_bytes_go_in_and_out_under_their_own_content_type(world: World) -> None:
    def picture(worker: Worker, order: AttemptOrder) -> None:
        assert order.content_type == "image/jpeg"
        worker.give(order, order.body[::-1], "image/png")

    world.handler = picture
    data = bytes(range(256))
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=data, headers={"content-type": "image/jpeg"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, data[::-1], "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_call_without_a_body_is_a_call_with_null(world: World) -> None:
    assert world.ask("POST", "/endpoints/admin/hello/run").body == b"null"


def test_an_output_that_a_handler_left_empty_is_still_json(world: World) -> None:
    world.handler = lambda worker, order: worker.give(order, b"")
    assert world.ask("POST", "/endpoints/admin/hello/run").body == b"null"


def test_an_output_larger_than_a_row_comes_from_the_blob_store(world: World) -> None:
    data = json.dumps("x" * 600_000).encode()
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=data)
    assert (answer.status, answer.body == data) == (200, True)
    job = world.ask("GET", f"/jobs/{answer.headers['trivet-job-id']}").json
    assert "output" not in job
    assert job["output_size"] == len(data)


def test_a_call_that_takes_longer_than_its_wait_goes_on_as_a_job(world: World) -> None:
    world.handler = silent
    answer = world.ask("POST", "/endpoints/admin/hello/run?wait=0", body=b"1")
    assert answer.status == 202
    assert answer.json["status"] == "running"
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json['id']}"
    assert world.ask("GET", f"/jobs/{answer.json['id']}/result").status == 202


def test_a_result_is_fetched_later_as_run_would_have_given_it(world: World) -> None:
    job = world.ask("POST", "/endpoints/admin/hello/submit", json_body={"a": 1})
    assert (job.status, job.json["status"]) == (202, "queued")
    assert job.headers["location"] == f"/api/v1/jobs/{job.json['id']}"
    result = world.ask("GET", f"/jobs/{job.json['id']}/result")
    assert (result.status, result.json) == (200, {"a": 1})
    assert result.headers["trivet-job-id"] == job.json["id"]


def test_a_held_request_for_a_job_is_answered_when_the_job_ends(world: World) -> None:
    world.handler = silent

    async def scenario() -> Answer:
        held = {"token": world.admin_token}
        job = await world.client.ask("POST", "/api/v1/endpoints/admin/hello/submit", body=b"1", **held)
        waiting = asyncio.ensure_future(world.client.ask("GET", f"/api/v1/jobs/{job.json['id']}?wait=60", **held))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        (seat,) = world.dispatcher.board.seats(world.dispatcher.open_jobs.job(job.json["id"]).version_id)  # type: ignore[union-attr]
        worker: Any = seat.link
        worker.give(worker.orders[0], b'"done"')
        return await waiting

    answer: Answer = world.run(scenario())
    assert answer.json["status"] == "succeeded"
    assert answer.json["output"] == "done"


def test_a_failed_job_is_a_problem_with_the_handlers_own_words(world: World) -> None:
    world.handler = fails
    answer = world.ask("POST", "/endpoints/admin/hello/run")
    assert (answer.status, answer.code) == (500, "job_failed")
    assert answer.json["job_id"] == answer.headers["trivet-job-id"]
    assert answer.json["detail"] == "The job failed: KeyError: no such song"
    assert answer.json["hint"] == "Mend the handler."
    assert answer.json["error"] == {
        "code": "handler_error",
        "message": "no such song",
        "type": "KeyError",
        "traceback": "Traceback…",
        "worker_log": ["a line of the worker"],
        "hint": "Mend the handler.",
    }


def test_a_workers_own_lines_are_for_those_who_manage_the_endpoint(world: World) -> None:
    world.ask("PATCH", "/endpoints/admin/hello", json_body={"visibility": "public"})
    world.handler = fails
    world.account("ann")
    answer = world.ask("POST", "/endpoints/admin/hello/run", token=world.token("ann"))
    assert answer.json["error"]["message"] == "no such song"
    assert answer.json["error"]["worker_log"] == []
    job = world.ask("GET", f"/jobs/{answer.json['job_id']}", token=world.token("ann"))
    assert job.json["error"]["worker_log"] == []


def test_a_cancelled_job_is_a_conflict_and_says_so(world: World) -> None:
    world.offer("admin/idle", slots=0)
    job = world.ask("POST", "/endpoints/admin/idle/submit").json["id"]
    outcome = world.ask("POST", f"/jobs/{job}/cancel")
    assert (outcome.status, outcome.json["cancelled"], outcome.json["job"]["status"]) == (200, True, "cancelled")
    again = world.ask("POST", f"/jobs/{job}/cancel").json
    assert again["cancelled"] is False
    result = world.ask("GET", f"/jobs/{job}/result")
    assert (result.status, result.code, result.json["job_id"]) == (409, "job_cancelled", job)


def test_a_job_out_of_its_time_is_a_gateway_timeout(world: World) -> None:
    world.offer("admin/idle", slots=0)
    job = world.ask("POST", "/endpoints/admin/idle/submit?ttl=5").json["id"]

    async def late() -> None:
        world.dispatcher.tick()
        world.now += 6
        world.dispatcher.tick()
        await asyncio.sleep(0)

    world.run(late())
    result = world.ask("GET", f"/jobs/{job}/result")
    assert (result.status, result.code) == (504, "job_timed_out")


def test_a_client_that_hangs_up_leaves_its_job_running(world: World) -> None:
    world.handler = silent

    async def scenario() -> str:
        gone = asyncio.Event()
        call = world.client.ask(
            "POST", "/api/v1/endpoints/admin/hello/run?wait=300", token=world.admin_token, body=b"1", gone=gone
        )
        calling = asyncio.ensure_future(call)
        while not len(world.dispatcher.open_jobs):
            await asyncio.sleep(0)
        gone.set()
        for _ in range(5):
            await asyncio.sleep(0)
        (live,) = world.dispatcher.open_jobs._live.values()
        assert live.job.status == "running"
        (seat,) = world.dispatcher.board.seats(live.job.version_id)
        worker: Any = seat.link
        worker.give(worker.orders[0], b"1")
        await calling
        return live.job.id

    job_id = world.run(scenario())
    assert world.ask("GET", f"/jobs/{job_id}").json["status"] == "succeeded"


def test_an_input_that_misses_the_schema_is_refused_by_field_before_anything_is_queued(world: World) -> None:
    world.offer("admin/strict", schema=NAME)
    for verb in ("run", "submit", "stream"):
        answer = world.ask("POST", f"/endpoints/admin/strict/{verb}", json_body={"name": 7})
        assert (answer.status, answer.code) == (422, "invalid_input")
        assert answer.json["errors"] == [{"path": "/name", "message": "Must be a text, not a number."}]
    assert world.ask("GET", "/jobs?endpoint=admin/strict").json["items"] == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b"name=Bond", {}, 400, "invalid_json"),
        (b"[" * 101 + b"]" * 101, {}, 400, "invalid_json"),
        (b"[" * 100_000, {}, 400, "invalid_json"),
        (b"1", {"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b"1", {"content-type": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        (b"1", {"content-type": "application/json; charset=utf-16"}, 415, "unsupported_media_type"),
        (b"1", {"content-type": "???"}, 415, "unsupported_media_type"),
        (b"1", {"content-length": "-5"}, 400, "bad_request"),
        (b"1", {"content-length": str(MAX_INPUT + 1)}, 413, "too_large"),
        (b"x" * (MAX_INPUT + 1), {"content-length": "1"}, 413, "too_large"),
    ],
)
def test_a_body_that_can_not_be_taken_is_refused_with_the_reason(
    world: World, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=body, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["hint"]
    if status == 413:
        assert answer.json["limit"] == MAX_INPUT
    assert world.ask("GET", "/jobs").json["items"] == []


def test_a_chunked_body_is_bounded_too(world: World) -> None:
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=[b"x" * 65_536] * 20)
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_chunked_body_within_the_limit_is_taken(world: World) -> None:
    assert world.ask("POST", "/endpoints/admin/hello/run", body=[b"[1", b"", b",2]"]).json == [1, 2]


@pytest.mark.parametrize(
    "query",
    [
        "wait=soon",
        "wait=-1",
        "wait=301",
        "wait=nan",
        "timeout=0",
        "timeout=inf",
        "ttl=1e300",
        "tiemout=5",
        "wait=1&wait=2",
        "wait=%ff",
        "version=" + "x" * 5000,
    ],
)
def test_a_query_that_can_not_be_is_refused_instead_of_ignored(world: World, query: str) -> None:
    answer = world.ask("POST", f"/endpoints/admin/hello/run?{query}", body=b"1")
    assert (answer.status, answer.code) == (400, "bad_request")


def test_unknown_versions_and_endpoints_are_not_found(world: World) -> None:
    missing = world.ask("POST", "/endpoints/admin/hello/run?version=9", body=b"1")
    assert (missing.status, missing.code) == (404, "not_found")
    assert "1.0.0" in missing.json["hint"]
    for name in ("admin/nobody", "nobody", "12345", "a@b@c/d"):
        assert world.ask("POST", f"/endpoints/{name}/run").code == "not_found"


def test_a_full_disk_is_said_to_be_one(world: World) -> None:
    world.store.out_of_space = True
    answer = world.ask("POST", "/endpoints/admin/hello/submit", body=b"1")
    assert (answer.status, answer.code) == (507, "storage_full")


def test_what_nobody_foresaw_is_an_incident_without_a_traceback(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*given: object, **named: object) -> None:
        raise ZeroDivisionError("a secret of the platform")

    monkeypatch.setattr(world.calls, "run", broken)
    answer = world.ask("POST", "/endpoints/admin/hello/run", body=b"1")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret of the platform" not in answer.body
    assert b"Traceback" not in answer.body
    number = answer.json["hint"].rpartition(" ")[2].rstrip(".")
    assert number in answer.json["detail"]
    assert number in caplog.text
    assert "a secret of the platform" in caplog.text
