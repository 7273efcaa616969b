"""Calls: what goes in, what comes out, and what a call is told that comes to nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.wire.algorithmia.fakes import AlgorithmiaWorld, fails, gives, hold, trouble
from tests.wire.fakes import Client, Worker
from trivet.platform.core.jobs import JobError
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.dialects.algorithmia.app import AlgorithmiaSettings, create_app
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.wire.documents import LOOSE_JSON
from trivet.platform.wire.schemas import compile_schema

KINDS = {"text/plain", "application/text", "application/json", "application/octet-stream"}


@pytest.fixture
def world() -> AlgorithmiaWorld:
    return AlgorithmiaWorld()


@pytest.mark.parametrize(
    ("sent", "body", "kind", "result"),
    [
        ("text/plain", "Bönd".encode(), "text", "Bönd"),
        ("text/plain; charset=utf-8", b"", "text", ""),
        ("text/plain; charset=iso-8859-1", b"\xe4", "text", "ä"),
        ("application/text", b"Bond", "text", "Bond"),
        ("application/json", b'"Bond"', "text", "Bond"),
        ("application/json; charset=utf-8", b' {"a": [1, null]}', "json", {"a": [1, None]}),
        ("application/json", b"null", "json", None),
        ("application/octet-stream", b"\x00\xff", "binary", base64.b64encode(b"\x00\xff").decode()),
    ],
)
def test_what_goes_in_comes_out_as_the_same_kind(
    world: AlgorithmiaWorld, sent: str, body: bytes, kind: str, result: Any
) -> None:
    answer = world.pipe("admin/hello", body, sent)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json
    assert list(document) == ["result", "metadata"]
    assert document["result"] == result
    assert document["metadata"]["content_type"] == kind
    assert isinstance(document["metadata"]["duration"], float)
    assert document["metadata"]["request_id"].startswith("job_")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("sent", ["image/png", "multipart/form-data; boundary=x", "application/xml", "nonsense", None])
def test_another_content_type_is_refused(world: AlgorithmiaWorld, sent: str | None) -> None:
    error = trouble(world.pipe("admin/hello", b"x", sent))
    assert error["error_type"] == "SystemError"
    assert "unsupported Content-Type" in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":}', b"NaNo", b"'x'", b"[" * 5000 + b"NaN" + b"]" * 5000])
def test_broken_json_is_refused(world: AlgorithmiaWorld, body: bytes) -> None:
    error = trouble(world.pipe("admin/hello", body, "application/json"))
    assert (error["error_type"], error["code"]) == ("SystemError", 2013)


def test_a_bare_nan_passes_both_ways(world: AlgorithmiaWorld) -> None:
    answer = world.pipe("admin/hello", b'{"a": NaN, "b": -Infinity}', "application/json")
    assert answer.status == 200
    world.handler = gives(b'{"a": NaN}')
    answer = world.pipe("admin/hello", b'"NaN"', "application/json")
    assert b'"result":{"a": NaN}' in answer.body
    assert answer.json["metadata"]["content_type"] == "json"


MUCH = b'"' + b"x" * 70_000 + b'"'


@pytest.mark.parametrize(
    ("body", "kind", "asked"),
    [
        (b'{"a": NaN, "b": %b}' % MUCH, LOOSE_JSON, True),
        (b'["NaN", %b]' % MUCH, JSON, True),
        (MUCH, JSON, False),
        (b'{"a": NaN}', LOOSE_JSON, False),
    ],
    ids=["a bare NaN", "a text about NaN", "no NaN", "little"],
)
def test_whether_much_holds_a_bare_nan_is_told_by_whoever_checks_large_inputs(
    world: AlgorithmiaWorld, body: bytes, kind: str, asked: bool
) -> None:
    questions: list[tuple[dict[str, Any] | None, Payload]] = []

    async def check(schema: dict[str, Any] | None, payload: Payload) -> None:
        questions.append((schema, payload))
        compile_schema(schema)(payload)

    kinds: list[str] = []

    def handler(worker: Worker, order: AttemptOrder) -> None:
        kinds.append(order.content_type)
        worker.give(order, b"1")

    world.handler = handler
    world.caller = Client(create_app(replace(world.spoken_for, check_large=check), AlgorithmiaSettings()))
    assert world.pipe("admin/hello", body, "application/json").json["result"] == 1
    assert kinds == [kind]
    assert questions == ([(None, Payload.inline(body, LOOSE_JSON))] if asked else [])


def test_much_that_is_no_json_at_all_is_refused_as_little_is(world: AlgorithmiaWorld) -> None:
    async def check(schema: dict[str, Any] | None, payload: Payload) -> None:
        compile_schema(schema)(payload)

    world.caller = Client(create_app(replace(world.spoken_for, check_large=check), AlgorithmiaSettings()))
    error = trouble(world.pipe("admin/hello", b"[NaN, " + MUCH, "application/json"))
    assert (error["error_type"], error["code"]) == ("SystemError", 2013)


@pytest.mark.parametrize(
    "reference",
    [
        "admin/hello",
        "admin/hello/",
        "admin/hello/latest",
        "admin/hello/latestPrivate",
        "admin/hello/1.0.0",
        "admin/hello/1.0.*",
        "admin/hello/1.0",
        "admin/hello/1.*",
        "admin/hello/1",
        "admin/hello/1.0.x",
        "{hash}",
        "{id}",
        "{uuid}",
        "{uuid}/1.0.*",
    ],
)
def test_every_reference_to_a_version_is_understood(world: AlgorithmiaWorld, reference: str) -> None:
    endpoint, version = next((e, world.endpoints.versions_of(e.id)[0]) for e in world.endpoints.all())
    assert len(version.hash) == 64
    filled = reference.format(hash=f"admin/hello/{version.hash[:40]}", id=endpoint.id, uuid=uuid_of(endpoint.id))
    assert world.pipe(filled).json["result"] == "x"


def test_an_unknown_algorithm_is_told_in_the_guides_words(world: AlgorithmiaWorld) -> None:
    answer = world.pipe("util/whoopsWrongAlgo")
    assert trouble(answer)["message"] == "algorithm algo://util/whoopsWrongAlgo not found"
    assert answer.json["metadata"]["duration"] == 0.0


@pytest.mark.parametrize("path", ["a/b/c/d", "", "%ff/x", "x" * 400, "a/" + "x" * 400])
def test_a_path_that_can_be_no_algorithms_is_an_error_of_the_same_shape(world: AlgorithmiaWorld, path: str) -> None:
    assert trouble(world.pipe(path))["message"]


def test_who_may_call_learns_which_versions_there_are_and_a_stranger_does_not(world: AlgorithmiaWorld) -> None:
    world.account("ben")
    assert "1.0.0" in trouble(world.pipe("admin/hello/9.9"))["message"]
    stranger = trouble(world.pipe("admin/hello/9.9", token=world.token("ben")))
    missing = trouble(world.pipe("admin/other/9.9", token=world.token("ben")))
    assert (
        stranger["message"].replace("hello", "other")
        == missing["message"]
        == "algorithm algo://admin/other/9.9 not found"
    )


@pytest.mark.parametrize("version", ["latestPrivate", "0" * 40])
def test_versions_for_members_are_not_there_for_others(world: AlgorithmiaWorld, version: str) -> None:
    world.account("ben")
    world.share("admin/hello")
    assert world.pipe("admin/hello", token=world.token("ben")).json["result"] == "x"
    error = trouble(world.pipe(f"admin/hello/{version}", token=world.token("ben")))
    assert error["message"] == f"algorithm algo://admin/hello/{version} not found"


@pytest.mark.parametrize("credential", ["{}", "Simple {}", "simple {}", "Bearer {}", "bearer {}", "Basic {basic}"])
def test_a_key_may_come_in_every_way_that_clients_send_it(world: AlgorithmiaWorld, credential: str) -> None:
    basic = base64.b64encode(f"anybody:{world.admin_token}".encode()).decode()
    filled = credential.format(world.admin_token, basic=basic)
    assert world.pipe("admin/hello", token=None, headers={"authorization": filled}).json["result"] == "x"


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}])
def test_without_a_key_a_call_is_told_so(world: AlgorithmiaWorld, headers: dict[str, str]) -> None:
    assert trouble(world.pipe("admin/hello", token=None, headers=headers))["message"] == "authorization required"


def test_a_key_that_does_not_count_is_told_so(world: AlgorithmiaWorld) -> None:
    assert trouble(world.pipe("admin/hello", token="simnothing"))["code"] == 2002


def test_a_key_that_may_not_call_is_told_so(world: AlgorithmiaWorld) -> None:
    assert "scope" in trouble(world.pipe("admin/hello", token=world.token("admin", "read")))["message"]


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (JobError("handler_error", "bad value", "ValueError"), "AlgorithmError", "bad value"),
        (JobError("handler_error", "bad value", "Algorithmia.errors.InputError"), "InputError", "bad value"),
        (JobError("handler_error", "bad value", None), "AlgorithmError", "bad value"),
        (JobError("handler_error", "no model", "LoadingError"), "LoadingError", "no model"),
        (JobError("invalid_input", "The input does not fit."), "InputError", "The input does not fit."),
        (JobError("unserializable_output", "No JSON.", hint="Mend it."), "AlgorithmError", "No JSON. Mend it."),
    ],
)
def test_a_failure_is_an_object_with_a_type_of_the_vocabulary(
    world: AlgorithmiaWorld, error: JobError, kind: str, text: str
) -> None:
    world.handler = fails(error)
    answer = world.pipe("admin/hello")
    told = trouble(answer)
    assert (told["error_type"], told["message"]) == (kind, text)
    assert answer.json["metadata"]["request_id"].startswith("job_")


def test_where_it_failed_is_told_to_those_alone_who_may_read_the_source(world: AlgorithmiaWorld) -> None:
    world.account("ben")
    world.share("admin/hello")
    world.handler = fails(JobError("handler_error", "bad", "ValueError", "Traceback: secret.py"))
    assert trouble(world.pipe("admin/hello"))["stacktrace"] == "Traceback: secret.py"
    assert "stacktrace" not in trouble(world.pipe("admin/hello", token=world.token("ben")))


# -- options


@pytest.mark.parametrize("query", ["timeout=300&stdout=False", "timeout=60", "other=1&output=default", "output="])
def test_what_set_options_sends_is_understood_and_the_rest_passed_over(world: AlgorithmiaWorld, query: str) -> None:
    assert world.pipe(f"admin/hello?{query}").json["result"] == "x"


@pytest.mark.parametrize("query", ["timeout=0", "timeout=-1", "timeout=3001", "timeout=x", "timeout=nan", "output=odd"])
def test_an_option_that_cannot_be_is_told(world: AlgorithmiaWorld, query: str) -> None:
    assert query.partition("=")[0] in trouble(world.pipe(f"admin/hello?{query}"))["message"]


@pytest.mark.parametrize(("query", "limit"), [("", 300.0), ("?timeout=7", 7.0)])
def test_the_time_limit_counts_from_the_call(world: AlgorithmiaWorld, query: str, limit: float) -> None:
    answer = world.pipe(f"admin/hello{query}")
    job = world.dispatcher.open_jobs.job(answer.json["metadata"]["request_id"])
    assert job is not None
    assert job.policy.ttl == limit


@pytest.mark.parametrize(
    ("data", "content_type", "sent", "kind"),
    [
        ('"Hällo"'.encode(), "application/json", "Hällo".encode(), "text/plain; charset=utf-8"),
        (b'{"a":1}', "application/json", b'{"a":1}', "application/json"),
        (b'"half a pair: \\ud800"', "application/json", b"half a pair: ?", "text/plain; charset=utf-8"),
        (b"\x00\xff", "image/png", b"\x00\xff", "image/png"),
        (b"\xe4", "text/plain; charset=iso-8859-1", "ä".encode(), "text/plain; charset=utf-8"),
    ],
)
def test_raw_is_the_bare_result_with_a_charset(
    world: AlgorithmiaWorld, data: bytes, content_type: str, sent: bytes, kind: str
) -> None:
    world.handler = gives(data, content_type)
    answer = world.pipe("admin/hello?output=raw")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, sent, kind)


def test_raw_never_shows_an_error_as_a_result(world: AlgorithmiaWorld) -> None:
    world.handler = fails(JobError("handler_error", "bad value", "ValueError"))
    for answer, text in (
        (world.pipe("admin/hello?output=raw"), b"bad value"),
        (world.pipe("a/b?output=raw"), b"algorithm algo://a/b not found"),
        (world.pipe("admin/hello?output=raw", token=None), b"authorization required"),
    ):
        assert (answer.status, answer.body, answer.headers["content-type"]) == (400, text, "text/plain; charset=utf-8")


def test_void_answers_at_once_and_the_job_goes_on(world: AlgorithmiaWorld) -> None:
    world.handler = hold
    document = world.pipe("admin/hello?output=void").json
    assert document["async"] == "void"
    job = world.dispatcher.open_jobs.job(document["request_id"])
    assert job is not None
    assert not job.is_final


def test_what_was_printed_is_told_to_those_who_may_read_the_source(world: AlgorithmiaWorld) -> None:
    def printing(worker: Worker, order: AttemptOrder) -> None:
        worker.world.dispatcher.attempts.log(worker.ref(order), "stdout", b"one\n")
        worker.world.dispatcher.attempts.log(worker.ref(order), "stderr", b"two\n")
        worker.give(order, b"1")

    world.account("ben")
    world.share("admin/hello")
    world.handler = printing
    for said in ("True", "true"):
        assert world.pipe(f"admin/hello?stdout={said}").json["metadata"]["stdout"] == "one\ntwo\n"
    for answer in (
        world.pipe("admin/hello"),
        world.pipe("admin/hello?stdout=False"),
        world.pipe("admin/hello?stdout=True", token=world.token("ben")),
    ):
        assert (answer.json["result"], "stdout" in answer.json["metadata"]) == (1, False)


def test_of_megabytes_the_last_one_is_told(world: AlgorithmiaWorld) -> None:
    def printing(worker: Worker, order: AttemptOrder) -> None:
        for number in range(1500):
            worker.world.dispatcher.attempts.log(worker.ref(order), "stdout", b"%04d" % number + b"." * 995 + b"\n")
        worker.give(order, b"1")

    world.handler = printing
    stdout = world.pipe("admin/hello?stdout=true").json["metadata"]["stdout"]
    assert stdout.startswith("… (the beginning was left out)\n")
    assert stdout.endswith("1499" + "." * 995 + "\n")
    assert 1024 * 1024 - 1000 < len(stdout) < 1024 * 1024 + 100


# -- limits


def test_an_input_over_the_limit_is_read_to_its_end_and_refused() -> None:
    world = AlgorithmiaWorld(max_input=100)
    error = trouble(world.pipe("admin/hello", b"x" * 101))
    assert error["error_type"] == "TooLargeError"
    pieces = [b"x" * 60] * 3
    answer = world.call("POST", "/algo/admin/hello", body=pieces, headers={"content-type": "text/plain"})
    assert trouble(answer)["error_type"] == "TooLargeError"
    assert world.pipe("admin/hello", b"x" * 100).json["result"] == "x" * 100


def test_a_result_over_the_limit_is_not_passed_on() -> None:
    world = AlgorithmiaWorld(max_output=100)
    world.handler = gives(b'"%b"' % (b"x" * 99))
    assert trouble(world.pipe("admin/hello"))["error_type"] == "TooLargeError"
    assert world.pipe("admin/hello?output=raw").status == 400


def test_calls_over_the_limit_in_flight_are_sent_away_with_a_time_to_come_back() -> None:
    world = AlgorithmiaWorld(concurrent=2)
    world.handler = hold
    world.account("ben")
    world.share("admin/hello")
    for _ in range(2):
        assert world.pipe("admin/hello?output=void").status == 200
    answer = world.pipe("admin/hello")
    assert trouble(answer, 429)["error_type"] == "SystemError"
    assert int(answer.headers["retry-after"]) >= 1
    assert world.pipe("admin/hello?output=raw").status == 429
    assert world.pipe("admin/hello?output=void", token=world.token("ben")).status == 200


def test_an_account_with_a_limit_of_its_own_keeps_that_one() -> None:
    world = AlgorithmiaWorld(concurrent=1)
    world.handler = hold
    world.limit("admin", 3)
    token = world.token("admin")
    for _ in range(3):
        assert world.pipe("admin/hello?output=void", token=token).status == 200
    assert world.pipe("admin/hello", token=token).status == 429


def test_strict_statuses_say_why_a_call_was_refused_and_leave_algorithms_alone() -> None:
    world = AlgorithmiaWorld(strict=True, max_input=10)
    assert world.pipe("a/b").status == 404
    assert world.pipe("admin/hello", token=None).status == 401
    assert world.pipe("admin/hello", token="nonsense").status == 401
    assert world.pipe("admin/hello", token=world.token("admin", "read")).status == 403
    assert world.pipe("admin/hello", b"x" * 11).status == 413
    assert world.pipe("admin/hello", b"{", "application/json").status == 400
    world.handler = fails(JobError("handler_error", "bad value", "ValueError"))
    assert world.pipe("admin/hello").status == 200


def test_no_success_has_an_error_in_it_and_no_failure_a_result(world: AlgorithmiaWorld) -> None:
    world.handler = gives(json.dumps({"error": "mine"}).encode())
    assert "error" not in world.pipe("admin/hello").json


def test_a_call_that_the_platform_stops_amid_is_told_its_number_as_it_goes_on(world: AlgorithmiaWorld) -> None:
    def stops(worker: Worker, order: AttemptOrder) -> None:
        asyncio.get_running_loop().call_later(0.02, world.notifier.close)

    world.handler = stops
    answer = world.pipe("admin/hello")
    assert "goes on" in trouble(answer, 503)["message"]
    assert answer.json["metadata"]["request_id"].startswith("job_")
    assert answer.headers["retry-after"]
