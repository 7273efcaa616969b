"""Submitting and calling: what is taken, what is refused, and what comes back."""

from __future__ import annotations

import json

import pytest

from tests.wire.fakes import Worker
from tests.wire.runpod.fakes import MAX_RUN, MAX_RUNSYNC, RunPodWorld, fails, fault, hold
from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.core.jobs import JobError, Priority
from trivet.platform.ports.runtime import AttemptOrder


@pytest.fixture
def world() -> RunPodWorld:
    return RunPodWorld()


def test_run_answers_with_an_id_and_the_job_can_be_looked_up(world: RunPodWorld) -> None:
    answer = world.call("POST", f"/{world.hello}/run", body=b'{"input": {"n": [1, 2.50]}}')
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"id": answer.json["id"], "status": "IN_QUEUE"}
    looked = world.call("GET", f"/{world.hello}/status/{answer.json['id']}")
    assert looked.json["status"] == "COMPLETED"
    assert b'"output":{"n": [1, 2.50]}' in looked.body


def test_runsync_answers_with_the_whole_job(world: RunPodWorld) -> None:
    endpoint, version = world.offer("admin/whole")
    answer = world.call("POST", f"/{endpoint.id}/runsync", json_body={"input": "hi"})
    assert answer.status == 200
    assert answer.json == {
        "id": answer.json["id"],
        "status": "COMPLETED",
        "delayTime": 0,
        "executionTime": 0,
        "workerId": f"worker_{version.id}",
        "output": "hi",
    }


def test_runsync_answers_with_the_job_as_it_stands_when_its_hold_is_over(world: RunPodWorld) -> None:
    short = RunPodWorld(hold=0.05)
    short.handler = hold
    answer = short.call("POST", f"/{short.hello}/runsync", json_body={"input": 1})
    assert (answer.status, answer.json["status"]) == (200, "IN_PROGRESS")
    assert short.look(answer.json["id"])["status"] == "IN_PROGRESS"


def test_every_json_value_is_an_input_and_comes_to_the_handler_as_it_was_written(world: RunPodWorld) -> None:
    for value in (b"null", b"0", b'""', b"[]", b"{ }", b"false", b'{"input" : {}}', '"\\u00e4ü😀"'.encode(), b"1e5"):
        seen: list[bytes] = []

        def see(worker: Worker, order: AttemptOrder, seen: list[bytes] = seen) -> None:
            seen.append(order.body)
            worker.give(order, order.body)

        world.handler = see
        answer = world.call("POST", f"/{world.hello}/runsync", body=b'{"input": %b , "other": 1}' % value)
        assert seen == [value]
        assert b'"output":%b' % value in answer.body


