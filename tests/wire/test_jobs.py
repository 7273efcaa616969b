"""Looking at jobs and stopping them."""

from __future__ import annotations

import asyncio

import pytest

from tests.wire.fakes import Worker, World
from trivet.platform.ports.runtime import AttemptOrder


@pytest.fixture
def world() -> World:
    made = World()
    made.offer()
    return made


def noisy(worker: Worker, order: AttemptOrder) -> None:
    worker.world.dispatcher.attempts.log(worker.ref(order), "stdout", b"one\n")
    worker.world.dispatcher.attempts.log(worker.ref(order), "stderr", b"two")
    worker.give(order, b"1")


def submit(world: World, count: int = 1, path: str = "/endpoints/admin/hello/submit") -> list[str]:
    found = []
    for _ in range(count):
        world.now += 1
        found.append(world.ask("POST", path, body=b"1").json["id"])
    return found


def test_jobs_are_listed_in_pages_newest_first(world: World) -> None:
    made = submit(world, 5)
    found, path = [], "/jobs?limit=2"
    while True:
        page = world.ask("GET", path).json
        assert len(page["items"]) <= 2
        found += [job["id"] for job in page["items"]]
        if page["next"] is None:
            break
        path = f"/jobs?limit=2&cursor={page['next']}"
    assert found == made[::-1]


def test_jobs_are_filtered_by_endpoint_and_by_status(world: World) -> None:
    world.offer("admin/idle", slots=0)
    (done,) = submit(world)
    (waiting,) = submit(world, path="/endpoints/admin/idle/submit")
    for query, expected in [
        ("endpoint=admin/idle", [waiting]),
        ("endpoint=admin/hello", [done]),
        ("status=queued", [waiting]),
        ("status=queued,succeeded", [waiting, done]),
        ("status=failed", []),
    ]:
        assert [job["id"] for job in world.ask("GET", f"/jobs?{query}").json["items"]] == expected
    assert world.ask("GET", "/jobs?status=sleeping").code == "bad_request"
    assert world.ask("GET", "/jobs?cursor=%21").code == "bad_request"
    assert world.ask("GET", "/jobs?endpoint=nobody/nothing").code == "not_found"


def test_the_input_of_a_job_is_given_back_as_it_came(world: World) -> None:
    answer = world.ask(
        "POST", "/endpoints/admin/hello/submit", body=b"<b>hi</b>", headers={"content-type": "text/html"}
    )
    given = world.ask("GET", f"/jobs/{answer.json['id']}/input")
    assert (given.body, given.headers["content-type"]) == (b"<b>hi</b>", "text/html; charset=utf-8")
    assert "sandbox" in given.headers["content-security-policy"]


def test_what_a_job_printed_is_read_as_lines_or_as_text(world: World) -> None:
    world.handler = noisy
    (job,) = submit(world)
    log = world.ask("GET", f"/jobs/{job}/logs").json
    assert [(line["seq"], line["stream"], line["text"], line["attempt"]) for line in log["items"]] == [
        (1, "stdout", "one\n", 1),
        (2, "stderr", "two", 1),
    ]
    assert log["next"] is None
    assert [line["seq"] for line in world.ask("GET", f"/jobs/{job}/logs?after=1").json["items"]] == [2]
    text = world.ask("GET", f"/jobs/{job}/logs", headers={"accept": "text/plain"})
    assert (text.body, text.headers["content-type"]) == (b"one\ntwo\n", "text/plain; charset=utf-8")
    assert world.ask("GET", f"/jobs/{job}/logs?after=1.5").code == "bad_request"


def test_a_long_log_is_read_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.platform.dialects.native.jobs.LOG_PAGE", 1)
    world.handler = noisy
    (job,) = submit(world)
    first = world.ask("GET", f"/jobs/{job}/logs").json
    assert (len(first["items"]), first["next"]) == (1, 1)
    second = world.ask("GET", f"/jobs/{job}/logs?after={first['next']}").json
    assert [line["seq"] for line in second["items"]] == [2]


def test_why_a_job_waits_is_explained(world: World) -> None:
    world.offer("admin/idle", slots=0)
    _, second = submit(world, 2, "/endpoints/admin/idle/submit")
    story = world.ask("GET", f"/jobs/{second}/explain").json
    assert story["job_id"] == second
    assert (story["status"], story["position"]) == ("queued", 2)
    assert story["waiting_for"]
    assert story["summary"]
    assert story["reasons"]
    assert story["next_steps"]


def test_a_running_job_is_cancelled_once_its_worker_has_stopped(world: World) -> None:
    world.handler = lambda worker, order: None
    (job,) = submit(world)
    outcome = world.ask("POST", f"/jobs/{job}/cancel").json
    assert outcome["cancelled"] is True
    assert outcome["detail"] == "The job was cancelled."
    assert outcome["job"]["status"] == "cancelled"


def test_a_replay_is_a_new_job_with_the_same_input(world: World) -> None:
    answer = world.ask("POST", "/endpoints/admin/hello/run", json_body={"a": 1})
    again = world.ask("POST", f"/jobs/{answer.headers['trivet-job-id']}/replay")
    assert again.status == 202
    assert again.json["id"] != answer.headers["trivet-job-id"]
    assert again.headers["location"] == f"/api/v1/jobs/{again.json['id']}"
    assert world.ask("GET", f"/jobs/{again.json['id']}/result").json == {"a": 1}


def test_a_job_of_an_endpoint_that_is_gone_can_still_be_looked_at(world: World) -> None:
    (job,) = submit(world)
    assert world.ask("DELETE", "/endpoints/admin/hello").status == 204
    assert world.ask("GET", f"/jobs/{job}").json["status"] == "succeeded"


def test_progress_shows_in_the_document_of_a_running_job(world: World) -> None:
    from trivet.platform.core.jobs import Progress

    def half(worker: Worker, order: AttemptOrder) -> None:
        worker.world.dispatcher.attempts.progress(worker.ref(order), Progress(0.5, "half way"))

    world.handler = half

    async def scenario() -> dict[str, object]:
        asked = {"token": world.admin_token}
        made = await world.client.ask("POST", "/api/v1/endpoints/admin/hello/submit", **asked)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        job = await world.client.ask("GET", f"/api/v1/jobs/{made.json['id']}", **asked)  # type: ignore[arg-type]
        found: dict[str, object] = job.json
        return found

    job = world.run(scenario())
    assert job["status"] == "running"
    assert job["progress"] == {"fraction": 0.5, "message": "half way"}
