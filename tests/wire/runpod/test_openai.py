"""OpenAI's paths below an endpoint: what a worker is given, what a caller gets, and who gets nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.wire.fakes import Answer, Handler, Worker
from tests.wire.runpod.fakes import MAX_RUNSYNC, RunPodWorld, fails, hold
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.services import jobs as jobs_service

CHAT = "/v1/chat/completions"
STREAM = {"model": "m", "stream": True}


@pytest.fixture
def world() -> RunPodWorld:
    return RunPodWorld()


def ask(world: RunPodWorld, given: Any = None, route: str = CHAT, **request: Any) -> Answer:
    """One call with a body, with the administrator's key where nothing else is said."""
    if isinstance(given, bytes | tuple):
        request["body"] = given
    else:
        request["json_body"] = {"model": "m"} if given is None else given
    return world.call(
        request.pop("method", "POST"), f"/{request.pop('endpoint', world.hello)}/openai{route}", **request
    )


def fault(answer: Answer) -> dict[str, Any]:
    """An error in OpenAI's shape; asserts that it is one."""
    assert answer.status >= 400
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["error"]
    error: dict[str, Any] = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"]
    return error


def gives(data: bytes, content_type: str = "application/json") -> Handler:
    return lambda worker, order: worker.give(order, data, content_type)


def streams(*pieces: Any, then: JobError | None = None) -> Handler:
    """A generator: bytes are pieces as they are, anything else is written as JSON."""

    def handler(worker: Worker, order: AttemptOrder) -> None:
        dispatcher, ref = worker.world.dispatcher, worker.ref(order)
        for piece in pieces:
            data = piece if isinstance(piece, bytes) else json.dumps(piece).encode()
            dispatcher.attempts.piece(ref, "application/json", data)
        if then is not None:
            dispatcher.attempts.fail(ref, then)
        else:
            worker.give(order, b"[]", pieces=len(pieces))

    return handler


def status_of(world: RunPodWorld, answer: Answer) -> str:
    """What has become of the job behind an answer."""
    return str(world.look(answer.headers["x-request-id"])["status"])


# -- what a worker is given ---------------------------------------------------------------------------------------------


def test_a_worker_is_given_the_route_and_the_body_byte_for_byte(world: RunPodWorld) -> None:
    answer = ask(world, b'{ "model" : "m", "temperature": 1.50 }')
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == (
        b'{"openai_route":"/v1/chat/completions","openai_input":{ "model" : "m", "temperature": 1.50 }}'
    )


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/v1/models?limit=1", "/v1/models"),
        ("/v1/models/org%2Fmodel", "/v1/models/org/model"),
        ("/v1/models/%22%00", '/v1/models/"\0'),
    ],
)
def test_a_path_is_passed_on_decoded_and_without_its_query(world: RunPodWorld, path: str, route: str) -> None:
    answer = ask(world, b"", path, method="GET")
    assert answer.json == {"openai_route": route, "openai_input": {}}


def test_a_call_is_an_ordinary_job(world: RunPodWorld) -> None:
    answer = ask(world)
    job = world.look(answer.headers["x-request-id"])
    assert (job["status"], job["output"]) == ("COMPLETED", answer.json)
    listed = world.call("GET", f"/{world.hello}/requests").json["requests"]
    assert [document["id"] for document in listed] == [job["id"]]


# -- an answer at once --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "answer"), [(b'[{ "a" : 1.50 }]', b'{ "a" : 1.50 }'), (b'{"a":1}', b'{"a":1}'), (b"[1,2]", b"[1,2]")]
)
def test_the_answer_is_the_only_element_of_a_list_or_else_the_output(
    world: RunPodWorld, output: bytes, answer: bytes
) -> None:
    world.handler = gives(output)
    assert ask(world).body == answer


def test_a_generator_that_keeps_no_list_is_answered_by_its_only_piece(world: RunPodWorld) -> None:
    world.handler = streams(b'{ "a" : 1.50 }')
    answer = ask(world)
    assert (answer.status, answer.body) == (200, b'{ "a" : 1.50 }')
    world.handler = streams(1, 2)
    assert ask(world).body == b"[]"


def test_a_large_answer_is_read_from_where_it_lies(world: RunPodWorld) -> None:
    text = json.dumps("x" * 500_000).encode()
    world.handler = gives(b"[" + text + b"]")
    assert ask(world).body == text


def test_bytes_are_answered_as_what_they_are_and_run_in_no_browser(world: RunPodWorld) -> None:
    world.handler = gives(b"\xff\xfb", "audio/mpeg")
    answer = ask(world, route="/v1/audio/speech")
    assert (answer.body, answer.headers["content-type"]) == (b"\xff\xfb", "audio/mpeg")
    assert "sandbox" in answer.headers["content-security-policy"]


