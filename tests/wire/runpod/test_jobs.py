"""Jobs as RunPod's callers look at them: status, cancel, retry, purge, health, requests, metrics, and the webhook's message."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.wire.fakes import Answer, Worker
from tests.wire.runpod.fakes import RunPodWorld, fails, fault, hold
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.jobs import JobError, JobStatus, Progress
from trivet.platform.core.keys import Token
from trivet.platform.core.payloads import Payload
from trivet.platform.core.workers import Departure
from trivet.platform.dialects.runpod import paths, translate
from trivet.platform.ports.runtime import AttemptOrder

NO = JobError("handler_error", "no", "ValueError")


@pytest.fixture
def world() -> RunPodWorld:
    return RunPodWorld()


# -- status -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("verb", ["status", "status-sync"])
def test_a_job_is_looked_up_by_get_and_by_post(world: RunPodWorld, method: str, verb: str) -> None:
    job_id = world.begin()
    answer = world.call(
        method, f"/{world.hello}/{verb}/{job_id}?ttl=60000", headers={"content-type": "application/json"}
    )
    assert (answer.status, answer.json["status"], answer.json["output"]) == (200, "COMPLETED", 1)


def test_a_job_that_runs_shows_its_times_its_worker_and_its_last_progress(world: RunPodWorld) -> None:
    orders: list[tuple[Worker, AttemptOrder]] = []
    world.handler = lambda worker, order: orders.append((worker, order))
    job_id = world.begin()
    world.now += 1.5
    assert world.look(job_id) == {
        "id": job_id,
        "status": "IN_PROGRESS",
        "delayTime": 0,
        "executionTime": 1500,
        "workerId": orders[0][0].id,
    }
    worker, order = orders[0]
    world.dispatcher.attempts.progress(worker.ref(order), Progress(0.5, "half"))
    assert world.look(job_id)["output"] == {"progress": 0.5, "message": "half"}
    world.dispatcher.attempts.progress(worker.ref(order), Progress(None, "", b'["mine", 1.50]'))
    assert b'"output":["mine", 1.50]' in world.call("GET", f"/{world.hello}/status/{job_id}").body


def test_a_job_that_waits_says_why_after_two_seconds(world: RunPodWorld) -> None:
    idle, _ = world.offer("admin/idle", slots=0)
    job_id = world.begin(endpoint=idle.id)
    assert world.look(job_id, idle.id) == {"id": job_id, "status": "IN_QUEUE"}
    world.now += 2
    waiting = world.look(job_id, idle.id)
    assert waiting["status"] == "IN_QUEUE"
    assert "worker" in waiting["explain"]


def test_status_sync_holds_until_the_job_ends(world: RunPodWorld) -> None:
    orders: list[tuple[Worker, AttemptOrder]] = []
    world.handler = lambda worker, order: orders.append((worker, order))

    async def scenario() -> Answer:
        begun = await world.caller.ask(
            "POST", f"/runpod/v2/{world.hello}/run", token=world.admin_token, body=b'{"input":1}'
        )
        path = f"/runpod/v2/{world.hello}/status-sync/{begun.json['id']}?wait=8000"
        looking = asyncio.ensure_future(world.caller.ask("GET", path, token=world.admin_token))
        while not orders:
            await asyncio.sleep(0)
        worker, order = orders[0]
        worker.give(order, b'"late"')
        return await looking

    answer = world.run(scenario())
    assert (answer.json["status"], answer.json["output"]) == ("COMPLETED", "late")


def test_every_final_document_has_all_of_what_strict_clients_want(world: RunPodWorld) -> None:
    ends = []
    ends.append(world.begin())
    world.handler = fails(NO)
    ends.append(world.begin())
    idle, _ = world.offer("admin/idle", slots=0)
    waiting = world.begin(endpoint=idle.id)
    world.call("POST", f"/{idle.id}/cancel/{waiting}")
    expired = world.begin({"input": 1, "policy": {"ttl": 10_000}}, endpoint=idle.id)
    world.now += 11
    world.run(_tick(world))
    documents = [world.look(job_id) for job_id in ends]
    documents += [world.look(waiting, idle.id), world.look(expired, idle.id)]
    assert [d["status"] for d in documents] == ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
    for document in documents:
        for field, kind in (("delayTime", int), ("executionTime", int), ("workerId", str), ("id", str)):
            assert type(document[field]) is kind, document
    assert "error" not in documents[2]
    assert "time to live" in documents[3]["error"]


async def _tick(world: RunPodWorld) -> None:
    world.dispatcher.tick()
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_job_whose_time_to_live_ends_while_it_runs_is_gone(world: RunPodWorld) -> None:
    world.handler = hold
    job_id = world.begin({"input": 1, "policy": {"ttl": 10_000}})
    world.now += 11

    async def overrun() -> None:
        world.dispatcher.tick()
        await asyncio.sleep(0.05)

    world.run(overrun())
    assert world.run(world.jobs.get(world.admin, job_id)).job.status is JobStatus.TIMED_OUT
    for method, verb in (("GET", "status"), ("GET", "stream"), ("POST", "cancel"), ("POST", "retry")):
        answer = world.call(method, f"/{world.hello}/{verb}/{job_id}")
        assert (answer.status, job_id in fault(answer)) == (404, True)
    assert world.call("GET", f"/{world.hello}/requests").json == {"requests": []}


def test_a_job_that_lost_its_worker_counts_its_retries(world: RunPodWorld) -> None:
    orders: list[tuple[Worker, AttemptOrder]] = []
    world.handler = lambda worker, order: orders.append((worker, order))
    job_id = world.begin()

    async def lose() -> None:
        world.dispatcher.attempts.depart(orders[0][0].id, Departure("died"))
        await asyncio.sleep(0)

    world.run(lose())
    lost = world.look(job_id)
    assert (lost["status"], lost["retries"]) == ("IN_QUEUE", 1)


@pytest.mark.parametrize(
    "job_id", ["job_none", "no%2Fsuch", "x" * 200, "%00", "a%20b", "%ff", "..", "%e2%80%ae"], ids=repr
)
def test_a_job_that_is_not_there_is_not_found(world: RunPodWorld, job_id: str) -> None:
    for method, verb in (
        ("GET", "status"),
        ("GET", "status-sync"),
        ("GET", "stream"),
        ("POST", "cancel"),
        ("POST", "retry"),
    ):
        answer = world.call(method, f"/{world.hello}/{verb}/{job_id}")
        assert answer.status == 404
        assert fault(answer)


def test_the_id_of_another_endpoints_job_is_not_found(world: RunPodWorld) -> None:
    other, _ = world.offer("admin/other")
    job_id = world.begin()
    for method, verb in (
        ("GET", "status"),
        ("GET", "status-sync"),
        ("GET", "stream"),
        ("POST", "cancel"),
        ("POST", "retry"),
    ):
        for endpoint in (other.id, "admin~other", "nothinghere"):
            answer = world.call(method, f"/{endpoint}/{verb}/{job_id}")
            assert answer.status == 404
            assert fault(answer)
    assert world.look(job_id)["status"] == "COMPLETED"


# -- cancel -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_job_that_waits_is_cancelled_at_once(world: RunPodWorld, body: bytes) -> None:
    idle, _ = world.offer("admin/idle", slots=0)
    job_id = world.begin(endpoint=idle.id)
    answer = world.call("POST", f"/{idle.id}/cancel/{job_id}", body=body, headers={"content-type": "application/json"})
    assert answer.json == {"id": job_id, "status": "CANCELLED", "delayTime": 0, "executionTime": 0}
    assert world.look(job_id, idle.id)["status"] == "CANCELLED"


def test_a_job_that_runs_is_cancelled_when_its_worker_has_stopped(world: RunPodWorld) -> None:
    world.handler = hold
    job_id = world.begin()
    world.now += 1
    answer = world.call("POST", f"/{world.hello}/cancel/{job_id}")
    assert answer.json == {"id": job_id, "status": "CANCELLED", "delayTime": 0, "executionTime": 1000}


def test_a_job_that_had_ended_keeps_its_status_and_says_so(world: RunPodWorld) -> None:
    job_id = world.begin()
    answer = world.call("POST", f"/{world.hello}/cancel/{job_id}")
    assert (answer.status, answer.json["status"]) == (200, "COMPLETED")
    assert "ended already" in answer.json["explain"]
    assert world.look(job_id)["output"] == 1


# -- retry --------------------------------------------------------------------------------------------------------------


def test_a_failed_job_is_tried_again_under_its_id(world: RunPodWorld) -> None:
    world.handler = fails(NO)
    job_id = world.begin({"input": {"n": 7}})
    assert world.look(job_id)["status"] == "FAILED"
    world.handler = hold
    answer = world.call("POST", f"/{world.hello}/retry/{job_id}")
    assert (answer.status, answer.json) == (200, {"id": job_id, "status": "IN_QUEUE"})
    assert world.look(job_id)["status"] == "IN_PROGRESS"
    assert "error" not in world.look(job_id)
    refused = world.call("POST", f"/{world.hello}/retry/{job_id}")
    assert refused.status == 400
    assert fault(refused).startswith(f"The job {job_id} still runs")
    cancelled = world.call("POST", f"/{world.hello}/cancel/{job_id}").json
    assert (cancelled["id"], cancelled["status"]) == (job_id, "CANCELLED")


def test_a_job_is_tried_again_as_often_as_it_fails_and_is_listed_once(world: RunPodWorld) -> None:
    world.handler = fails(NO)
    job_id = world.begin({"input": 7})
    for _ in range(3):
        world.now += 1
        assert world.call("POST", f"/{world.hello}/retry/{job_id}").status == 200
        assert world.look(job_id)["status"] == "FAILED"
    world.handler = lambda worker, order: worker.give(order, order.body)
    world.now += 1
    world.call("POST", f"/{world.hello}/retry/{job_id}")
    assert (world.look(job_id)["status"], world.look(job_id)["output"]) == ("COMPLETED", 7)
    assert world.call("POST", f"/{world.hello}/retry/{job_id}").status == 400
    assert [d["id"] for d in world.call("GET", f"/{world.hello}/requests").json["requests"]] == [job_id]
    natively = world.run(world.jobs.page(world.admin))
    assert len(natively) == 5
    assert world.run(world.jobs.get(world.admin, job_id)).job.status is JobStatus.FAILED  # a result never changes


def test_a_job_that_was_tried_again_is_known_by_its_id_when_its_first_tries_are_forgotten(world: RunPodWorld) -> None:
    world.handler = fails(NO)
    job_id = world.begin({"input": 7})
    world.now += 1
    assert world.call("POST", f"/{world.hello}/retry/{job_id}").status == 200
    world.handler = hold
    world.now += 1
    assert world.call("POST", f"/{world.hello}/retry/{job_id}").status == 200
    newest, *earlier = [view.job.id for view in world.run(world.jobs.page(world.admin))]
    assert len(earlier) == 2
    world.run(world.store.write(lambda tx: tx.jobs.remove(earlier)))
    world.now += 3600
    assert newest != world.look(job_id)["id"] == job_id
    assert world.look(job_id)["status"] == "IN_PROGRESS"
    other = world.offer("admin/other")[0].id
    assert world.call("GET", f"/{other}/status/{job_id}").status == 404
    world.account("mallory")
    assert world.call("GET", f"/{world.hello}/status/{job_id}", token=world.token("mallory")).status == 404
    cancelled = world.call("POST", f"/{world.hello}/cancel/{job_id}").json
    assert (cancelled["id"], cancelled["status"]) == (job_id, "CANCELLED")


@pytest.mark.parametrize(
    ("status", "said"), [("COMPLETED", "has succeeded"), ("CANCELLED", "was cancelled"), ("IN_QUEUE", "still waits")]
)
def test_only_a_job_that_failed_or_timed_out_is_tried_again(world: RunPodWorld, status: str, said: str) -> None:
    endpoint = world.hello if status == "COMPLETED" else world.offer("admin/idle", slots=0)[0].id
    job_id = world.begin(endpoint=endpoint)
    if status == "CANCELLED":
        world.call("POST", f"/{endpoint}/cancel/{job_id}")
    assert world.look(job_id, endpoint)["status"] == status
    answer = world.call("POST", f"/{endpoint}/retry/{job_id}")
    assert answer.status == 400
    assert said in fault(answer)


def _neighbour(world: RunPodWorld) -> Token:
    """The key of somebody else who may call ``admin/hello``."""
    world.ask("PATCH", "/endpoints/admin/hello", json_body={"visibility": "public"})
    world.account("eve")
    return world.token("eve")


def test_a_retry_by_who_manages_the_endpoint_is_the_callers_own(world: RunPodWorld) -> None:
    world.handler = fails(NO)
    eve = _neighbour(world)
    job_id = world.begin(token=eve)
    world.account("mallory")
    assert world.call("POST", f"/{world.hello}/retry/{job_id}", token=world.token("mallory")).status == 404
    world.handler = lambda worker, order: worker.give(order, b'"better"')
    assert world.call("POST", f"/{world.hello}/retry/{job_id}").json == {"id": job_id, "status": "IN_QUEUE"}
    seen = world.call("GET", f"/{world.hello}/status/{job_id}", token=eve).json
    assert (seen["id"], seen["status"], seen["output"]) == (job_id, "COMPLETED", "better")


def test_no_key_of_a_callers_makes_its_job_a_retry_of_anothers(world: RunPodWorld) -> None:
    principal = world.run(world.accounts.resolve(str(_neighbour(world))))
    job_id = world.begin({"input": 1})
    forged = CallOptions(idempotency_key=f"runpod-retry:{job_id}:1")
    world.now += 1
    made = world.run(world.calls.submit(principal, paths.reference_to(world.hello), Payload.inline(b"2"), forged))
    listed = world.call("GET", f"/{world.hello}/requests").json["requests"]
    assert [document["id"] for document in listed] == [made.job.id, job_id]


def test_a_worker_from_elsewhere_is_shown_by_the_id_that_it_gives_itself(world: RunPodWorld) -> None:
    job = replace(world.run(world.jobs.get(world.admin, world.begin())).job, worker_id="pod-1@another1")
    view = world.sight.view(world.admin, job)
    assert translate.document(view, 0.0).worker_id == "pod-1"
    failed = replace(job, status=JobStatus.FAILED, error=JobError("handler_error", "no", type="ValueError"))
    assert '"worker_id":"pod-1"' in translate.error_text(failed)


def test_two_retries_at_the_same_time_are_one(world: RunPodWorld) -> None:
    world.handler = fails(NO)
    job_id = world.begin()
    world.handler = hold
    path = f"/runpod/v2/{world.hello}/retry/{job_id}"

    async def both() -> list[Answer]:
        asks = [world.caller.ask("POST", path, token=world.admin_token) for _ in range(2)]
        return list(await asyncio.gather(*asks))

    answers = world.run(both())
    assert {answer.status for answer in answers} <= {200, 400}
    assert 200 in {answer.status for answer in answers}
    assert len(world.run(world.jobs.page(world.admin))) == 2


# -- endpoints ----------------------------------------------------------------------------------------------------------


def test_a_purge_takes_what_waits_and_leaves_what_runs(world: RunPodWorld) -> None:
    world.handler = hold
    one, _ = world.offer("admin/one", slots=1)
    running = world.begin(endpoint=one.id)
    waiting = [world.begin(endpoint=one.id) for _ in range(3)]
    answer = world.call("POST", f"/{one.id}/purge-queue", headers={"content-type": "application/json"})
    assert answer.json == {"removed": 3, "status": "completed"}
    assert world.look(running, one.id)["status"] == "IN_PROGRESS"
    assert {world.look(job_id, one.id)["status"] for job_id in waiting} == {"CANCELLED"}
    assert world.call("POST", f"/{one.id}/purge-queue").json == {"removed": 0, "status": "completed"}


def test_what_was_purged_is_cancelled_for_the_very_next_look(world: RunPodWorld) -> None:
    idle, _ = world.offer("admin/idle", slots=0)
    waiting = [world.begin(endpoint=idle.id) for _ in range(3)]

    async def scenario() -> set[str]:
        base = f"/runpod/v2/{idle.id}"
        purged = await world.caller.ask("POST", f"{base}/purge-queue", token=world.admin_token)
        assert purged.json["removed"] == 3
        looks = [await world.caller.ask("GET", f"{base}/status/{job}", token=world.admin_token) for job in waiting]
        return {look.json["status"] for look in looks}

    assert world.run(scenario()) == {"CANCELLED"}


def test_health_counts_in_eleven_whole_numbers(world: RunPodWorld) -> None:
    world.begin()
    world.handler = fails(NO)
    world.begin()
    world.handler = hold
    world.begin()
    health = world.call("GET", f"/{world.hello}/health").json
    assert health["jobs"] == {"completed": 1, "failed": 1, "inProgress": 1, "inQueue": 0, "retried": 0}
    assert sorted(health["workers"]) == ["idle", "initializing", "ready", "running", "throttled", "unhealthy"]
    numbers = [*health["jobs"].values(), *health["workers"].values()]
    assert len(numbers) == 11
    assert {type(number) for number in numbers} == {int}
    assert health["workers"]["ready"] == health["workers"]["idle"]


def test_metrics_name_the_workers_that_are_ready(world: RunPodWorld) -> None:
    found = world.call("GET", f"/{world.hello}/metrics").json
    assert found == {
        "workers": {"idle": 0, "initializing": 0, "ready": 0, "running": 0, "throttled": 0, "unhealthy": 0},
        "readyWorkers": [],
    }


def test_requests_lists_the_newest_jobs_without_outputs(world: RunPodWorld) -> None:
    ids = []
    for _ in range(3):
        world.now += 1
        ids.append(world.begin())
    listed = world.call("GET", f"/{world.hello}/requests").json["requests"]
    assert [document["id"] for document in listed] == ids[::-1]
    assert {document["status"] for document in listed} == {"COMPLETED"}
    assert all("output" not in document for document in listed)


# -- the webhook --------------------------------------------------------------------------------------------------------


def test_the_webhook_is_told_the_jobs_document_under_the_id_that_callers_know(world: RunPodWorld) -> None:
    messages: list[Any] = []

    def told() -> list[Any]:
        messages[:] = [json.loads(sent.body) for sent in world.egress.sent]
        return messages

    async def submit(verb: str, **request: Any) -> Answer:
        answer = await world.caller.ask("POST", f"/runpod/v2/{world.hello}/{verb}", token=world.admin_token, **request)
        await world.egress.until(len(told()) + 1)
        return answer

    body = {"input": "hi", "webhook": "https://hooks.example/x"}
    done = world.run(submit("run", json_body=body))
    assert told()[0] == world.look(done.json["id"])
    world.handler = fails(JobError("handler_error", "my words"))
    failed = world.run(submit("run", json_body=body)).json["id"]
    assert (told()[1]["id"], told()[1]["status"], told()[1]["error"]) == (failed, "FAILED", "my words")
    large = json.dumps("x" * 600_000).encode()
    world.handler = lambda worker, order: worker.give(order, large)
    world.run(submit(f"retry/{failed}"))
    assert (told()[2]["id"], told()[2]["status"], told()[2]["output"]) == (failed, "COMPLETED", "x" * 600_000)
