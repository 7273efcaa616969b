"""`algo(…).pipe(…)`: what is sent, what is answered, and what is raised."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.algorithmia_module.conftest import Serve
from tests.unit.algorithmia_module.fakes import FakeServer, answer, refusal, result
from trivet import TrivetError
from trivet.algorithmia.algo_response import AlgoException, AlgoResponse
from trivet.algorithmia.algorithm import OutputType
from trivet.algorithmia.async_response import AsyncResponse
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import AlgorithmException, AnswerError, ApiError, ApiInternalError, InputError
from trivet.sdk._http import Request, Response


@pytest.mark.parametrize(
    ("value", "content_type", "body"),
    [
        ("Zoë", "text/plain", "Zoë".encode()),
        (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
        (bytearray(b"ab"), "application/octet-stream", b"ab"),
        (None, "application/json", b"null"),
        ({"name": "Zoë"}, "application/json", b'{"name": "Zo\\u00eb"}'),
        ([1, True, 2.5], "application/json", b"[1, true, 2.5]"),
        (float("nan"), "application/json", b"NaN"),
    ],
)
def test_an_input_goes_out_as_what_it_is(serve: Serve, value: Any, content_type: str, body: bytes) -> None:
    client, server = serve(result(1))
    client.algo("demo/Hello").pipe(value)
    assert (server.asked.method, server.asked.path) == ("POST", "/v1/algo/demo/Hello")
    assert server.asked.headers == (("Content-Type", content_type),)
    assert server.asked.body == body


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, "\ud800"])
def test_what_can_not_be_sent_is_said_before_anything_is(serve: Serve, value: Any) -> None:
    client, server = serve(result(1))
    with pytest.raises(TypeError) as caught:
        client.algo("demo/Hello").pipe(value)
    assert isinstance(caught.value, TrivetError)
    assert server.seen == []


@pytest.mark.parametrize("text", ["demo/Hello/1.0.0", "/demo/Hello/1.0.0", "algo://demo/Hello/1.0.0"])
def test_an_algorithm_has_three_spellings(serve: Serve, text: str) -> None:
    algo = serve(result(1))[0].algo(text)
    assert (algo.path, algo.username, algo.algoname, algo.version) == ("demo/Hello/1.0.0", "demo", "Hello", "1.0.0")
    assert algo.url == "/v1/algo/demo/Hello/1.0.0"


@pytest.mark.parametrize("text", ["Hello", "", "a-b/Hello", "demo/", "algo:///Hello"])
def test_what_is_no_name_is_refused(serve: Serve, text: str) -> None:
    with pytest.raises(ValueError, match="Invalid algorithm URI"):
        serve(result(1))[0].algo(text)


def test_a_result_has_its_form_and_what_is_told_beside_it(serve: Serve) -> None:
    client, _ = serve(result("Hello Mr. Bond", "text", stdout="said", alerts=["late"], request_id="req-1"))
    response = client.algo("demo/Hello").pipe("Mr. Bond")
    assert response.result == "Hello Mr. Bond"
    assert response.metadata.content_type == response.metadata["content_type"] == "text"
    assert (response.metadata.stdout, response.metadata.duration) == ("said", 0.002)
    assert response.metadata.alerts == ["late"]
    assert response.metadata.full_metadata["request_id"] == "req-1"
    metadata = "Metadata(content_type='text',duration=0.002,stdout=said)"
    assert repr(response) == f"AlgoResponse(result=Hello Mr. Bond,metadata={metadata})"


def test_bytes_come_back_as_bytes_and_nothing_as_none(serve: Serve) -> None:
    client, _ = serve(result(base64.b64encode(b"\x00\xff").decode(), "binary"), result("ignored", "void"))
    assert client.algo("demo/Hello").pipe(1).result == b"\x00\xff"
    assert client.algo("demo/Hello").pipe(1).result is None


def test_options_go_out_as_the_original_sends_them(serve: Serve) -> None:
    client, server = serve(result(1))
    algo = client.algo("demo/Hello")
    assert algo.set_options(timeout=60, stdout=True, mode="a b", nothing=None) is algo
    algo.pipe(1)
    assert server.asked.path == "/v1/algo/demo/Hello?timeout=60&stdout=True&mode=a+b"


def test_options_without_arguments_are_the_original_s(serve: Serve) -> None:
    client, server = serve(result(1))
    client.algo("demo/Hello").set_options().pipe(1)
    assert server.asked.path.endswith("?timeout=300&stdout=False")


@pytest.mark.parametrize(("timeout", "patience"), [(None, 360.0), (60, 120.0), ("5", 65.0), ("soon", 360.0)])
def test_a_call_is_never_waited_for_without_end(serve: Serve, timeout: Any, patience: float) -> None:
    client, server = serve(result(1))
    algo = client.algo("demo/Hello")
    if timeout is not None:
        algo.set_options(timeout=timeout)
    algo.pipe(1)
    assert server.timeouts == [pytest.approx(patience, abs=1)]


def test_raw_output_is_text(serve: Serve) -> None:
    client, server = serve(Response(200, {"content-type": "text/plain"}, "Zoë".encode()))
    assert client.algo("demo/Hello").set_options(output=OutputType.raw).pipe(1) == "Zoë"
    assert server.asked.path.endswith("&output=raw")


@pytest.mark.parametrize(("status", "kind"), [(400, ApiError), (500, ApiInternalError), (503, ApiInternalError)])
def test_a_failure_of_a_call_for_raw_output_is_no_output(serve: Serve, status: int, kind: type[ApiError]) -> None:
    client, _ = serve(Response(status, {}, b"bad value"))
    with pytest.raises(kind, match="bad value"):
        client.algo("demo/Hello").set_options(output=OutputType.raw).pipe(1)


def test_void_output_says_that_it_has_begun(serve: Serve) -> None:
    client, server = serve(answer({"async": "void", "request_id": "req-1"}))
    response = client.algo("demo/Hello").set_options(output=OutputType.void).pipe(1)
    assert (type(response), response.async_protocol, response.request_id) == (AsyncResponse, "void", "req-1")
    assert server.asked.path.endswith("&output=void")


def test_an_algorithm_s_error_has_all_that_is_known_of_it(serve: Serve) -> None:
    error = {"message": "bad value", "error_type": "InputError", "stack_trace": "line 3"}
    client, _ = serve(answer({"error": error, "metadata": {"duration": 0.1, "request_id": "req-1"}}))
    with pytest.raises(AlgoException) as caught:
        client.algo("demo/Hello").pipe(1)
    assert (caught.value.message, caught.value.error_type, caught.value.stack_trace) == (
        "bad value",
        "InputError",
        "line 3",
    )
    assert (caught.value.code, caught.value.job_id) == ("job_failed", "req-1")
    assert str(caught.value) == repr("bad value\nline 3")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"message": "bad"}, "'bad'"),
        ({"message": None}, "None"),
        ("bad", "'bad'"),
        ({"message": "bad", "error_type": 3}, "'bad'"),
    ],
)
def test_errors_of_odd_shapes_are_errors_all_the_same(serve: Serve, error: Any, text: str) -> None:
    with pytest.raises(AlgorithmException) as caught:
        serve(answer({"error": error}))[0].algo("demo/Hello").pipe(1)
    assert str(caught.value) == text
    assert caught.value.error_type is None


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthenticated"), (403, "forbidden"), (404, "not_found"), (413, "too_large"), (500, "internal")],
)
def test_a_bad_status_keeps_its_message(serve: Serve, status: int, code: str) -> None:
    with pytest.raises(AlgoException, match="told why") as caught:
        serve(refusal("told why", status))[0].algo("demo/Hello").pipe(1)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        3,
        {},
        {"result": 1},
        {"result": 1, "metadata": {}},
        {"metadata": {"content_type": "text", "duration": 1}},
    ],
)
def test_json_of_another_shape_is_no_answer(serve: Serve, document: Any) -> None:
    with pytest.raises(AnswerError):
        serve(answer(document))[0].algo("demo/Hello").pipe(1)


def test_broken_base64_is_no_answer(serve: Serve) -> None:
    with pytest.raises(AnswerError):
        serve(result("abc", "binary"))[0].algo("demo/Hello").pipe(1)


def test_a_call_is_not_made_twice_where_it_may_have_been_made_once(serve: Serve) -> None:
    client, server = serve(refusal("busy", 503))
    with pytest.raises(AlgoException):
        client.algo("demo/Hello").pipe(1)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("client", "sent"),
    [
        (("KEY", None), "KEY"),
        (("Simple KEY", None), "Simple KEY"),
        ((None, "TOKEN"), "Bearer TOKEN"),
        (("KEY", "TOKEN"), "KEY"),
        ((None, None), None),
        (("", None), None),
    ],
)
def test_a_key_goes_out_bare_and_a_token_as_a_bearer_s(client: tuple[str | None, str | None], sent: str | None) -> None:
    from trivet.algorithmia._settings import Credential, headers

    assert headers(Credential(*client)).get("Authorization") == sent


def test_a_key_that_changes_is_the_key_of_the_next_request() -> None:
    client = Client("one", "http://server.test", transport=FakeServer(result(1)))
    client.algo("demo/Hello").pipe(1)
    first = client._channel
    client.algo("demo/Hello").pipe(1)
    assert client._channel is first
    client.apiKey = "two"
    client.algo("demo/Hello").pipe(1)
    assert client._channel is not first


def test_an_error_survives_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(AlgorithmException("m", "trace", "InputError", status=404)))
    assert (error.message, error.stack_trace, error.error_type, error.status) == ("m", "trace", "InputError", 404)


def test_an_algorithm_may_raise_its_own_error() -> None:
    error = AlgorithmException("Type not supported", error_type="UnsupportedError")
    assert (str(error), error.error_type, isinstance(error, ApiError)) == (
        "'Type not supported'",
        "UnsupportedError",
        True,
    )


def test_a_name_in_a_path_ends_no_address(serve: Serve) -> None:
    client, server = serve(answer({"result": "data://x"}))
    client.file("data://.my/c/a b#1?.txt").put("x")
    client.file("data://.my/c/a%20b").put("x")
    client.file("data://.my/c/100%").put("x")
    assert [request.path for request in server.seen] == [
        "/v1/data/.my/c/a%20b%231%3F.txt",
        "/v1/data/.my/c/a%20b",
        "/v1/data/.my/c/100%25",
    ]


def test_a_hint_stays_out_of_the_text_and_shows_in_a_traceback() -> None:
    error = InputError("No.", hint="Do this.")
    assert str(error) == "No."
    assert error.__notes__ == ["→ Do this."]


def test_the_answer_of_an_older_server_is_one_too() -> None:
    assert isinstance(AlgoResponse.create_algo_response({"async_protocol": "void", "request_id": "1"}), AsyncResponse)


def test_why_there_is_no_raw_output_is_told_in_the_algorithm_s_words(serve: Serve) -> None:
    client, _ = serve(Response(400, {"content-type": "text/plain; charset=utf-8"}, "Zoë is no number".encode()))
    with pytest.raises(ApiError) as caught:
        client.algo("demo/Hello").set_options(output=OutputType.raw).pipe(1)
    assert str(caught.value) == "Zoë is no number"


@pytest.mark.parametrize("code", ["client_closed", "forked"])
@pytest.mark.parametrize(
    "ask", [lambda client: client.algo("demo/Hello").pipe(1), lambda client: client.file("a/b/x").getBytes()]
)
def test_a_client_that_can_ask_no_more_says_so_by_this_module_s_error(
    serve: Serve, code: str, ask: Callable[[Client], Any]
) -> None:
    def refuse(_: Request) -> Response:
        raise TrivetError("It can ask no more.", code=code, hint="Make a new one.")

    client, server = serve(refuse)
    with pytest.raises(ApiError, match="no more") as caught:
        ask(client)
    assert (caught.value.code, caught.value.hint, len(server.seen)) == (code, "Make a new one.", 1)


@pytest.mark.parametrize("verb", ["getBytes", "getFile", "exists"])
def test_a_key_that_can_t_be_sent_is_said_by_every_verb(verb: str) -> None:
    client = Client("no\nkey\u00e9", "https://api.example")
    with pytest.raises(InputError, match="characters"):
        getattr(client.file("a/b/x"), verb)()