# -- streams ------------------------------------------------------------------------------------------------------------


def test_texts_are_passed_on_wherever_the_worker_has_cut_them(world: RunPodWorld) -> None:
    world.handler = streams('data: {"a', '":1}\n', '\ndata: {"b":"ä"}\n\ndata: [DO', "NE]\n\n")
    answer = ask(world, STREAM)
    assert answer.body.decode() == 'data: {"a":1}\n\ndata: {"b":"ä"}\n\ndata: [DONE]\n\n'
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-store"


def test_objects_become_frames_and_the_end_is_marked(world: RunPodWorld) -> None:
    world.handler = streams({"a": 1}, [{"b": 2}, {"c": 3}])
    assert ask(world, STREAM).body == b'data: {"a": 1}\n\ndata: {"b": 2}\n\ndata: {"c": 3}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("output", "stream"),
    [
        (b'{"a":1}', b'data: {"a":1}\n\ndata: [DONE]\n\n'),
        (b'"data: x\\n\\n"', b"data: x\n\n"),
        (b"[]", b"data: [DONE]\n\n"),
    ],
)
def test_a_handler_that_is_no_generator_streams_its_output(world: RunPodWorld, output: bytes, stream: bytes) -> None:
    world.handler = gives(output)
    assert ask(world, STREAM).body == stream


def test_a_stream_begins_with_its_first_piece_and_not_with_its_end(world: RunPodWorld) -> None:
    first = asyncio.Event()

    def handler(worker: Worker, order: AttemptOrder) -> None:
        async def sing() -> None:
            worker.world.dispatcher.attempts.piece(worker.ref(order), "application/json", b'"la"')
            worker.world.dispatcher.tick()
            await asyncio.wait_for(first.wait(), 5)
            worker.give(order, b"[]", pieces=1)

        world.tasks.run(sing())

    world.handler = handler
    answer = ask(world, STREAM, on_body=lambda body: first.set() if body == b"la" else None)
    assert answer.body == b"la"


def test_a_stream_that_waits_says_so_in_comments(world: RunPodWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_service, "PING", 0.01)
    answer = leave(world, STREAM, when=lambda body: body.startswith(b":"), handler=hold)
    assert answer.status == 200
    assert set(answer.more) == {b": ping\n\n"}


def test_no_comment_falls_into_a_frame(world: RunPodWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_service, "PING", 0.01)

    def handler(worker: Worker, order: AttemptOrder) -> None:
        async def sing() -> None:
            for piece in (b'"data: {"', b'"}\\n\\n"'):
                worker.world.dispatcher.attempts.piece(worker.ref(order), "application/json", piece)
                worker.world.dispatcher.tick()
                await asyncio.sleep(0.1)
            worker.give(order, b"[]", pieces=2)

        world.tasks.run(sing())

    world.handler = handler
    body = ask(world, STREAM).body
    assert b"data: {}\n\n" in body
    assert body.replace(b": ping\n\n", b"") == b"data: {}\n\n"


