"""What answers is not always a Trivet server in good health."""

from __future__ import annotations

import socket

import pytest

from tests.ports import free_port
from tests.unit.sdk.server import KEY, Exchange, Server, accepted, job, serving
from trivet.sdk import Client
from trivet.sdk.errors import (
    LimitExceededError,
    ServerError,
    ServiceUnavailableError,
    TooLargeError,
    TrivetError,
    UnexpectedAnswerError,
)

pytestmark = pytest.mark.usefixtures("both_ways")

RUN = "/endpoints/admin/hello/run"
SUBMIT = "/endpoints/admin/hello/submit"
HTML = b"<html><title>Welcome</title></html>"


def page(exchange: Exchange) -> None:
    exchange.answer(200, HTML, Content_Type="text/html")


def half(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Content-Type", "application/json")
    exchange.handler.send_header("Content-Length", "100")
    exchange.handler.end_headers()
    exchange.handler.wfile.write(b'{"id": ')
    exchange.drop()


def test_a_web_page_is_no_output(server: Server, client: Client) -> None:
    server.on("POST", RUN, page)
    with pytest.raises(UnexpectedAnswerError, match="text/html") as caught:
        client.endpoint("admin/hello").run()
    assert "trivet doctor" in caught.value.hint


def test_a_web_page_is_no_document(server: Server, client: Client) -> None:
    server.on("GET", "/me", page)
    with pytest.raises(UnexpectedAnswerError):
        client.me()


def test_a_web_page_is_no_stream(server: Server, client: Client) -> None:
    server.on("POST", "/endpoints/admin/hello/stream", page)
    with pytest.raises(UnexpectedAnswerError, match="Welcome"):
        next(client.endpoint("admin/hello").stream())


def test_json_of_another_shape_is_named_as_such(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json({"id": "job_1"}))
    with pytest.raises(UnexpectedAnswerError, match="status"):
        client.jobs.get("job_1")
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(["job_1"]))
    with pytest.raises(UnexpectedAnswerError):
        client.jobs.get("job_1")


def test_broken_json_is_named_as_such(server: Server, client: Client) -> None:
    server.on("GET", "/me", lambda exchange: exchange.answer(200, b"{", Content_Type="application/json"))
    with pytest.raises(UnexpectedAnswerError, match="JSON"):
        client.me()


def test_a_header_that_is_no_text_spoils_no_answer(server: Server, client: Client) -> None:
    def named(exchange: Exchange) -> None:
        exchange.answer(200, b"7", Content_Type="application/json", X_Name="na\xefve", Trivet_Job_Id="job_1")

    server.on("POST", RUN, named)
    assert client.endpoint("admin/hello").run() == 7


