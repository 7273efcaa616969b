"""Webhooks over the native API: named with a call, listed, looked at, sent again; and their secrets."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from tests.wire.fakes import Answer, World
from trivet.platform.core import webhooks as rules
from trivet.platform.core.webhooks import WebhookAnswer
from trivet.webhooks import verify

URL = "https://hooks.example/x?token=t"


@pytest.fixture
def world() -> World:
    world = World()
    world.offer()
    return world


def call(world: World, verb: str = "run", url: str = URL, body: bytes = b'{"a":1}') -> Answer:
    """A call, and all that comes of it."""
    path = f"/endpoints/admin/hello/{verb}?webhook={quote(url, safe='')}"
    return told(world, path, body, len(world.egress.sent) + 1)


def told(world: World, path: str, body: bytes, count: int) -> Answer:
    async def scene() -> Answer:
        answer = await world.client.ask("POST", f"/api/v1{path}", body=body, token=world.admin_token)
        if answer.status < 400:
            await world.egress.until(count)
            for _ in range(50):  # until the attempt is recorded
                await asyncio.sleep(0)
        return answer

    found: Answer = world.run(scene())
    return found


def job_of(answer: Answer) -> str:
    return answer.headers["trivet-job-id"]


@pytest.mark.parametrize("verb", ["run", "submit", "stream"])
def test_each_kind_of_call_may_name_a_webhook(world: World, verb: str) -> None:
    job_id = job_of(call(world, verb))
    (sent,) = world.egress.sent
    assert sent.url == URL
    assert json.loads(sent.body)["data"]["id"] == job_id
    delivery = world.ask("GET", f"/jobs/{job_id}/webhook").json
    assert (delivery["status"], delivery["url"], delivery["job_id"]) == ("delivered", URL, job_id)
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [200]


def test_a_receiver_can_verify_what_it_gets_with_the_module_for_receivers(world: World) -> None:
    call(world)
    secret = world.ask("GET", "/webhooks/secret").json["secret"]
    (sent,) = world.egress.sent
    message = verify(sent.body, sent.headers, secret, now=world.now)
    assert message["type"] == "job.succeeded"
    assert message["data"]["output"] == {"a": 1}
    assert message["result"] == f"/api/v1/jobs/{message['data']['id']}/result"


def test_a_large_output_is_left_to_be_fetched(world: World) -> None:
    call(world, body=b'"' + b"x" * 70_000 + b'"')
    message = json.loads(world.egress.sent[0].body)
    assert "output" not in message["data"]
    assert message["data"]["output_size"] == 70_002
    assert world.ask("GET", message["result"].removeprefix("/api/v1")).status == 200


@pytest.mark.parametrize("verb", ["run", "submit", "stream"])
def test_a_url_that_can_t_be_told_is_refused_and_nothing_is_called(world: World, verb: str) -> None:
    answer = call(world, verb, "http://private.example/")
    assert (answer.status, answer.code) == (400, "bad_request")
    assert world.ask("GET", "/jobs").json["items"] == []


def test_deliveries_are_listed_in_pages_and_by_status(world: World) -> None:
    ids = []
    for answer in (WebhookAnswer(410), WebhookAnswer(503, body=b"busy"), WebhookAnswer(200)):
        world.egress.answers = [answer]
        world.now += 1
        ids.append(job_of(call(world)))
    first = world.ask("GET", "/webhooks?limit=2").json
    assert [item["job_id"] for item in first["items"]] == [ids[2], ids[1]]
    second = world.ask("GET", f"/webhooks?limit=2&cursor={first['next']}").json
    assert ([item["job_id"] for item in second["items"]], second["next"]) == ([ids[0]], None)
    assert "attempts" not in first["items"][0]
    failed = world.ask("GET", "/webhooks?status=failed,pending").json["items"]
    assert [item["status"] for item in failed] == ["pending", "failed"]
    assert world.ask("GET", "/webhooks?status=lost").code == "bad_request"


def test_a_message_is_sent_again_on_request(world: World) -> None:
    world.egress.answers = [WebhookAnswer(410), WebhookAnswer(200)]
    job_id = job_of(call(world))
    answer = told(world, f"/jobs/{job_id}/webhook/redeliver", b"", 2)
    assert (answer.status, answer.json["status"]) == (202, "pending")
    delivery = world.ask("GET", f"/jobs/{job_id}/webhook").json
    assert (delivery["status"], delivery["attempt_count"]) == ("delivered", 2)


def test_a_job_without_a_webhook_says_so(world: World) -> None:
    job_id = job_of(world.ask("POST", "/endpoints/admin/hello/run", body=b"1"))
    answer = world.ask("GET", f"/jobs/{job_id}/webhook")
    assert (answer.status, answer.code) == (404, "not_found")
    assert "without a webhook" in answer.json["detail"]


def test_a_rotated_secret_leaves_the_old_one_counting_for_a_day(world: World) -> None:
    old = world.ask("GET", "/webhooks/secret").json
    assert (old["secret"].startswith(rules.SECRET_PREFIX), old["previous_until"]) == (True, None)
    new = world.ask("POST", "/webhooks/secret/rotate").json
    assert new["previous_until"] is not None
    call(world)
    (sent,) = world.egress.sent
    for secret in (old["secret"], new["secret"]):
        assert verify(sent.body, sent.headers, secret, now=world.now)


def test_each_account_has_a_secret_of_its_own(world: World) -> None:
    world.account("ann")
    own = world.ask("GET", "/webhooks/secret", token=world.token("ann")).json["secret"]
    assert own != world.ask("GET", "/webhooks/secret").json["secret"]
