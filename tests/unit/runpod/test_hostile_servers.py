"""What answers is not always in good health, nor always what it should be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.runpod.conftest import BASE
from tests.unit.sdk.floods import FLOODS
from tests.unit.sdk.server import Exchange, Server, serving
from trivet import runpod
from trivet.runpod import error
from trivet.runpod._async import calls as asynchronous
from trivet.runpod._sync import calls as synchronous
from trivet.sdk._retry import Backoff

HTML = b"<html><title>Welcome</title></html>"
RUN = f"{BASE}/e/run"
STATUS = f"{BASE}/e/status/j"


@pytest.fixture(autouse=True, params=["loopback", "library"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything twice: over the short way to a server on this machine, and over the way to any other."""
    if request.param == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)
    monkeypatch.setattr("trivet.sdk._sync.channel.Backoff", lambda retries: Backoff(retries=retries, base=0.01))
    monkeypatch.setattr(synchronous, "_TIMEOUT", 2.0)
    monkeypatch.setattr(asynchronous, "_TIMEOUT", 2.0)


def page(exchange: Exchange) -> None:
    exchange.answer(200, HTML, Content_Type="text/html")


def half(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Type", "application/json")
    exchange.handler.send_header("Content-Length", "100")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b'{"id": ')
    exchange.drop()


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(status, body, **headers)


def job() -> runpod.Job:
    return runpod.Job("e", "j", runpod.endpoint.RunPodClient())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (page, "Welcome"),
        (answering(200), "empty"),
        (answering(200, b"[]", Content_Type="application/json"), "none of this API"),
        (answering(200, b'{"id": 7}', Content_Type="application/json"), "none of this API"),
        (answering(200, b"[" * 100_000, Content_Type="application/json"), "none of this API"),
    ],
)
def test_what_is_no_answer_is_named_as_such(here: Server, answer: Any, what: str) -> None:
    here.on("POST", RUN, answer)
    with pytest.raises(error.AnswerError, match=what) as caught:
        runpod.Endpoint("e").run({"a": 1})
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, OSError)  # requests' own error for it is both
    here.on("GET", STATUS, answer)
    with pytest.raises(error.AnswerError):
        job().status()


def test_half_an_answer_to_a_call_is_told_and_not_asked_for_again(here: Server) -> None:
    here.on("POST", RUN, half)
    with pytest.raises(ConnectionError, match="not known"):
        runpod.Endpoint("e").run({"a": 1})
    assert len(here.seen) == 1


def test_half_an_answer_to_a_question_is_asked_for_again(here: Server) -> None:
    here.on("GET", STATUS, half, Exchange.drop, lambda exchange: exchange.json({"status": "IN_QUEUE"}))
    assert job().status() == "IN_QUEUE"
    assert len(here.seen) == 3


def test_a_key_follows_no_redirect(here: Server) -> None:
    with serving() as other:
        for status in (301, 302, 303, 307, 308):
            here.on("POST", RUN, answering(status, Location=f"{other.url}{RUN}"))
            here.on("GET", STATUS, answering(status, Location=f"{other.url}{STATUS}"))
            here.on("POST", f"{BASE}/graphql", answering(status, Location=f"{other.url}/graphql"))
            for ask in (lambda: runpod.Endpoint("e").run({}), lambda: job().status(), runpod.get_user):
                with pytest.raises(error.HTTPError, match=other.url) as caught:
                    ask()
                assert caught.value.code == "redirected"
        assert other.seen == []


def test_429_with_retry_after_is_waited_for(here: Server) -> None:
    here.on("POST", RUN, answering(429, b"{}", Retry_After="0.01"), lambda exchange: exchange.json({"id": "j"}))
    assert runpod.Endpoint("e").run({}).job_id == "j"
    assert len(here.seen) == 2


def test_429_without_retry_after_is_told_to_whoever_calls(here: Server) -> None:
    here.on("POST", RUN, answering(429, b'{"error": "too many"}', Content_Type="application/json"))
    with pytest.raises(error.HTTPError, match="429: too many") as caught:
        runpod.Endpoint("e").run({})
    assert caught.value.status == 429
    assert len(here.seen) == 1


def test_5xx_is_repeated_for_a_question_and_not_for_a_call(here: Server) -> None:
    here.on("GET", STATUS, answering(502, HTML), lambda exchange: exchange.json({"status": "COMPLETED", "output": 1}))
    assert job().output() == 1
    for status in (500, 502, 503):
        here.on("POST", RUN, answering(status, HTML, Content_Type="text/html"))
        with pytest.raises(error.HTTPError, match=str(status)):
            runpod.Endpoint("e").run({})
    assert len(here.seen) == 5


def test_a_bad_key_is_a_runtime_error_and_graphqls_own(here: Server) -> None:
    for method, path, ask in (
        ("POST", RUN, lambda: runpod.Endpoint("e").run({})),
        ("GET", STATUS, lambda: job().status()),
        ("POST", f"{BASE}/graphql", runpod.get_user),
    ):
        here.on(method, path, answering(401, HTML))
        with pytest.raises(error.AuthenticationError, match="401") as caught:
            ask()
        assert isinstance(caught.value, RuntimeError)
        assert "runpod.api_key" in caught.value.hint