def test_a_size_of_five_thousand_digits_is_no_size(server: Server, client: Client) -> None:
    def boasting(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Type", "application/json")
        exchange.handler.send_header("Trivet-Job-Id", "job_1")
        exchange.handler.send_header("Content-Length", "9" * 5000)
        exchange.handler.send_header("Transfer-Encoding", "chunked")
        exchange.handler.end_headers()
        exchange.send("7")
        exchange.end()

    server.on("POST", RUN, boasting)
    assert client.endpoint("admin/hello").run() == 7


def test_a_connection_that_breaks_before_an_answer_is_not_retried_for_a_call(server: Server, client: Client) -> None:
    server.on("POST", RUN, Exchange.drop)
    with pytest.raises(ServiceUnavailableError, match="not known"):
        client.endpoint("admin/hello").run()
    assert len(server.seen) == 1


def test_a_connection_that_breaks_is_retried_for_a_question(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1", Exchange.drop, half, lambda exchange: exchange.json(job("running")))
    assert client.jobs.get("job_1").status == "running"
    assert len(server.seen) == 3


def test_retries_end(server: Server) -> None:
    server.on("GET", "/jobs/job_1", half)
    with Client(server.url, KEY, retries=1) as client, pytest.raises(ServiceUnavailableError, match="broke"):
        client.jobs.get("job_1")
    assert len(server.seen) == 2


def test_the_key_never_follows_a_redirect() -> None:
    with serving() as server, serving() as other, Client(server.url, KEY) as client:
        for status in (301, 302, 307, 308):
            server.on("GET", "/me", lambda exchange, to=status: exchange.answer(to, Location=f"{other.url}/api/v1/me"))  # type: ignore[misc]
            with pytest.raises(UnexpectedAnswerError, match="never sent on") as caught:
                client.me()
            assert other.url in str(caught.value)
        assert other.seen == []


def test_429_with_retry_after_is_waited_for_even_by_a_call(server: Server, client: Client) -> None:
    server.on(
        "POST",
        SUBMIT,
        lambda exchange: exchange.problem(429, "limit_exceeded", headers={"Retry-After": "0.01"}),
        accepted(job()),
    )
    assert client.endpoint("admin/hello").submit().id == "job_1"
    assert len(server.seen) == 2
    assert server.seen[0].headers["idempotency-key"] == server.seen[1].headers["idempotency-key"]


def test_429_without_retry_after_is_told_to_the_caller_of_a_call(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.problem(429, "limit_exceeded", detail="Too many."))
    with pytest.raises(LimitExceededError, match="Too many") as caught:
        client.endpoint("admin/hello").run()
    assert caught.value.retry_after is None
    assert len(server.seen) == 1


def test_a_long_retry_after_is_told_instead_of_slept(server: Server, client: Client) -> None:
    server.on("GET", "/me", lambda exchange: exchange.problem(429, "limit_exceeded", headers={"Retry-After": "3600"}))
    with pytest.raises(LimitExceededError) as caught:
        client.me()
    assert caught.value.retry_after == 3600.0
    assert len(server.seen) == 1


def test_a_proxys_502_is_retried_for_a_question_and_not_for_a_call(server: Server, client: Client) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.answer(502, HTML), lambda exchange: exchange.json(job()))
    assert client.jobs.get("job_1").status == "queued"
    server.on("POST", RUN, lambda exchange: exchange.answer(502, HTML, Content_Type="text/html"))
    with pytest.raises(ServiceUnavailableError, match="502"):
        client.endpoint("admin/hello").run()
    assert len(server.seen) == 3


def test_an_internal_error_is_not_asked_for_twice(server: Server, client: Client) -> None:
    server.on("GET", "/me", lambda exchange: exchange.problem(500, "internal", detail="A fault in the platform."))
    with pytest.raises(ServerError, match="A fault"):
        client.me()
    assert len(server.seen) == 1


def test_too_large_tells_the_limit(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.problem(413, "too_large", detail="Over it.", limit=1024))
    with pytest.raises(TooLargeError) as caught:
        client.endpoint("admin/hello").run()
    assert caught.value.limit == 1024


def test_a_code_from_the_future_is_still_an_error_with_its_words(server: Server, client: Client) -> None:
    server.on("GET", "/me", lambda exchange: exchange.problem(418, "teapot", detail="Short and stout.", hint="Pour."))
    with pytest.raises(TrivetError, match="Short and stout") as caught:
        client.me()
    assert (caught.value.code, caught.value.status) == ("teapot", 418)


def test_where_nothing_listens_the_error_names_the_url_and_trivet_up() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with Client(url, KEY, retries=1) as client, pytest.raises(ServiceUnavailableError, match="trivet up") as caught:
            client.endpoint("admin/hello").run()
    assert url in str(caught.value)
    assert "refused" in str(caught.value)


def test_a_host_that_does_not_exist_is_named() -> None:
    with (
        Client("http://nowhere.invalid", KEY, retries=0) as client,
        pytest.raises(ServiceUnavailableError, match="nowhere"),
    ):
        client.me()


def test_a_refused_connection_is_tried_again_even_for_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    started: list[Server] = []

    def start_the_server(seconds: float) -> None:
        started.append(Server(port))
        started[0].on("POST", RUN, lambda exchange: exchange.output("late"))

    monkeypatch.setattr("trivet.sdk._sync.session.sleep", start_the_server)
    try:
        with Client(f"http://127.0.0.1:{port}", KEY) as client:
            assert client.endpoint("admin/hello").run() == "late"
    finally:
        for server in started:
            server.close()
    assert len(started) == 1


def test_ready_is_false_not_an_error_where_the_server_says_no(server: Server, client: Client) -> None:
    server.on("GET", "/readyz", lambda exchange: exchange.json({"store": "starting"}, 503))
    readiness = client.ready()
    assert not readiness
    assert readiness.checks == {"store": "starting"}
    assert len(server.seen) == 1