def test_a_worker_that_prints_and_streams_nothing_leaves_no_stream_silent(
    world: RunPodWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.platform.dialects.runpod.openai.QUIET", 0.02)

    def handler(worker: Worker, order: AttemptOrder) -> None:
        async def chatter() -> None:
            for _ in range(10):
                await asyncio.sleep(0.01)
                worker.world.dispatcher.attempts.log(worker.ref(order), "stdout", b"still here\n")
                worker.world.dispatcher.tick()
            worker.give(order, b"[]")

        world.tasks.run(chatter())

    world.handler = handler
    assert b": ping\n\n" in ask(world, STREAM).body


# -- callers who leave --------------------------------------------------------------------------------------------------


def leave(
    world: RunPodWorld, body: Any, *, handler: Handler, when: Callable[[bytes], bool] = lambda _: False
) -> Answer:
    """Calls, and hangs up: when a part of the answer says so, or as soon as the worker has the job."""
    gone = asyncio.Event()

    def takes(worker: Worker, order: AttemptOrder) -> None:
        handler(worker, order)
        if body is not STREAM:
            gone.set()

    world.handler = takes
    return ask(world, body, gone=gone, on_body=lambda part: gone.set() if when(part) else None)


def the_job(world: RunPodWorld) -> dict[str, Any]:
    (job,) = world.call("GET", f"/{world.hello}/requests").json["requests"]
    return world.look(job["id"])


def test_a_caller_who_leaves_takes_its_job_along(world: RunPodWorld) -> None:
    assert leave(world, {"model": "m"}, handler=hold).status == 0
    assert the_job(world)["status"] == "CANCELLED"


def test_a_reader_who_leaves_a_stream_takes_its_job_along(world: RunPodWorld) -> None:
    def one_piece(worker: Worker, order: AttemptOrder) -> None:
        worker.world.dispatcher.attempts.piece(worker.ref(order), "application/json", b'"la"')
        worker.world.dispatcher.tick()

    answer = leave(world, STREAM, handler=one_piece, when=lambda body: body == b"la")
    assert answer.body == b"la"
    assert the_job(world)["status"] == "CANCELLED"


def test_a_caller_who_leaves_a_queue_is_in_it_no_more(world: RunPodWorld) -> None:
    endpoint, _ = world.offer("admin/nobody", slots=0)

    async def scenario() -> None:
        gone = asyncio.Event()
        path = f"/runpod/v2/{endpoint.id}/openai{CHAT}"
        call = world.caller.ask("POST", path, token=world.admin_token, json_body={}, gone=gone)
        calling = asyncio.ensure_future(call)
        while not world.jobs.counts(endpoint.id)["queued"]:  # type: ignore[index]  # a status is its text
            await asyncio.sleep(0)
        gone.set()
        await asyncio.wait_for(calling, 5)
        assert not world.jobs.counts(endpoint.id)["queued"]  # type: ignore[index]  # as above

    world.run(scenario())


@pytest.mark.parametrize("body", [{}, STREAM])
def test_a_platform_that_shuts_down_says_so_and_runs_on_for_nobody(world: RunPodWorld, body: Any) -> None:
    workers: list[Worker] = []

    def stops(worker: Worker, order: AttemptOrder) -> None:
        workers.append(worker)
        asyncio.get_running_loop().call_later(0.02, world.notifier.close)

    world.handler = stops
    answer = ask(world, body)
    assert answer.status == 503
    assert fault(answer)["code"] == "unavailable"
    assert answer.headers["retry-after"]
    assert [worker.cancels for worker in workers] == [[1]]


# -- jobs that fail -----------------------------------------------------------------------------------------------------

UPSTREAM = "{'message': 'The model `x` does not exist.', 'type': 'NotFoundError', 'param': None, 'code': 404}"


@pytest.mark.parametrize("body", [{}, STREAM])
def test_an_error_of_the_worker_in_openais_shape_keeps_its_status(world: RunPodWorld, body: Any) -> None:
    world.handler = fails(JobError("handler_error", UPSTREAM))
    answer = ask(world, body)
    assert answer.status == 404
    assert fault(answer)["message"] == "The model `x` does not exist."
    assert (fault(answer)["type"], fault(answer)["code"]) == ("NotFoundError", 404)
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("body", [{}, STREAM])
def test_an_exception_is_a_500_that_says_where_to_look_and_shows_no_traceback(world: RunPodWorld, body: Any) -> None:
    world.handler = fails(JobError("handler_error", "no good", "ValueError", 'File "secret.py"'))
    answer = ask(world, body)
    error = fault(answer)
    assert (answer.status, error["type"], error["code"]) == (500, "worker_error", None)
    assert error["message"].startswith("ValueError: no good The job failed")
    assert f"trivet jobs logs {answer.headers['x-request-id']}" in error["message"]
    assert "secret.py" not in answer.body.decode()
    assert status_of(world, answer) == "FAILED"


def test_an_error_behind_the_first_piece_is_the_last_frame(world: RunPodWorld) -> None:
    world.handler = streams("data: {}\n\n", "data: {", then=JobError("handler_error", UPSTREAM))
    answer = ask(world, STREAM)
    assert answer.status == 200
    before, error = answer.body.decode().split("\n\ndata: {\n\n")
    assert before == "data: {}"
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == 404
    assert error.endswith("}\n\n")


def test_a_worker_that_is_busy_may_be_called_again(world: RunPodWorld) -> None:
    world.handler = fails(JobError("handler_error", "{'message': 'busy', 'type': 'overloaded', 'code': 429}"))
    answer = ask(world)
    assert (answer.status, fault(answer)["message"]) == (429, "busy")
    assert "x-should-retry" not in answer.headers


def test_a_job_that_somebody_cancels_is_told_as_that(world: RunPodWorld) -> None:
    def cancelled(worker: Worker, order: AttemptOrder) -> None:
        world.dispatcher.stops.cancel(order.job_id)

    world.handler = cancelled
    answer = ask(world)
    assert (answer.status, fault(answer)["code"]) == (409, "job_cancelled")
    assert answer.headers["x-should-retry"] == "false"


def test_whatever_breaks_inside_is_told_by_a_number_before_and_behind_the_first_piece(
    world: RunPodWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr(world.jobs, "explain", broken)
    world.handler = fails(JobError("handler_error", "no"))
    answer = ask(world)
    assert (answer.status, fault(answer)["code"]) == (500, "internal")
    world.handler = streams("data: {}\n\n", then=JobError("handler_error", "no"))
    stream = ask(world, STREAM)
    assert stream.body.count(b"incident") == 1
    assert stream.body.endswith(b"}\n\n")
    assert b"secret words" not in answer.body + stream.body
    assert "secret words" in caplog.text


# -- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "trv_0123456789ab_wrong", "nonsense"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_key_that_counts_nobody_gets_further(world: RunPodWorld, token: str | None, method: str) -> None:
    answer = ask(world, token=token, method=method)
    assert (answer.status, fault(answer)["code"]) == (401, "unauthenticated")
    assert fault(answer)["type"] == "authentication_error"


def test_a_key_may_come_without_a_word_before_it(world: RunPodWorld) -> None:
    assert ask(world, token=None, headers={"authorization": str(world.admin_token)}).status == 200


@pytest.mark.parametrize("body", [{}, STREAM])
def test_a_stranger_cannot_tell_somebody_elses_endpoint_from_one_that_is_not_there(
    world: RunPodWorld, body: Any
) -> None:
    world.account("ben")
    ben = world.token("ben")
    hidden, missing = ask(world, body, token=ben), ask(world, body, token=ben, endpoint="nothinghere")
    assert hidden.status == missing.status == 404
    assert fault(hidden)["message"].replace(world.hello, "…") == fault(missing)["message"].replace("nothinghere", "…")
    assert fault(hidden)["type"] == fault(missing)["type"] == "not_found_error"


def test_a_key_that_may_only_read_may_not_call_and_one_that_may_only_call_may(world: RunPodWorld) -> None:
    ann = world.account("ann")
    song, _ = world.offer("ann/song", owner=ann)
    answer = ask(world, endpoint=song.id, token=world.token("ann", "read"))
    assert (answer.status, fault(answer)["type"]) == (403, "permission_error")
    for body in ({}, STREAM):
        assert ask(world, body, endpoint="ann~song", token=world.token("ann", "call")).status == 200


def test_one_who_calls_too_often_is_told_when_to_come_back(world: RunPodWorld) -> None:
    token = world.ask("POST", "/keys", json_body={"rate": "1/min"}).json["key"]
    first, second = ask(world, token=token), ask(world, STREAM, token=token)
    assert first.status == 200
    assert first.headers["ratelimit"]
    assert (second.status, fault(second)["type"]) == (429, "rate_limit_error")
    assert int(second.headers["retry-after"]) > 0


def test_a_body_over_the_limit_is_refused_before_it_is_read(world: RunPodWorld) -> None:
    large = b'{"x":"' + b"x" * MAX_RUNSYNC + b'"}'
    for body in (large, (large[:100], large[100:])):
        answer = ask(world, body)
        assert (answer.status, fault(answer)["code"]) == (413, "too_large")
        assert f"{MAX_RUNSYNC:,}" in fault(answer)["message"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"model=m", b'{"x":"\xff"}', b"[" * 500, b'{"stream":"yes"}'])
def test_a_body_that_is_no_call_is_refused_and_nothing_is_queued(world: RunPodWorld, body: bytes) -> None:
    answer = ask(world, body)
    assert (answer.status, fault(answer)["type"]) == (400, "invalid_request_error")
    assert world.call("GET", f"/{world.hello}/requests").json["requests"] == []


def test_a_number_that_no_worker_can_read_is_refused_and_nothing_is_queued(world: RunPodWorld) -> None:
    answer = ask(world, b'{"seed":%b}' % (b"9" * 4301))
    assert (answer.status, fault(answer)["code"]) == (400, "bad_request")
    assert "4300 digits" in fault(answer)["message"]
    assert world.call("GET", f"/{world.hello}/requests").json["requests"] == []
    assert ask(world, b'{"seed":"%b"}' % (b"9" * 4301)).status == 200


def test_an_input_that_misses_the_endpoints_schema_is_a_bad_request(world: RunPodWorld) -> None:
    schema = {"type": "object", "required": ["prompt"]}
    strict, _ = world.offer("admin/strict", schema=schema)
    answer = ask(world, endpoint=strict.id)
    assert (answer.status, fault(answer)["code"]) == (400, "invalid_input")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_a_method_that_no_worker_could_tell_apart_is_not_allowed(world: RunPodWorld, method: str) -> None:
    answer = ask(world, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS, POST")
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert method in fault(answer)["message"]


def test_the_methods_can_be_asked_for(world: RunPodWorld) -> None:
    answer = ask(world, method="OPTIONS", token=None)
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, OPTIONS, POST", b"")


def test_the_base_url_itself_is_nothing_and_says_so(world: RunPodWorld) -> None:
    answer = ask(world, route="")
    assert answer.status == 404
    assert "/openai/v1" in fault(answer)["message"]
