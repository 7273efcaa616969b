"""Every request as a value, and answers read without a network."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from trivet.sdk import _answers
from trivet.sdk._archive import Archive
from trivet.sdk._decode import ShapeError, decode, encode
from trivet.sdk._http import Request, Response, base_url, origin
from trivet.sdk._payloads import Body
from trivet.sdk._requests import calls, deployments, endpoints, jobs, people
from trivet.sdk.errors import ConfigurationError, InvalidRequestError, UnexpectedAnswerError
from trivet.sdk.models import EndpointInfo, JobStatus, JobView, KeyInfo, NewKey, Scaling, StatusChange

NAME = "admin/hello"
BODY = Body(b"1", "application/json")


@pytest.mark.parametrize(
    ("request_", "line", "body"),
    [
        (calls.run(NAME, BODY, {}, wait=2.5), "POST /endpoints/admin/hello/run?wait=2.500", None),
        (
            calls.run("abc", BODY, {"version": "^1.2"}, wait=50.0),
            "POST /endpoints/abc/run?version=%5E1.2&wait=50",
            None,
        ),
        (calls.submit(7, BODY, {"ttl": 3.0}), "POST /endpoints/7/submit?ttl=3", None),
        (
            calls.submit(7, BODY, {"priority": "low", "retry_on": ("handler_error", "OSError"), "max_attempts": 5}),
            "POST /endpoints/7/submit?priority=low&max_attempts=5&retry_on=handler_error%2COSError",
            None,
        ),
        (jobs.job_replay("job_1", BODY, key="k", version="1"), "POST /jobs/job_1/replay?version=1", 1),
        (jobs.jobs(dead_letters=True), "GET /jobs?dead_letters=true&limit=100", None),
        (calls.stream(NAME, BODY, {"job_timeout": 9.0}), "POST /endpoints/admin/hello/stream?timeout=9", None),
        (jobs.job("job_1"), "GET /jobs/job_1", None),
        (jobs.job("job_1", wait=50.0), "GET /jobs/job_1?wait=50", None),
        (jobs.job_result("job_1", wait=0.0), "GET /jobs/job_1/result?wait=0", None),
        (jobs.job_events("job_1"), "GET /jobs/job_1/events", None),
        (jobs.job_cancel("job_1"), "POST /jobs/job_1/cancel", None),
        (jobs.jobs(status="failed"), "GET /jobs?status=failed&limit=100", None),
        (endpoints.endpoints(cursor="a b"), "GET /endpoints?limit=100&cursor=a%20b", None),
        (endpoints.endpoint_update(NAME, {"workers": [0, 3]}), "PATCH /endpoints/admin/hello", {"workers": [0, 3]}),
        (endpoints.endpoint_delete(NAME), "DELETE /endpoints/admin/hello", None),
        (endpoints.endpoint_version(NAME, "1.0.0"), "GET /endpoints/admin/hello/versions/1.0.0", None),
        (endpoints.build_log(NAME, "1.0.0"), "GET /endpoints/admin/hello/versions/1.0.0/log", None),
        (endpoints.endpoint_rollback(NAME, None), "POST /endpoints/admin/hello/rollback", {"to": None}),
        (endpoints.endpoint_purge(NAME), "POST /endpoints/admin/hello/purge", None),
        (endpoints.workers(None), "GET /workers", None),
        (endpoints.workers(NAME), "GET /endpoints/admin/hello/workers", None),
        (deployments.deployment("dep_1", wait=1.0), "GET /deployments/dep_1?wait=1", None),
        (people.account_create("ann"), "POST /accounts", {"name": "ann"}),
        (people.account_update("ann", disabled=True), "PATCH /accounts/ann", {"disabled": True}),
        (
            people.account_update("ann", rate="9/s", concurrent=0),
            "PATCH /accounts/ann",
            {"rate": "9/s", "concurrent": 0},
        ),
        (people.account_update("ann", concurrent="none"), "PATCH /accounts/ann", {"concurrent": None}),
        (people.key_limit("k1", rate="none"), "PATCH /keys/k1", {"rate": None}),
        (people.key_create(rate="9/s", concurrent=0), "POST /keys", {"label": "", "rate": "9/s", "concurrent": 0}),
        (people.keys(account="ann"), "GET /keys?account=ann", None),
        (people.key_create(label="ci"), "POST /keys", {"label": "ci"}),
        (
            people.key_create(label="", scopes=("call",), never_expires=True, account="ann"),
            "POST /keys",
            {"label": "", "scopes": ["call"], "never_expires": True, "account": "ann"},
        ),
        (people.key_rotate("k1", overlap_hours=1.0), "POST /keys/k1/rotate", {"overlap_hours": 1.0}),
        (people.key_revoke("k1"), "DELETE /keys/k1", None),
        (people.member_put("team", "ann", "admin"), "PUT /orgs/team/members/ann", {"role": "admin"}),
        (people.member_delete("team", "ann"), "DELETE /orgs/team/members/ann", None),
        (people.secret_put("TOKEN", "x"), "PUT /secrets/TOKEN", {"value": "x"}),
        (people.secret_put("TOKEN", "x", "science"), "PUT /secrets/TOKEN?owner=science", {"value": "x"}),
        (people.secret_delete("A B"), "DELETE /secrets/A%20B", None),
    ],
)
def test_requests_say_what_the_api_says(request_: Request, line: str, body: Any) -> None:
    assert f"{request_.method} {request_.path}" == line.replace(" /", " /api/v1/", 1)
    if body is not None:
        assert json.loads(request_.body or b"") == body
        assert ("Content-Type", "application/json") in request_.headers


@pytest.mark.parametrize("options", [{"max_attempt": 1}, {"timeout": 5.0}, {"wait": 1.0, "version": "1"}])
@pytest.mark.parametrize("call", [calls.submit, calls.stream])
def test_an_option_that_a_call_does_not_have_is_refused_with_those_it_has(call: Any, options: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"no option {next(iter(options))}.*; it takes affinity, .*job_timeout, max_attempts"
    ):
        call(NAME, BODY, options)


def test_an_option_that_is_misspelt_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(TypeError, match=r"no option max_attempt \(did you mean 'max_attempts'\?\), zzz; it takes"):
        calls.submit(NAME, BODY, {"max_attempt": 1, "zzz": 1})  # type: ignore[typeddict-unknown-key]  # that is the point


@pytest.mark.parametrize("retry_on", [ConnectionError, [ConnectionError], ["OSError", 1]])
def test_what_is_tried_again_is_named_by_texts(retry_on: Any) -> None:
    with pytest.raises(TypeError, match="retry_on takes texts such as 'ConnectionError', not "):
        calls.submit(NAME, BODY, {"retry_on": retry_on})


@pytest.mark.parametrize("name", ["idempotency_key", "affinity"])
def test_what_names_a_call_is_a_text(name: str) -> None:
    options: Any = {name: 5}
    with pytest.raises(TypeError, match=f"{name} takes a text such as {name}='5', not 5"):
        calls.submit(NAME, BODY, options)


def test_a_deployment_carries_what_is_given() -> None:
    archive = Archive("hello.py", b"packed")
    request = deployments.deploy(archive, name=NAME, endpoint_id="abc", model_id=3, workers=(0, 2))
    assert request.path == ("/api/v1/deployments?filename=hello.py&name=admin%2Fhello&id=abc&model_id=3&workers=0%2C2")
    assert (request.body, dict(request.headers)["Content-Type"]) == (b"packed", "application/gzip")


def test_variables_go_before_the_archive_and_not_into_the_url() -> None:
    archive = Archive("hello.py", b"archive")
    request = deployments.deploy(archive, env={"KEY": "hush"}, secrets=["A", "B"])
    assert request.path == "/api/v1/deployments?filename=hello.py&env_bytes=15&secrets=A%2CB"
    assert request.body == b'{"KEY": "hush"}archive'
    assert "hush" not in repr(request)


def test_to_give_nothing_is_something_else_than_to_say_nothing() -> None:
    archive = Archive("hello.py", b"archive")
    for given in ({"env": {}}, {"secrets": []}, {"env": {}, "secrets": ()}):
        request = deployments.deploy(archive, **given)  # type: ignore[arg-type]  # each is one of the two
        assert (request.path[-12:], request.body) == ("&env_bytes=2", b"{}archive")
    assert deployments.deploy(archive).body == b"archive"


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_name_never_climbs_out_of_its_path(text: str) -> None:
    for build in (jobs.job, people.account, people.key_revoke, people.secret_delete):
        with pytest.raises(InvalidRequestError):
            build(text)


def test_a_slash_in_a_name_stays_inside_its_segment() -> None:
    assert people.account("a/b").path == "/api/v1/accounts/a%2Fb"
    assert jobs.job("x?wait=1#y").path == "/api/v1/jobs/x%3Fwait%3D1%23y"


# -- base URLs


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:8300/", "http://127.0.0.1:8300"),
        (" https://trivet.example/base/ ", "https://trivet.example/base"),
        ("http://host:8300/api/v1", "http://host:8300"),
        ("http://[::1]:8300", "http://[::1]:8300"),
    ],
)
def test_base_urls_are_tidied(given: str, expected: str) -> None:
    assert base_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "",
        "trivet",
        "localhost:8300",
        "ftp://x",
        "http://",
        "http://a:b@c",
        "http://x?y=1",
        "http://x:99999",
        "http://[::",
    ],
)
def test_what_is_no_base_url_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError):
        base_url(given)


def test_origins_compare_as_servers_do() -> None:
    assert origin("http://localhost:8300") == origin("http://127.0.0.1:8300/x") == origin("http://[::1]:8300")
    assert origin("https://a") == origin("https://A:443")
    assert len({origin(url) for url in ("http://a", "https://a", "http://b", "http://a:81")}) == 4


# -- answers


def test_a_document_becomes_a_value_and_the_value_a_document_again() -> None:
    document = {
        "id": "abc",
        "name": NAME,
        "model_id": 7,
        "shared_with": ["team"],
        "scaling": {"min": 0, "max": 3, "idle_timeout": 60, "policy": "queue_delay", "target": 4.0},
        "workers": {"idle": 1},
        "created_at": "2026-11-21T08:00:00.125Z",
        "from_the_future": True,
        "description": None,
    }
    info = decode(EndpointInfo, document)
    assert info.created_at == datetime(2026, 11, 21, 8, 0, 0, 125000, tzinfo=UTC)
    assert info.scaling == Scaling(0, 3, 60.0, "queue_delay", 4.0)
    assert info.shared_with == ("team",)
    again = info.to_dict()
    assert again["created_at"] == "2026-11-21T08:00:00.125Z"
    assert again["shared_with"] == ["team"]
    assert again["scaling"]["idle_timeout"] == 60.0
    assert json.loads(json.dumps(again)) == again


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"id": "j"},
        {"id": 1, "status": "queued"},
        {"id": "j", "status": "sleeping"},
        {"id": "j", "status": "queued", "attempts": "two"},
        {"id": "j", "status": "queued", "attempts": True},
        {"id": "j", "status": "queued", "created_at": "yesterday"},
        {"id": "j", "status": "queued", "progress": 3},
        {"id": "j", "status": "queued", "queued_ms": "1"},
    ],
)
def test_documents_of_another_shape_are_refused(document: Any) -> None:
    with pytest.raises(ShapeError):
        decode(JobView, document)


def test_null_and_absent_say_the_same_where_there_is_a_default() -> None:
    assert decode(KeyInfo, {"id": "k", "scopes": None, "state": None}) == KeyInfo("k")
    assert encode(decode(JobView, {"id": "j", "status": "queued", "progress": None}))["progress"] is None


def test_what_a_request_and_an_answer_carry_stays_out_of_their_reprs() -> None:
    request = Request("GET", "/x", (("authorization", "hidden"),), b"hidden", chunks=["hidden"])
    assert repr(request) == str(request) == "Request('GET', '/x')"
    assert repr(Response(200, {"set-cookie": "hidden"}, b"hidden")) == "Response(200, 6 bytes)"


def test_values_are_frozen_and_keys_stay_out_of_reprs() -> None:
    key = NewKey("k1", "trv_k1_secret")
    assert "secret" not in repr(key)
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.id = "other"  # type: ignore[misc]


@pytest.mark.parametrize("status", ["succeeded", "queued", "running"])
def test_a_job_without_fault_has_no_error(status: str) -> None:
    assert _answers.job_error(JobView("j", JobStatus(status))) is None


@pytest.mark.parametrize(
    ("status", "code"), [("failed", "job_failed"), ("cancelled", "job_cancelled"), ("timed_out", "job_timed_out")]
)
def test_a_job_that_ended_badly_has_one(status: str, code: str) -> None:
    error = _answers.job_error(JobView("j", JobStatus(status)))
    assert error is not None
    assert (error.code, error.job_id) == (code, "j")


def test_a_listing_that_is_none_is_refused() -> None:
    for body in (b"[]", b"{}", b'{"items": 3}', b'{"items": [1]}'):
        with pytest.raises(UnexpectedAnswerError):
            _answers.page(KeyInfo, Response(200, {"content-type": "application/json"}, body))


def test_the_last_event_is_marked() -> None:
    from trivet.sdk._events import ServerEvent

    data = json.dumps({"id": "j", "status": "succeeded"})
    assert _answers.event(ServerEvent("end", data)) == StatusChange(JobView("j", JobStatus.SUCCEEDED), last=True)
    assert _answers.event(ServerEvent("later", "?")) is None
    with pytest.raises(UnexpectedAnswerError):
        _answers.event(ServerEvent("piece", "{"))
