"""A server on the loopback that answers what it should not: nothing hangs, and no key goes elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.unit.sdk.floods import FLOODS
from tests.unit.sdk.server import Exchange, Server, serving
from trivet.jaqpot import JaqpotApiClient, exceptions
from trivet.sdk._retry import Backoff

PATH = "/api/v1/models/1886"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def jaqpot(server: Server) -> Iterator[JaqpotApiClient]:
    with JaqpotApiClient(api_url=f"{server.url}/api", api_key="jq_key", api_secret="secret", timeout=1.0) as made:
        made._channel._backoff = Backoff(base=0.01)  # the same decisions, without the waiting
        yield made


def half(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Length", "1000")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b'{"id": 1886, ')
    exchange.drop()


def nothing(exchange: Exchange) -> None:
    exchange.drop()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            lambda exchange: exchange.answer(200, b"<html>Sign in</html>", Content_Type="text/html"),
            "JaqpotAnswerException",
        ),
        (lambda exchange: exchange.answer(200), "JaqpotAnswerException"),
        (lambda exchange: exchange.answer(502, b"<html>Bad gateway</html>"), "ServiceException"),
        (lambda exchange: exchange.answer(500, b""), "ServiceException"),
        (lambda exchange: exchange.answer(429, b"{}"), "TooManyRequestsException"),
        (half, "JaqpotConnectionException"),
        (nothing, "JaqpotConnectionException"),
        (Exchange.hold, "JaqpotTimeoutException"),
    ],
)
def test_whatever_it_answers_the_caller_learns_what_was_wrong(
    server: Server, jaqpot: JaqpotApiClient, answer: Callable[[Exchange], None], kind: str
) -> None:
    server.on("GET", PATH, answer)
    with pytest.raises(getattr(exceptions, kind)):
        jaqpot.get_model_by_id(1886)


def test_what_is_asked_carries_the_key_in_its_two_headers(server: Server, jaqpot: JaqpotApiClient) -> None:
    with pytest.raises(exceptions.NotFoundException):
        jaqpot.get_model_by_id(1886)
    (seen,) = server.seen
    assert (seen.headers["x-api-key"], seen.headers["x-api-secret"]) == ("jq_key", "secret")
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_takes_no_key_there(server: Server, jaqpot: JaqpotApiClient, status: int) -> None:
    with serving() as foreign:
        server.on("GET", PATH, lambda exchange: exchange.answer(status, Location=f"{foreign.url}{PATH}"))
        with pytest.raises(exceptions.ApiException, match="sends us to"):
            jaqpot.get_model_by_id(1886)
        assert foreign.seen == []


def test_a_server_that_asks_for_patience_is_asked_again_when_it_says(server: Server, jaqpot: JaqpotApiClient) -> None:
    server.on(
        "POST", "/api/v1/models/1886/predict",
        lambda exchange: exchange.answer(429, b"{}", Retry_After="0"),
        lambda exchange: exchange.answer(201, Location="/datasets/5"),
    )  # fmt: skip
    assert jaqpot.predict_async(1886, [{}]) == 5


def test_a_prediction_that_may_have_begun_is_not_begun_again(server: Server, jaqpot: JaqpotApiClient) -> None:
    server.on("POST", "/api/v1/models/1886/predict", nothing)
    with pytest.raises(exceptions.JaqpotConnectionException):
        jaqpot.predict_async(1886, [{}])
    assert len(server.seen) == 1


def test_a_dataset_is_asked_for_again_through_a_restart(server: Server, jaqpot: JaqpotApiClient) -> None:
    document = {"type": "PREDICTION", "entryType": "ARRAY", "input": [], "status": "SUCCESS", "result": [{"y": 1}]}
    server.on("POST", "/api/v1/models/1886/predict", lambda exchange: exchange.answer(201, Location="/datasets/5"))
    server.on(
        "GET",
        "/api/v1/datasets/5",
        nothing,
        lambda exchange: exchange.answer(503),
        lambda exchange: exchange.json(document),
    )
    assert jaqpot.predict_sync(1886, [{}]) == [{"y": 1}]


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("way", ["loopback", "library"])
def test_a_flood_is_turned_away(server: Server, monkeypatch: pytest.MonkeyPatch, flood: str, way: str) -> None:
    monkeypatch.setenv("TRIVET_MAX_ANSWER", "1MiB")
    if way == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)
    server.on("GET", PATH, FLOODS[flood])
    server.on("POST", f"{PATH}/predict", lambda exchange: exchange.answer(201, Location="/datasets/5"))
    server.on("GET", "/api/v1/datasets/5", FLOODS[flood])
    with JaqpotApiClient(api_url=f"{server.url}/api", api_key="jq_key", api_secret="secret") as jaqpot:
        for ask in (lambda: jaqpot.get_model_by_id(1886), lambda: jaqpot.predict_sync(1886, [{}])):
            with pytest.raises(exceptions.JaqpotAnswerException, match="at most 1048576") as caught:
                ask()
            assert caught.value.code == "too_large"
            assert "TRIVET_MAX_ANSWER" in caught.value.hint
    assert len(server.seen) == 3
