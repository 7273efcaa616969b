"""The short way to a server on this very machine."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.unit.sdk.server import KEY, Exchange, Server, job
from trivet.sdk import Client
from trivet.sdk._http import Request, TransportError
from trivet.sdk._loopback import LARGEST_BODY, Loopback
from trivet.sdk.errors import InvalidRequestError, TrivetError

RUN = "/endpoints/admin/hello/run"
ASK = Request("GET", "/api/v1/me")


@pytest.fixture
def loopback(server: Server) -> Iterator[Loopback]:
    made = Loopback(server.url, {"Authorization": f"Bearer {KEY}"})
    yield made
    made.close()


def test_it_leads_to_plain_http_on_this_machine_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://127.0.0.1:8300", "http://localhost", "http://[::1]:8300/below", "http://127.9.9.9:1"):
        assert Loopback.to(url, {}) is not None
    for url in ("https://127.0.0.1:8300", "http://192.168.0.1", "http://example.org", "http://127.0.0.1/a b"):
        assert Loopback.to(url, {}) is None
    monkeypatch.delattr(select, "poll")
    assert Loopback.to("http://127.0.0.1:8300", {}) is None


def test_requests_carry_what_they_should(server: Server) -> None:
    server.on("POST", "/api/v1/x", lambda exchange: exchange.json(1))
    below = Loopback(f"{server.url}/api", {"Authorization": "Bearer k"})
    answer = below.send(Request("POST", "/v1/x?a=%20", (("Idempotency-Key", "é"),), b"\x00\xff"), timeout=5.0)
    below.close()
    assert (answer.status, answer.body) == (200, b"1")
    (exchange,) = server.seen
    assert (exchange.body, exchange.query) == (b"\x00\xff", {"a": " "})
    assert exchange.headers["host"] == f"127.0.0.1:{server.port}"
    assert exchange.headers["authorization"] == "Bearer k"
    assert exchange.headers["idempotency-key"].encode("latin-1").decode() == "é"


def test_one_connection_serves_one_call_after_the_other(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output("again"))
    for _ in range(3):
        assert client.endpoint("admin/hello").run() == "again"
    assert len({exchange.port for exchange in server.seen}) == 1


def test_calls_at_the_same_time_have_connections_of_their_own(server: Server, client: Client) -> None:
    together = threading.Barrier(4)

    def all_here(exchange: Exchange) -> None:
        together.wait(10)
        exchange.output(exchange.port)

    server.on("POST", RUN, all_here)
    hello = client.endpoint("admin/hello")
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):
            assert len({*threads.map(lambda _: hello.run(), range(4))}) == 4
    assert len({exchange.port for exchange in server.seen}) == 4


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used(server: Server, client: Client) -> None:
    def last(exchange: Exchange) -> None:
        exchange.output("done")
        exchange.handler.close_connection = True

    server.on("POST", RUN, last)
    hello = client.endpoint("admin/hello")
    assert hello.run() == "done"
    (idle,) = client._session.transport._loopback._idle  # type: ignore[attr-defined]  # what no caller can see
    assert idle._poll.poll(5000)  # the server's goodbye is there
    assert hello.run() == "done"
    assert len({exchange.port for exchange in server.seen}) == 2


def test_a_body_that_comes_bit_by_bit_is_read_to_its_end(server: Server, client: Client) -> None:
    def bit_by_bit(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Type", "application/json")
        exchange.handler.send_header("Trivet-Job-Id", "job_1")
        exchange.handler.send_header("Transfer-Encoding", "chunked")
        exchange.handler.end_headers()
        for part in ("[1", ",", "2]"):
            exchange.send(part)
        exchange.end()

    server.on("POST", RUN, bit_by_bit)
    assert client.endpoint("admin/hello").run() == [1, 2]


def test_a_large_answer_is_read_whole(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output("x" * 3_000_000))
    assert len(client.endpoint("admin/hello").run()) == 3_000_000


def test_a_large_input_is_for_the_library(loopback: Loopback) -> None:
    assert loopback.takes(Request("POST", "/", body=b"x" * LARGEST_BODY))
    assert not loopback.takes(Request("POST", "/", body=b"x" * (LARGEST_BODY + 1)))


def test_an_input_of_any_size_arrives(server: Server, client: Client) -> None:
    server.on("POST", RUN, lambda exchange: exchange.output(len(exchange.body)))
    for size in (0, LARGEST_BODY, LARGEST_BODY + 1, 5_000_000):
        assert client.endpoint("admin/hello").run(b"x" * size) == size


def test_a_wait_ends_with_its_time_and_says_so(server: Server, loopback: Loopback) -> None:
    server.on("GET", "/me", Exchange.hold)
    with pytest.raises(TransportError, match="timed out") as caught:
        loopback.send(ASK, timeout=0.5)
    assert (caught.value.sent, caught.value.timed_out) == (True, True)


def test_a_server_that_takes_nothing_in_ends_the_wait_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loopback = Loopback(f"http://127.0.0.1:{deaf.getsockname()[1]}", {})
        with pytest.raises(TransportError) as caught:
            loopback.send(Request("POST", "/", body=b"x" * 30_000_000), timeout=0.5)
        loopback.close()
    assert (caught.value.sent, caught.value.timed_out) == (True, True)


def test_what_does_not_speak_http_is_named_as_such(loopback: Loopback, server: Server) -> None:
    def greet(exchange: Exchange) -> None:
        exchange.handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    server.on("GET", "/me", greet)
    with pytest.raises(TransportError, match="speak http") as caught:
        loopback.send(ASK, timeout=5.0)
    assert caught.value.sent


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        loopback = Loopback(f"http://127.0.0.1:{unused.getsockname()[1]}", {})
        with pytest.raises(TransportError, match="refused") as caught:
            loopback.send(ASK, timeout=5.0)
    assert not caught.value.sent


def test_a_line_break_in_a_header_is_refused_before_anything_is_sent(server: Server, client: Client) -> None:
    with pytest.raises(InvalidRequestError, match="Idempotency-Key"):
        client.endpoint("admin/hello").run(idempotency_key="a\r\nAuthorization: Bearer other")
    with pytest.raises(InvalidRequestError, match="Idempotency-Key"):  # the same on the long way
        next(client.endpoint("admin/hello").stream(idempotency_key="a\r\nAuthorization: Bearer other"))
    assert server.seen == []


def test_closing_the_client_ends_what_is_under_way_and_what_comes_later(server: Server, client: Client) -> None:
    held = threading.Event()
    told: list[TrivetError] = []

    def hold(exchange: Exchange) -> None:
        held.set()
        exchange.hold()

    def ask() -> None:
        try:
            client.endpoint("admin/hello").run()
        except TrivetError as error:
            told.append(error)

    server.on("POST", RUN, hold)
    asking = threading.Thread(target=ask)
    asking.start()
    assert held.wait(30)
    began = time.monotonic()
    client.close()
    asking.join(30)
    ask()
    assert [error.code for error in told] == ["client_closed", "client_closed"]
    assert time.monotonic() - began < 25, "it has waited for the answer, which is held for thirty seconds"


FORK = """
import os, sys, trivet
client = trivet.Client(sys.argv[1], sys.argv[2])
client.jobs.get("job_1")
child = os.fork()
if child == 0:
    client.jobs.get("job_1")
    client.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
print(status, client.jobs.get("job_1").status)
"""


def test_a_forked_process_makes_connections_of_its_own_and_leaves_those_of_its_parent(server: Server) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
    done = subprocess.run(
        [sys.executable, "-c", FORK, server.url, KEY], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("0 running\n", "")
    parents, childs, parents_again = [exchange.port for exchange in server.seen]
    assert parents == parents_again != childs


FORGET = """
import sys, trivet
trivet.Client(sys.argv[1], sys.argv[2]).jobs.get("job_1")
kept = trivet.Client(sys.argv[1], sys.argv[2])
kept.jobs.get("job_1")
print("pyreqwest" in sys.modules)
"""


def test_a_client_that_nobody_closes_leaves_nothing_open_and_costs_no_library(server: Server) -> None:
    server.on("GET", "/jobs/job_1", lambda exchange: exchange.json(job("running")))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FORGET, server.url, KEY],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