def test_silence_ends_with_the_callers_patience(here: Server) -> None:
    here.on("GET", f"{BASE}/e/health", Exchange.hold)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="in time"):
        runpod.Endpoint("e").health(timeout=0.1)
    assert time.monotonic() - began < 20


def test_nobody_there_is_a_connection_error(monkeypatch: pytest.MonkeyPatch, here: Server) -> None:
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError) as caught:
        runpod.Endpoint("e").run({})
    assert isinstance(caught.value, error.ConnectionFailed)
    assert "endpoint_url_base" in caught.value.hint


def test_graphql_that_answers_with_a_page_is_named_as_such(here: Server) -> None:
    here.on("POST", f"{BASE}/graphql", page)
    with pytest.raises(error.AnswerError, match="Welcome"):
        runpod.get_gpus()
    here.on("POST", f"{BASE}/graphql", answering(400, HTML))
    with pytest.raises(error.HTTPError, match="400"):
        runpod.create_template("n", "i")
    here.on("POST", f"{BASE}/graphql", lambda exchange: exchange.json({"data": {"myself": None}}))
    with pytest.raises(error.AnswerError):
        runpod.get_endpoints()


@pytest.mark.parametrize("errors", [[{"message": "no"}], {"message": "no"}, "no", ["no"]])
def test_what_graphql_refuses_comes_with_its_query(here: Server, errors: Any) -> None:
    here.on("POST", f"{BASE}/graphql", lambda exchange: exchange.json({"errors": errors, "data": None}))
    with pytest.raises(error.QueryError, match="no") as caught:
        runpod.create_template("a name", "image")
    assert "a name" in str(caught.value.query)


def test_no_errors_are_no_error(here: Server) -> None:
    for errors in ([], None):
        document = {"errors": errors, "data": {"gpuTypes": []}}
        here.on("POST", f"{BASE}/graphql", lambda exchange, document=document: exchange.json(document))  # type: ignore[misc]
        assert runpod.get_gpus() == []
    with pytest.raises(ValueError, match="no GPU"):
        runpod.get_gpu("x")


def test_the_other_half_meets_the_same_servers(here: Server) -> None:
    async def ask() -> None:
        endpoint = runpod.AsyncioEndpoint("e", object())
        here.on("POST", RUN, page)
        with pytest.raises(error.AnswerError, match="Welcome"):
            await endpoint.run(1)
        here.on("POST", RUN, answering(401))
        with pytest.raises(RuntimeError, match="401"):
            await endpoint.run(1)
        here.on("POST", RUN, half)
        with pytest.raises(ConnectionError):
            await endpoint.run(1)
        here.on("POST", RUN, lambda exchange: exchange.json({"id": "j"}))
        here.on("GET", STATUS, lambda exchange: exchange.json({"status": "IN_PROGRESS"}))
        waiting = await endpoint.run({"input": 1})
        assert here.seen[-1].body == b'{"input":{"input":1}}'  # always wrapped, as the original does
        with pytest.raises(TimeoutError):
            await waiting.output()
        here.on("GET", STATUS, lambda exchange: exchange.json({"status": "COMPLETED"}))
        assert await waiting.output() is None
        asked = len(here.seen)
        assert await waiting.status() == "COMPLETED"
        assert len(here.seen) == asked  # what is final is known for good

    asyncio.run(ask())


def test_what_can_not_be_sent_is_refused_here(here: Server) -> None:
    endpoint = runpod.Endpoint("e")
    for given in ({"a": {1}}, {"a": float("nan")}, {"a": "\ud800"}, [1], "text"):
        with pytest.raises(error.InputError):
            endpoint.run(given)  # type: ignore[arg-type]
    assert here.seen == []


def test_ids_can_not_leave_their_place_in_the_path(here: Server) -> None:
    here.on("GET", f"{BASE}/a%3Fb%23c/status/..%2F..%2Fx%3Fy", lambda exchange: exchange.json({"status": "IN_QUEUE"}))
    assert runpod.Job("a?b#c", "../../x?y", runpod.endpoint.RunPodClient()).status() == "IN_QUEUE"  # type: ignore[attr-defined]


def test_the_body_of_a_call_is_wrapped_by_the_originals_rule(here: Server) -> None:
    here.on("POST", RUN, lambda exchange: exchange.json({"id": "j"}))
    endpoint = runpod.Endpoint("e")
    for given, sent in (
        ({"prompt": "é"}, '{"input":{"prompt":"é"}}'),
        ({"input": {"a": 1}, "webhook": "w"}, '{"input":{"a":1},"webhook":"w"}'),
        ({"input": {}}, '{"input":{"input":{}}}'),
        ({}, '{"input":{}}'),
    ):
        endpoint.run(given)
        assert here.seen[-1].body == sent.encode()
    assert here.seen[-1].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_turned_away(here: Server, monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    monkeypatch.setenv("TRIVET_MAX_ANSWER", "1MiB")
    for method, path in (("POST", RUN), ("GET", STATUS), ("POST", f"{BASE}/graphql")):
        here.on(method, path, FLOODS[flood])
    for ask in (lambda: runpod.Endpoint("e").run({}), lambda: job().status(), runpod.get_user):
        with pytest.raises(error.AnswerError, match="at most 1048576") as caught:
            ask()
        assert caught.value.code == "too_large"
        assert "TRIVET_MAX_ANSWER" in caught.value.hint
    assert len(here.seen) == 3
