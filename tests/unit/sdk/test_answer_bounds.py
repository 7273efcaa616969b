"""Answers that are read whole have a bound: what is larger is refused, early, and never asked for again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields

import pytest

from tests.unit.sdk.floods import BOUND, FLOOD, FLOODS, packed
from tests.unit.sdk.server import KEY, Exchange, Server, job
from trivet.sdk import AsyncClient, Client
from trivet.sdk._async.transport import AsyncHttpTransport
from trivet.sdk._http import LARGEST_ANSWER, Request, Response, TransportError, largest_answer
from trivet.sdk._http1 import read_answer
from trivet.sdk._sync.transport import HttpTransport
from trivet.sdk.errors import ConfigurationError, TooLargeError, TrivetError

AT_ONCE = BOUND // 2
ASK = Request("GET", "/api/v1/x")
Send = Callable[..., Response]


@pytest.fixture(params=["loopback", "library", "asyncio"])
def send(request: pytest.FixtureRequest, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """The three ways to a server: the short one on this machine, the library's, and the library's under asyncio."""
    for half in ("_sync", "_async"):
        monkeypatch.setattr(f"trivet.sdk.{half}.transport.AT_ONCE", AT_ONCE)
    if request.param == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)
    if request.param == "asyncio":
        with asyncio.Runner() as runner:
            transport = AsyncHttpTransport(server.url, {}, largest=BOUND)
            yield lambda asked=ASK, timeout=20.0: runner.run(transport.send(asked, timeout=timeout))
            runner.run(transport.close())
    else:
        waiting = HttpTransport(server.url, {}, largest=BOUND)
        yield lambda asked=ASK, timeout=20.0: waiting.send(asked, timeout=timeout)
        waiting.close()


def in_chunks(body: bytes) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        for start in range(0, len(body), 100_000):
            piece = body[start : start + 100_000]
            exchange.handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.end()

    return answer


def at_once(body: bytes) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(200, body)


@pytest.mark.parametrize("size", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, BOUND - 1, BOUND])
@pytest.mark.parametrize("framed", [at_once, in_chunks])
def test_an_answer_up_to_the_bound_is_read_as_it_is(server: Server, send: Send, framed: object, size: int) -> None:
    assert callable(framed)
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    server.on("GET", "/x", framed(body))
    for _ in range(4):
        assert send().body == body
    # And connections are used again. Under asyncio one may come back to the library a moment after its answer.
    assert len({exchange.port for exchange in server.seen}) < 4


@pytest.mark.parametrize("framed", [at_once, in_chunks])
def test_one_byte_more_is_refused(server: Server, send: Send, framed: object) -> None:
    assert callable(framed)
    server.on("GET", "/x", framed(b"x" * (BOUND + 1)), at_once(b"fine"))
    with pytest.raises(TransportError, match=f"at most {BOUND}") as caught:
        send()
    assert (caught.value.limit, caught.value.sent, caught.value.timed_out) == (BOUND, True, False)
    assert send().body == b"fine"


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_turned_away(server: Server, send: Send, flood: str) -> None:
    server.on("GET", "/x", FLOODS[flood])
    with pytest.raises(TransportError, match="at most"):
        send()
    assert server.seen[0].sent < FLOOD // 4


@pytest.mark.parametrize("send", ["library", "asyncio"], indirect=True)
def test_what_unpacks_to_a_flood_is_one(server: Server, send: Send) -> None:
    server.on("GET", "/x", packed)
    with pytest.raises(TransportError, match="more than"):
        send()


def test_what_is_only_told_about_is_not_counted(server: Server, send: Send) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", str(BOUND * 9))
        exchange.handler.end_headers()

    server.on("HEAD", "/x", answer)
    assert send(Request("HEAD", "/api/v1/x")).headers["content-length"] == str(BOUND * 9)


def test_the_time_for_an_answer_covers_all_of_it(server: Server, send: Send) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send("x" * (AT_ONCE + 1))
        exchange.hold()

    server.on("GET", "/x", answer)
    with pytest.raises(TransportError) as caught:
        send(timeout=0.3)
    assert caught.value.timed_out


def test_half_of_a_long_answer_is_none(server: Server, send: Send) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Length", str(BOUND))
        exchange.handler.end_headers()
        exchange.handler.wfile.write(b"x" * (AT_ONCE + 1))
        exchange.drop()

    server.on("GET", "/x", answer)
    with pytest.raises(TransportError) as caught:
        send()
    assert caught.value.limit is None


@pytest.mark.usefixtures("both_ways")
def test_closing_ends_a_long_answer(server: Server) -> None:
    begun = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send("x" * (AT_ONCE + 1))
        begun.set()
        exchange.hold()

    server.on("GET", "/x", answer)
    transport = HttpTransport(server.url, {}, largest=BOUND)

    def close() -> None:
        begun.wait(30)
        transport.close()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(TrivetError, match="closed"):
        transport.send(ASK, timeout=30.0)
    closing.join()


@pytest.mark.usefixtures("both_ways")
def test_the_caller_learns_the_bound_and_how_to_move_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MAX_ANSWER", "2MiB")
    server.on("GET", "/me", FLOODS["told"])
    with Client(server.url, KEY) as client, pytest.raises(TooLargeError, match=f"at most {BOUND}") as caught:
        client.me()
    assert (caught.value.limit, caught.value.code) == (BOUND, "too_large")
    assert "TRIVET_MAX_ANSWER" in caught.value.hint
    assert len(server.seen) == 1  # it would be as large again
    server.on("GET", "/jobs/job_1", FLOODS["chunked"])
    with Client(server.url, KEY, max_answer=1000) as client, pytest.raises(TooLargeError, match="at most 1000"):
        client.job("job_1").refresh()  # a question about a job outlasts outages; this is none


def test_under_asyncio_the_bound_can_be_given_too(server: Server) -> None:
    async def ask() -> None:
        async with AsyncClient(server.url, KEY, max_answer=1000) as client:
            await client.me()

    server.on("GET", "/me", FLOODS["told"])
    with pytest.raises(TooLargeError, match="at most 1000"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n0123456789a",
    ],
)
def test_the_short_way_reads_no_more_than_it_takes_to_know(sent: bytes) -> None:
    parts = [sent]

    def receive() -> bytes:
        return parts.pop() if parts else b""

    with pytest.raises(TransportError, match="at most 10"):
        read_answer(receive, "GET", 10)


@pytest.mark.parametrize(
    ("said", "bytes_of_it"),
    [("", LARGEST_ANSWER), ("1000", 1000), (" 5 KiB ", 5120), ("3mib", 3 << 20), ("1GiB", 1 << 30)],
)
def test_the_bound_is_set_as_a_size(said: str, bytes_of_it: int) -> None:
    assert largest_answer({"TRIVET_MAX_ANSWER": said}) == bytes_of_it


@pytest.mark.parametrize("said", ["much", "0", "-1", "1.5", "1MB", "MiB", "²"])
def test_a_bound_that_is_no_size_is_refused(said: str) -> None:
    with pytest.raises(ConfigurationError, match="TRIVET_MAX_ANSWER") as caught:
        largest_answer({"TRIVET_MAX_ANSWER": said})
    assert "512MiB" in caught.value.hint


def test_without_a_word_the_bound_is_beyond_all_that_a_server_gives_out_usually() -> None:
    from trivet.platform.server.settings import Settings

    (output,) = (field.default for field in fields(Settings) if field.name == "max_output")
    assert largest_answer({}) > 4 * output


def test_one_event_has_the_same_bound_and_is_not_asked_for_again(server: Server) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("status", job("running"))
        with suppress(OSError):
            while True:
                exchange.send("data: " + "x" * 10_000)
        exchange.handler.close_connection = True

    server.on("GET", "/jobs/job_1/events", endless)
    with (
        Client(server.url, KEY, max_answer=100_000) as client,
        pytest.raises(TooLargeError, match="more than 100000") as caught,
    ):
        list(client.job("job_1").stream())
    assert (caught.value.limit, len(server.seen)) == (100_000, 1)
    assert "TRIVET_MAX_ANSWER" in caught.value.hint


def test_an_error_in_place_of_a_stream_that_comes_byte_by_byte_is_told_as_far_as_it_came(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dripping(exchange: Exchange) -> None:
        exchange.handler.send_response(502)
        exchange.handler.send_header("Content-Type", "text/html")
        exchange.handler.end_headers()
        exchange.handler.wfile.write(b"Bad gateway ")
        with suppress(OSError):
            while not exchange.stopping.wait(0.02):
                exchange.handler.wfile.write(b".")
        exchange.handler.close_connection = True

    monkeypatch.setattr("trivet.sdk._sync.transport.LONGEST_TELLING", 0.3)
    server.on("POST", "/endpoints/admin/hello/stream", dripping)
    with Client(server.url, KEY, retries=0) as client, pytest.raises(TrivetError, match="502"):
        next(client.endpoint("admin/hello").stream())


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_any_patience_can_be_asked_for(server: Server, send: Send, seconds: float) -> None:
    server.on("GET", "/x", at_once(b"fine"))
    assert send(timeout=seconds).body == b"fine"


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_no_patience_is_no_error_of_another_kind(server: Server, send: Send, seconds: float) -> None:
    server.on("GET", "/x", Exchange.hold)
    with pytest.raises(TransportError) as caught:
        send(timeout=seconds)
    assert caught.value.timed_out
