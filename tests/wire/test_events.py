"""Jobs and logs as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.wire.fakes import Answer, Worker, World, events_of
from trivet.platform.core.jobs import Progress
from trivet.platform.ports.runtime import AttemptOrder


@pytest.fixture
def world() -> World:
    made = World()
    made.offer()
    return made


def sing(worker: Worker, order: AttemptOrder) -> None:
    """Three pieces, one of them bytes; progress and a log line between them."""
    dispatcher, ref = worker.world.dispatcher, worker.ref(order)
    dispatcher.attempts.piece(ref, "application/json", b'{"text": "la"}')
    dispatcher.attempts.progress(ref, Progress(0.5, "half way"))
    dispatcher.attempts.log(ref, "stderr", b"breathing\n")
    dispatcher.attempts.piece(ref, "image/png", b"\x89PNG")
    dispatcher.attempts.piece(ref, "application/json", b'"a\\nb"')
    worker.give(order, b"[]", pieces=3)


def names(answer: Answer) -> list[tuple[str, str | None]]:
    return [(name, number) for name, number, _ in events_of(answer.body)]


def test_a_stream_tells_the_jobs_whole_story_in_order(world: World) -> None:
    world.handler = sing
    answer = world.ask("POST", "/endpoints/admin/hello/stream", body=b"1")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"
    events = events_of(answer.body)
    assert [(name, number) for name, number, _ in events] == [
        ("job", None),
        ("piece", "1"),
        ("progress", "2"),
        ("log", "3"),
        ("piece", "4"),
        ("piece", "5"),
        ("job", None),
        ("end", None),
    ]
    data = [content for _, _, content in events]
    assert data[0]["id"] == answer.headers["trivet-job-id"]
    assert data[1:6] == [
        {"text": "la"},
        {"fraction": 0.5, "message": "half way"},
        {"stream": "stderr", "text": "breathing\n"},
        {"base64": "iVBORw==", "type": "image/png"},
        "a\nb",
    ]
    assert data[6] == data[7]
    assert data[7]["status"] == "succeeded"
    assert data[7]["pieces"] == 3


def test_a_piece_goes_out_as_it_came_byte_for_byte(world: World) -> None:
    world.handler = sing
    assert b'id: 1\ndata: {"text": "la"}\n\n' in world.ask("POST", "/endpoints/admin/hello/stream").body


def test_a_reader_that_comes_back_goes_on_behind_the_last_event_it_saw(world: World) -> None:
    world.handler = sing
    job = world.ask("POST", "/endpoints/admin/hello/submit").json["id"]
    whole = world.ask("GET", f"/jobs/{job}/events")
    rest = world.ask("GET", f"/jobs/{job}/events", headers={"last-event-id": "3"})
    assert [number for _, number in names(whole) if number] == ["1", "2", "3", "4", "5"]
    assert [number for _, number in names(rest) if number] == ["4", "5"]
    assert names(rest)[-1] == ("end", None)


def test_a_job_that_has_ended_is_told_from_its_start_to_its_end_once(world: World) -> None:
    job = world.ask("POST", "/endpoints/admin/hello/submit").json["id"]
    assert names(world.ask("GET", f"/jobs/{job}/events")) == [("job", None), ("end", None)]


@pytest.mark.parametrize("last", ["x", "-1", "9" * 40])
def test_a_last_event_id_that_is_none_is_refused(world: World, last: str) -> None:
    job = world.ask("POST", "/endpoints/admin/hello/submit").json["id"]
    assert world.ask("GET", f"/jobs/{job}/events", headers={"last-event-id": last}).code == "bad_request"


def test_events_of_a_job_that_one_may_not_see_are_not_found_before_anything_is_streamed(world: World) -> None:
    job = world.ask("POST", "/endpoints/admin/hello/submit").json["id"]
    world.account("ann")
    answer = world.ask("GET", f"/jobs/{job}/events", token=world.token("ann"))
    assert (answer.status, answer.code) == (404, "not_found")


def hang_up_after(world: World, path: str, ready: Callable[[bytes], bool], method: str = "GET") -> Answer:
    """Reads until ``ready`` says so, then leaves."""

    async def scenario() -> Answer:
        gone = asyncio.Event()
        return await world.client.ask(
            method,
            f"/api/v1{path}",
            token=world.admin_token,
            gone=gone,
            on_body=lambda body: gone.set() if ready(body) else None,
        )

    answer: Answer = world.run(scenario())
    return answer


def test_a_reader_that_leaves_ends_the_stream_and_not_the_job(world: World) -> None:
    def first_piece(worker: Worker, order: AttemptOrder) -> None:
        worker.world.dispatcher.attempts.piece(worker.ref(order), "application/json", b"1")

    world.handler = first_piece
    answer = hang_up_after(world, "/endpoints/admin/hello/stream", lambda body: b"event: piece" in body, "POST")
    assert answer.more[-1] != b""  # it was left, not ended
    assert world.ask("GET", f"/jobs/{answer.headers['trivet-job-id']}").json["status"] == "running"
    assert not world.notifier._topics  # nobody listens any more


def test_silence_is_broken_by_pings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.platform.services.jobs.PING", 0.001)
    world.handler = lambda worker, order: None
    answer = hang_up_after(world, "/endpoints/admin/hello/stream", lambda body: body == b": ping\n\n", "POST")
    assert b": ping\n\n" in answer.body


def test_the_log_of_an_endpoint_is_read_and_followed(world: World) -> None:
    _, version = world.offer("admin/loud", slots=0)

    async def start() -> None:
        worker_id = world.workers.start(version)
        world.workers.wrote(worker_id, "loading")
        world.workers.wrote(worker_id, "ready\r\nto go")

    world.run(start())
    log = world.ask("GET", "/endpoints/admin/loud/logs").json
    assert [line["text"] for line in log["items"]] == ["loading", "ready\r\nto go"]
    followed = hang_up_after(world, "/endpoints/admin/loud/logs?follow=true", lambda body: b"id: 2" in body)
    assert names(followed) == [("log", "1"), ("log", "2")]
    assert world.ask("GET", "/endpoints/admin/loud/logs?follow=perhaps").code == "bad_request"


def test_following_the_log_of_an_endpoint_that_is_deleted_comes_to_an_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.platform.services.logs.PING", 0.001)
    world.offer("admin/loud", slots=0)

    async def scenario() -> Answer:
        asked: dict[str, Any] = {"token": world.admin_token}
        path = "/api/v1/endpoints/admin/loud"
        following = asyncio.ensure_future(world.client.ask("GET", f"{path}/logs?follow=true", **asked))
        await asyncio.sleep(0)
        assert (await world.client.ask("DELETE", path, **asked)).status == 204
        return await following

    assert world.run(scenario()).more[-1] == b""


def test_a_head_of_a_stream_is_answered_without_reading_the_stream(world: World) -> None:
    world.handler = lambda worker, order: None
    job = world.ask("POST", "/endpoints/admin/hello/submit").json["id"]
    answer = world.ask("HEAD", f"/jobs/{job}/events")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/event-stream", b"")


def test_a_fault_in_the_middle_of_a_stream_breaks_it_off_and_goes_to_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*given: object) -> AsyncIterator[None]:
        yield None
        raise ZeroDivisionError("a secret of the platform")

    monkeypatch.setattr(world.jobs, "events", broken)
    answer = world.ask("POST", "/endpoints/admin/hello/stream")
    assert [name for name, _ in names(answer)] == ["job"]
    assert answer.more[-1] == b": ping\n\n"  # no end: the reader sees a broken connection, and comes back
    assert b"secret" not in answer.body
    assert "a secret of the platform" in caplog.text