@pytest.mark.parametrize("verb", ["run", "runsync"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is empty"),
        (b"{", "not JSON"),
        (b"nonsense", "not JSON"),
        (b'{"input": NaN}', "NaN"),
        (b'{"input": 1} x', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"{}", "no field `input`"),
        (b'{"Input": 1}', "no field `input`"),
        (b'{"input": "\xff"}', "UTF-8"),
        (b'{"input": ' + b"[" * 200 + b"]" * 200 + b"}", "nested"),
        (b"[" * 5000, "nested"),
        (b'{"input": 1, "policy": 3}', "policy"),
        (b'{"input": 1, "policy": {"executionTimeout": 4999}}', "from 5000 to 604800000"),
        (b'{"input": 1, "policy": {"executionTimeout": 604800001}}', "from 5000 to 604800000"),
        (b'{"input": 1, "policy": {"executionTimeout": "5000"}}', "from 5000 to 604800000"),
        (b'{"input": 1, "policy": {"executionTimeout": true}}', "from 5000 to 604800000"),
        (b'{"input": 1, "policy": {"ttl": 9999.9}}', "from 10000 to 604800000"),
        (b'{"input": 1, "policy": {"ttl": NaN}}', "NaN"),
        (b'{"input": 1, "policy": {"ttl": 1e400}}', ""),
        (b'{"input": 1, "policy": {"ttl": -1}}', "from 10000 to 604800000"),
        (b'{"input": 1, "policy": {"lowPriority": "yes"}}', "lowPriority"),
        (b'{"input": 1, "webhook": 7}', "webhook"),
        (b'{"input": 1, "webhook": "\xff"}', "UTF-8"),
        (b'{"input": 1, "s3Config": "bucket"}', "s3Config"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_reason(
    world: RunPodWorld, verb: str, body: bytes, said: str
) -> None:
    answer = world.call("POST", f"/{world.hello}/{verb}", body=body)
    assert answer.status == 400
    assert said in fault(answer)
    assert len(world.dispatcher.open_jobs) == 0


@pytest.mark.parametrize(("verb", "limit"), [("run", MAX_RUN), ("runsync", MAX_RUNSYNC)])
def test_a_body_over_its_limit_is_refused_with_limit_and_size_whether_announced_or_not(
    world: RunPodWorld, verb: str, limit: int
) -> None:
    body = json.dumps({"input": "x" * limit}).encode()
    announced = world.call("POST", f"/{world.hello}/{verb}", body=body)
    assert announced.status == 413
    assert f"{limit:,} bytes" in fault(announced)
    assert f"{len(body):,} bytes" in fault(announced)
    in_parts = world.call("POST", f"/{world.hello}/{verb}", body=[body[:100], body[100:]])
    assert in_parts.status == 413
    assert f"{limit:,} bytes" in fault(in_parts)


def test_runsync_takes_a_body_that_run_refuses(world: RunPodWorld) -> None:
    body = json.dumps({"input": "x" * (MAX_RUN + 1000)}).encode()
    assert world.call("POST", f"/{world.hello}/run", body=body).status == 413
    answer = world.call("POST", f"/{world.hello}/runsync", body=body)
    assert (answer.status, answer.json["status"]) == (200, "COMPLETED")


def test_the_policy_of_a_call_is_obeyed_and_what_is_unknown_is_passed_over(world: RunPodWorld) -> None:
    policy = {"executionTimeout": 5000, "ttl": 604_800_000, "lowPriority": True, "other": [1]}
    job_id = world.begin({"input": 1, "policy": policy, "webhookV2": "x", "anything": {"else": 1}})
    job = world.run(world.jobs.get(world.admin, job_id)).job
    assert (job.policy.timeout, job.policy.ttl, job.policy.priority) == (5.0, 604_800.0, Priority.LOW)
    job_id = world.begin({"input": 1, "policy": {"ttl": None}, "webhook": None, "s3Config": None})
    job = world.run(world.jobs.get(world.admin, job_id)).job
    assert (job.policy.ttl, job.policy.priority, job.policy.webhook) == (86_400.0, Priority.NORMAL, None)


def test_a_job_is_kept_half_an_hour_unless_its_author_says_otherwise(world: RunPodWorld) -> None:
    for verb in ("run", "runsync"):
        job_id = world.call("POST", f"/{world.hello}/{verb}", json_body={"input": 1}).json["id"]
        assert world.run(world.jobs.get(world.admin, job_id)).job.policy.retention == 1800.0
    kept, _ = world.offer("admin/kept", settings=VersionSettings(retention=60.0))
    job_id = world.begin(endpoint=kept.id)
    assert world.run(world.jobs.get(world.admin, job_id)).job.policy.retention == 60.0


def test_webhook_and_bucket_go_to_the_worker_beside_the_input_and_are_never_shown(world: RunPodWorld) -> None:
    world.handler = hold
    bucket = {"accessId": "me", "accessSecret": "hush", "bucketName": "b", "endpointUrl": "https://s3.example"}
    job_id = world.begin({"input": 1, "webhook": "https://hooks.example/x?a=b", "s3Config": bucket})
    job = world.run(world.jobs.get(world.admin, job_id)).job
    assert job.policy.webhook == "https://hooks.example/x?a=b"
    assert job.policy.webhook_format == "runpod"
    assert job.aside is not None
    assert b"hush" not in job.aside
    assert json.loads(world.intake._vault.unseal(job.aside)) == {
        "webhook": "https://hooks.example/x?a=b",
        "s3Config": bucket,
    }
    for path in (f"/{world.hello}/status/{job_id}", f"/{world.hello}/requests"):
        shown = world.call("GET", path).body
        assert b"hush" not in shown
        assert b"hooks.example" not in shown


def test_a_webhook_that_can_never_be_reached_is_refused(world: RunPodWorld) -> None:
    answer = world.call("POST", f"/{world.hello}/run", json_body={"input": 1, "webhook": "https://private/"})
    assert answer.status == 400
    assert fault(answer)


def test_an_input_that_misses_the_schema_is_a_bad_request(world: RunPodWorld) -> None:
    strict, _ = world.offer("admin/strict", schema={"type": "object", "required": ["prompt"]})
    answer = world.call("POST", f"/{strict.id}/run", json_body={"input": {}})
    assert answer.status == 400
    assert "prompt" in fault(answer)


def test_a_handler_that_fails_gives_a_job_that_says_why(world: RunPodWorld) -> None:
    world.handler = fails(JobError("handler_error", "no luck", "ValueError", "Traceback…"))
    answer = world.call("POST", f"/{world.hello}/runsync", json_body={"input": 1})
    assert (answer.status, answer.json["status"]) == (200, "FAILED")
    assert "output" not in answer.json
    said = json.loads(answer.json["error"])
    assert said["error_type"] == "<class 'ValueError'>"
    assert said["error_message"] == "no luck"
    assert said["error_traceback"] == "Traceback…"
    assert "failed" in answer.json["explain"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (JobError("handler_error", "my own words {1}"), "my own words {1}"),
        (JobError("worker_lost", "The worker died.", hint="Look."), "The worker died. Look."),
        (JobError("result_lost", "Its log says: no JSON", hint="Return JSON."), "Its log says: no JSON. Return JSON."),
    ],
)
def test_an_error_that_is_no_exception_is_told_as_it_was_said(world: RunPodWorld, error: JobError, text: str) -> None:
    world.handler = fails(error)
    answer = world.call("POST", f"/{world.hello}/runsync", json_body={"input": 1})
    assert answer.json["error"] == text


def test_an_output_that_is_no_json_comes_as_a_data_url_and_one_that_is_none_not_at_all(world: RunPodWorld) -> None:
    world.handler = lambda worker, order: worker.give(order, b"\x89PNG", "image/png")
    answer = world.call("POST", f"/{world.hello}/runsync", json_body={"input": 1})
    assert answer.json["output"] == "data:image/png;base64,iVBORw=="
    world.handler = lambda worker, order: worker.give(order, b"")
    answer = world.call("POST", f"/{world.hello}/runsync", json_body={"input": 1})
    assert answer.json["status"] == "COMPLETED"
    assert "output" not in answer.json


def test_a_large_output_is_in_the_document_all_the_same(world: RunPodWorld) -> None:
    large = json.dumps("x" * 600_000).encode()
    world.handler = lambda worker, order: worker.give(order, large)
    answer = world.call("POST", f"/{world.hello}/runsync", json_body={"input": 1})
    assert answer.json["output"] == "x" * 600_000
    assert world.look(answer.json["id"])["output"] == "x" * 600_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("wait=1", 200),
        ("wait=1000", 200),
        ("wait=300000000", 200),
        ("wait=abc", 400),
        ("wait=NaN", 400),
        ("other=1&ttl=5", 200),
        ("wait=%ff", 400),
    ],
)
def test_a_wait_is_kept_within_its_range_and_other_queries_are_passed_over(
    world: RunPodWorld, query: str, status: int
) -> None:
    answer = world.call("POST", f"/{world.hello}/runsync?{query}", json_body={"input": 1})
    assert answer.status == status
    if status == 400:
        assert "wait" in fault(answer)


