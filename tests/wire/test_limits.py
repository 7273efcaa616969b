"""Limits of keys and accounts over HTTP: set, shown, refused with 429, and told in `RateLimit` headers."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.wire.fakes import Answer, Worker, World, events_of
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.runtime import AttemptOrder

RUN = "/endpoints/admin/hello/run"
SUBMIT = "/endpoints/admin/hello/submit"
POLICIES = re.compile(r'"[a-z-]+";q=\d+(;w=\d+|;qu="concurrent-requests")(, "[a-z-]+";q=\d+(;w=\d+|;qu="[a-z-]+"))*')
LIMITS = re.compile(r'"[a-z-]+";r=\d+(;t=\d+)?(, "[a-z-]+";r=\d+(;t=\d+)?)*')


@pytest.fixture
def world() -> World:
    made = World()
    made.offer()
    return made


def key(world: World, **fields: Any) -> str:
    made = world.ask("POST", "/keys", json_body=fields)
    assert made.status == 201
    return str(made.json["key"])


def told(answer: Answer) -> tuple[str, str]:
    policies, limits = answer.headers["ratelimit-policy"], answer.headers["ratelimit"]
    assert POLICIES.fullmatch(policies)
    assert LIMITS.fullmatch(limits)
    return policies, limits


def silent(worker: Worker, order: AttemptOrder) -> None:
    """Takes the job, and is never heard of again."""


def test_who_has_no_limits_is_told_of_none(world: World) -> None:
    for answer in (world.ask("POST", RUN, body=b"1"), world.ask("POST", SUBMIT, body=b"1")):
        assert answer.status in (200, 202)
        assert not {"ratelimit", "ratelimit-policy", "retry-after"} & set(answer.headers)


def test_every_answer_to_a_call_tells_what_is_left_and_looks_cost_nothing(world: World) -> None:
    token = key(world, rate="3/min", concurrent=5)
    ran = world.ask("POST", RUN, body=b"1", token=token)
    assert (ran.status, ran.body) == (200, b"1")
    assert told(ran) == ('"key";q=3;w=60, "key-jobs";q=5;qu="concurrent-requests"', '"key";r=2;t=20, "key-jobs";r=5')
    for path in (f"/jobs/{ran.headers['trivet-job-id']}", "/jobs", "/me"):
        looked = world.ask("GET", path, token=token)
        assert looked.status == 200
        assert "ratelimit" not in looked.headers
    submitted = world.ask("POST", SUBMIT, body=b"1", token=token)
    assert submitted.status == 202
    assert told(submitted)[1].startswith('"key";r=1;t=40')
    again = world.ask("POST", f"/jobs/{ran.headers['trivet-job-id']}/replay", token=token)
    assert again.status == 202
    assert told(again)[1].startswith('"key";r=0;t=20')


def test_a_stream_counts_and_tells_as_well(world: World) -> None:
    token = key(world, rate="1/h")
    streamed = world.ask("POST", "/endpoints/admin/hello/stream", body=b"1", token=token)
    assert events_of(streamed.body)[-1][0] == "end"
    assert told(streamed) == ('"key";q=1;w=3600', '"key";r=0;t=3600')
    assert world.ask("POST", "/endpoints/admin/hello/stream", body=b"1", token=token).code == "rate_limited"


def test_a_job_that_failed_is_told_with_what_is_left(world: World) -> None:
    def fails(worker: Worker, order: AttemptOrder) -> None:
        world.dispatcher.attempts.fail(worker.ref(order), JobError("handler_error", "no such song", "KeyError"))

    world.handler = fails
    failed = world.ask("POST", RUN, body=b"1", token=key(world, rate="3/min"))
    assert failed.code == "job_failed"
    assert told(failed)[1] == '"key";r=2;t=20'


@pytest.mark.parametrize("path", [RUN, SUBMIT, "/endpoints/admin/hello/stream"])
def test_who_calls_too_often_is_told_when_to_come_back_and_nothing_is_queued(world: World, path: str) -> None:
    token = key(world, rate="2/min")
    for _ in range(2):
        assert world.ask("POST", path, body=b"1", token=token).status in (200, 202)
    before = len(world.ask("GET", "/jobs").json["items"])
    refused = world.ask("POST", path, body=b"1", token=token)
    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "30"
    assert told(refused) == ('"key";q=2;w=60', '"key";r=0;t=30')
    assert "2 calls a minute" in refused.json["detail"]
    assert "Come back in 30 s" in refused.json["hint"]
    assert len(world.ask("GET", "/jobs").json["items"]) == before
    world.now += 30
    assert world.ask("POST", path, body=b"1", token=token).status in (200, 202)


def test_open_jobs_are_limited_until_they_end(world: World) -> None:
    token = key(world, concurrent=2)
    world.handler = silent

    async def calls() -> list[Answer]:
        first = [await world.client.ask("POST", f"/api/v1{SUBMIT}", body=b"1", token=token) for _ in range(3)]
        job_id = first[0].json["id"]
        cancelled = await world.client.ask("POST", f"/api/v1/jobs/{job_id}/cancel", token=token)
        return [*first, cancelled, await world.client.ask("POST", f"/api/v1{SUBMIT}", body=b"1", token=token)]

    first, second, refused, cancelled, after = world.run(calls())
    assert (first.status, second.status, cancelled.json["cancelled"], after.status) == (202, 202, True, 202)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "too_many_open_jobs", "1")
    assert told(refused) == ('"key-jobs";q=2;qu="concurrent-requests"', '"key-jobs";r=0')
    assert told(after)[1] == '"key-jobs";r=0'


def test_calls_that_come_at_once_do_not_pass_each_other(world: World) -> None:
    token = key(world, concurrent=3)
    world.handler = silent

    async def calls() -> list[Answer]:
        ask = world.client.ask
        return await asyncio.gather(*(ask("POST", f"/api/v1{SUBMIT}", body=b"1", token=token) for _ in range(20)))

    assert sorted(answer.status for answer in world.run(calls())) == [202] * 3 + [429] * 17


def test_all_keys_of_an_account_share_what_an_administrator_allows_it(world: World) -> None:
    ann = world.account("ann")
    world.offer("admin/open")
    assert world.ask("PATCH", "/endpoints/admin/open", json_body={"visibility": "public"}).status == 200
    limited = world.ask("PATCH", "/accounts/ann", json_body={"rate": "2/min", "concurrent": 9})
    assert (limited.json["rate"], limited.json["concurrent"]) == ("2/min", 9)
    tokens = [world.token("ann"), world.token("ann", "call")]
    answers = [world.ask("POST", "/endpoints/admin/open/run", body=b"1", token=token) for token in (*tokens, tokens[0])]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert told(answers[2])[1] == '"account";r=0;t=30, "account-jobs";r=9'
    assert "'ann'" in answers[2].json["detail"]
    assert ann.limits == ()
    assert world.ask("POST", "/endpoints/admin/open/run", body=b"1").status == 200


def test_an_input_that_does_not_fit_holds_no_place(world: World) -> None:
    world.offer("admin/strict", schema={"type": "integer"})
    token = key(world, concurrent=1)
    for _ in range(3):
        assert world.ask("POST", "/endpoints/admin/strict/run", body=b'"x"', token=token).code == "invalid_input"
    assert world.ask("POST", "/endpoints/admin/strict/run", body=b"1", token=token).status == 200


def test_a_disk_that_is_full_holds_no_place(world: World) -> None:
    token = key(world, concurrent=1)
    assert world.ask("GET", "/me", token=token).status == 200  # from now on the key is known without the disk
    world.store.out_of_space = True
    for _ in range(3):
        assert world.ask("POST", SUBMIT, body=b"1", token=token).code == "storage_full"
    world.store.out_of_space = False
    assert world.ask("POST", SUBMIT, body=b"1", token=token).status == 202


def test_submitting_again_under_the_same_idempotency_key_costs_nothing(world: World) -> None:
    token, name = key(world, rate="1/h", concurrent=1), {"idempotency-key": "song-1"}
    first = world.ask("POST", SUBMIT, body=b"1", token=token, headers=name)
    again = world.ask("POST", SUBMIT, body=b"1", token=token, headers=name)
    assert (first.status, again.status, again.json["id"]) == (202, 202, first.json["id"])
    assert world.ask("POST", SUBMIT, body=b"1", token=token).code == "rate_limited"


def test_limits_are_shown_changed_and_taken_away(world: World) -> None:
    made = world.ask("POST", "/keys", json_body={"rate": "100/min", "concurrent": 10}).json
    assert (made["rate"], made["concurrent"]) == ("100/min", 10)
    path = f"/keys/{made['id']}"
    changed = world.ask("PATCH", path, json_body={"rate": None})
    assert (changed.status, changed.json["rate"], changed.json["concurrent"]) == (200, None, 10)
    changed = world.ask("PATCH", path, json_body={"rate": "5/10s", "concurrent": None})
    listed = next(item for item in world.ask("GET", "/keys").json["items"] if item["id"] == made["id"])
    assert changed.json == listed
    assert (listed["rate"], listed["concurrent"], listed["account"]) == ("5/10s", None, "admin")
    assert world.ask("GET", "/me", token=made["key"]).json["key"]["rate"] == "5/10s"


@pytest.mark.parametrize(
    "fields",
    [{"rate": "often"}, {"rate": 5}, {"concurrent": -1}, {"concurrent": 1.5}, {"concurrent": "5"}, {"burst": 5}],
)
def test_limits_that_can_not_be_are_refused(world: World, fields: dict[str, Any]) -> None:
    key_id = world.ask("GET", "/keys").json["items"][0]["id"]
    for method, path in (("POST", "/keys"), ("PATCH", f"/keys/{key_id}"), ("PATCH", "/accounts/admin")):
        assert world.ask(method, path, json_body=fields).code == "bad_request"


def test_a_limit_of_zero_lets_nobody_call_but_looks_and_management_go_on(world: World) -> None:
    token = key(world, concurrent=0)
    refused = world.ask("POST", RUN, body=b"1", token=token)
    assert (refused.code, refused.headers["retry-after"]) == ("too_many_open_jobs", "3600")
    assert "may not call at all" in refused.json["detail"]
    assert world.ask("GET", "/endpoints", token=token).status == 200
