"""What answers is not always a server of this API in good health; over real connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.algorithmia_module.conftest import quicken
from tests.unit.sdk.floods import FLOODS
from tests.unit.sdk.server import Exchange, Server, serving
from trivet import TrivetError
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import AlgoException, AnswerError, ApiError, ConnectionFailed, TimedOutError

CALLS: dict[str, tuple[str, str, Callable[[Client], Any]]] = {
    "pipe": ("POST", "/algo/demo/Hello", lambda client: client.algo("demo/Hello").pipe("x")),
    "read": ("GET", "/data/me/c/x", lambda client: client.file("data://me/c/x").getBytes()),
    "write": ("PUT", "/data/me/c/x", lambda client: client.file("data://me/c/x").put("x")),
    "list": ("GET", "/data/me/c", lambda client: list(client.dir("data://me/c").list())),
    "manage": ("GET", "/algorithms/demo/Hello/builds", lambda client: client.algo("demo/Hello").get_builds()),
}
FETCHING = {"read", "write", "list", "manage"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client("simKey", f"{server.url}/api", timeout=0.5) as made:
        quicken(made)
        yield made


@pytest.fixture(params=CALLS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def half(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Type", "application/json")
    exchange.handler.send_header("Content-Length", "100")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b'{"result": ')
    exchange.drop()


def test_a_page_is_no_answer(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, lambda exchange: exchange.answer(200, b"<html>Welcome", Content_Type="text/html"))
    if name == "read":  # what a file holds is anybody's guess
        assert call(client) == b"<html>Welcome"
        return
    with pytest.raises(AnswerError, match="Welcome") as caught:
        call(client)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, OSError)  # requests' own error for it is both


def test_a_failure_without_a_word_is_one(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, lambda exchange: exchange.answer(500))
    with pytest.raises(ApiError, match="empty"):
        call(client)


def test_half_an_answer_is_none(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, half)
    with pytest.raises(ConnectionFailed) as caught:
        call(client)
    assert isinstance(caught.value, ConnectionError)
    assert len(server.seen) == (4 if name in FETCHING else 1)


def test_the_key_never_follows_a_redirect(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    with serving() as other:
        for status in (301, 302, 307, 308):
            server.on(method, path, lambda exchange, to=status: exchange.answer(to, Location=f"{other.url}/x"))  # type: ignore[misc]
            with pytest.raises(ApiError, match="sends us to") as caught:
                call(client)
            assert caught.value.code == "redirected"
            assert other.url in str(caught.value)
        assert other.seen == []


def test_a_pause_that_is_asked_for_is_made(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    answers = {
        "pipe": {"result": 1, "metadata": {"content_type": "json", "duration": 0.1}},
        "list": {"files": []},
    }
    server.on(
        method,
        path,
        lambda exchange: exchange.json({"error": {"message": "busy"}}, 429, Retry_After="0.01"),
        lambda exchange: exchange.json(answers.get(name, {"result": "fine"})),
    )
    call(client)
    assert len(server.seen) == 2


def test_too_much_is_told_to_the_caller(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, lambda exchange: exchange.json({"error": {"message": "busy"}}, 429))
    with pytest.raises(ApiError, match="busy") as caught:
        call(client)
    assert (caught.value.code, caught.value.status) == ("limit_exceeded", 429)
    assert "ry again later" in caught.value.hint


def test_a_long_pause_is_told_to_the_caller(server: Server, client: Client) -> None:
    server.on(
        "POST",
        "/algo/demo/Hello",
        lambda exchange: exchange.json({"error": {"message": "busy"}}, 429, Retry_After="600"),
    )
    with pytest.raises(AlgoException) as caught:
        client.algo("demo/Hello").pipe("x")
    assert "600 s" in caught.value.hint


def test_a_server_that_fails_is_said(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, lambda exchange: exchange.answer(502, b"<html>Bad gateway", Content_Type="text/html"))
    with pytest.raises(ApiError, match="Bad gateway") as caught:
        call(client)
    assert (caught.value.code, caught.value.status) == ("internal", 502)


def test_a_server_that_recovers_is_asked_again_where_that_is_safe(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/data/me/c/x",
        lambda exchange: exchange.answer(503),
        half,
        lambda exchange: exchange.answer(200, b"whole", Content_Type="text/plain"),
    )
    assert client.file("data://me/c/x").getString() == "whole"


@pytest.mark.parametrize("name", ["write", "list", "manage"])
def test_silence_has_an_end(server: Server, client: Client, name: str) -> None:
    method, path, call = CALLS[name]
    server.on(method, path, Exchange.hold)
    with pytest.raises(TimedOutError) as caught:
        call(client)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, TrivetError)


def test_silence_of_an_algorithm_has_an_end_too(server: Server, client: Client) -> None:
    server.on("POST", "/algo/demo/Hello", Exchange.hold)
    with pytest.raises(TimeoutError):
        client.algo("demo/Hello").set_options(timeout=0).pipe("x")
    assert len(server.seen) == 1


def test_nobody_at_the_address_is_said() -> None:
    with serving() as gone:
        address = gone.url
    client = Client("simKey", address)
    quicken(client)
    with pytest.raises(ConnectionFailed) as caught:
        client.algo("demo/Hello").pipe("x")
    assert isinstance(caught.value, OSError)
    assert "ALGORITHMIA_API" in caught.value.hint


def test_the_key_and_a_file_go_over_the_wire(server: Server, client: Client, tmp_path: Any) -> None:
    server.on("PUT", "/data/me/c/x", lambda exchange: exchange.json({"result": "data://me/c/x"}))
    (tmp_path / "local").write_bytes(b"z" * 3_000_000)
    client.file("data://me/c/x").putFile(tmp_path / "local")
    (exchange,) = server.seen
    assert exchange.headers["authorization"] == "simKey"
    assert (len(exchange.body), exchange.headers["content-length"]) == (3_000_000, "3000000")


@pytest.mark.parametrize("name", ["pipe", "list", "manage"])
@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("way", ["loopback", "library"])
def test_a_flood_is_turned_away(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, flood: str, way: str
) -> None:
    monkeypatch.setenv("TRIVET_MAX_ANSWER", "1MiB")
    if way == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)
    method, path, call = CALLS[name]
    server.on(method, path, FLOODS[flood])
    with Client("simKey", f"{server.url}/api") as client, pytest.raises(AnswerError, match="at most 1048576") as caught:
        call(client)
    assert caught.value.code == "too_large"
    assert "TRIVET_MAX_ANSWER" in caught.value.hint
    assert len(server.seen) == 1


def test_a_file_is_as_large_as_it_is(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MAX_ANSWER", "1KiB")
    server.on("GET", "/data/me/c/x", lambda exchange: exchange.answer(200, b"z" * 5000))
    with Client("simKey", f"{server.url}/api") as client:
        assert client.file("data://me/c/x").getBytes() == b"z" * 5000
        assert client.file("data://me/c/x").get().content == b"z" * 5000