def test_the_content_type_of_a_call_does_not_matter(world: RunPodWorld) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", "nonsense"):
        answer = world.call("POST", f"/{world.hello}/runsync", body=b'{"input": 1}', headers={"content-type": kind})
        assert (answer.status, answer.json["output"]) == (200, 1)


def test_an_endpoint_is_named_by_its_id_by_a_number_or_by_its_name(world: RunPodWorld) -> None:
    endpoint, _ = world.offer("admin/model", model_id=42)
    for name in (endpoint.id, "42", "admin%2Fmodel", "admin~model", "admin%2fmodel"):
        answer = world.call("POST", f"/{name}/runsync", json_body={"input": name})
        assert (answer.status, answer.json["output"]) == (200, name)
        looked = world.call("GET", f"/{name}/status/{answer.json['id']}")
        assert looked.json["status"] == "COMPLETED"


def test_over_a_limit_the_answer_is_429_with_the_time_to_come_back(world: RunPodWorld) -> None:
    key = world.ask("POST", "/keys", json_body={"rate": "1/min"}).json["key"]
    first = world.call("POST", f"/{world.hello}/run", json_body={"input": 1}, token=key)
    assert first.status == 200
    assert "ratelimit" in first.headers
    second = world.call("POST", f"/{world.hello}/run", json_body={"input": 1}, token=key)
    assert second.status == 429
    assert int(second.headers["retry-after"]) >= 1
    assert fault(second)
