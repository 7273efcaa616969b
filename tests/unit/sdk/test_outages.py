"""A server that restarts: what is asked about a known job outlasts it, and everything else fails as quickly as ever."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.ports import free_port
from tests.unit.sdk.server import KEY, Exchange, Server, accepted, job
from trivet.sdk import AsyncClient, Client
from trivet.sdk._retry import Backoff
from trivet.sdk.errors import ServiceUnavailableError, TimedOutError, TrivetError

RESULT, DOCUMENT, EVENTS = "/jobs/job_1/result", "/jobs/job_1", "/jobs/job_1/events"
OUTAGE = 0.3
"""Seconds without a server: many times longer than the few repetitions of an ordinary request take here."""


class Restarting:
    """A server that is killed while it answers, and comes back on the same port a little later."""

    def __init__(self) -> None:
        self.first = Server(free_port())  # nobody is given it by chance while no server is there
        self.url = self.first.url
        self.second: Server | None = None
        self.prepare: Callable[[Server], None] = lambda _: None
        self._restart: threading.Thread | None = None

    def kill(self, exchange: Exchange) -> None:
        """An answer: none, as the server is gone, and with it the way to it."""
        self._restart = threading.Thread(target=self._come_back, args=(self.first.port,))
        self.first.close()  # before the connection is cut: nobody comes in between
        exchange.drop()
        self._restart.start()

    def _come_back(self, port: int) -> None:
        time.sleep(OUTAGE)
        self.second = Server(port, prepare=self.prepare)

    def close(self) -> None:
        if self._restart is not None:
            self._restart.join(30)
        for server in (self.first, self.second):
            if server is not None:
                server.close()


@pytest.fixture
def restarting() -> Iterator[Restarting]:
    made = Restarting()
    yield made
    made.close()


@pytest.fixture
def patient(restarting: Restarting) -> Iterator[Client]:
    with Client(restarting.url, KEY, timeout=5.0) as made:
        made._session.backoff = Backoff(base=0.01, outage_cap=0.05, outage=5.0)
        yield made


@pytest.fixture
def gone() -> Iterator[str]:
    """The URL of a server that is not there. Nobody else can be, either."""
    with socket.socket() as claim:
        claim.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{claim.getsockname()[1]}"


def finished(server: Server) -> None:
    server.on("GET", RESULT, lambda exchange: exchange.output("done"))
    server.on("GET", DOCUMENT, lambda exchange: exchange.json(job("succeeded")))


@pytest.mark.parametrize("timeout", [None, 10.0])
def test_a_result_outlasts_a_restart(restarting: Restarting, patient: Client, timeout: float | None) -> None:
    restarting.first.on("GET", RESULT, restarting.kill)
    restarting.prepare = finished
    assert patient.job("job_1").result(timeout=timeout) == "done"


def test_an_awaited_result_outlasts_a_restart(restarting: Restarting) -> None:
    restarting.first.on("GET", RESULT, restarting.kill)
    restarting.prepare = finished

    async def ask() -> object:
        async with AsyncClient(restarting.url, KEY) as client:
            client._session.backoff = Backoff(base=0.01, outage_cap=0.05)
            return await client.job("job_1").result()

    assert asyncio.run(ask()) == "done"


def test_waiting_and_asking_outlast_a_restart(restarting: Restarting, patient: Client) -> None:
    restarting.first.on("GET", DOCUMENT, restarting.kill)
    restarting.prepare = finished
    handle = patient.job("job_1")
    assert handle.wait() == "succeeded"
    assert handle.refresh().status == "succeeded"


def test_a_run_that_became_a_job_outlasts_a_restart(restarting: Restarting, patient: Client) -> None:
    restarting.first.on("POST", "/endpoints/admin/hello/run", accepted(job("running")))
    restarting.first.on("GET", RESULT, restarting.kill)
    restarting.prepare = finished
    assert patient.endpoint("admin/hello").run() == "done"
    assert restarting.second is not None
    assert {exchange.method for exchange in restarting.second.seen} == {"GET"}


def test_a_stream_goes_on_behind_its_last_piece_after_a_restart(restarting: Restarting, patient: Client) -> None:
    def begin(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("piece", "a", 0)
        restarting.kill(exchange)

    def rest(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("piece", "b", int(exchange.headers["last-event-id"]) + 1)
        exchange.event("end", job("succeeded"))
        exchange.end()

    restarting.first.on("POST", "/endpoints/admin/hello/stream", begin)
    restarting.prepare = lambda server: server.on("GET", EVENTS, rest)
    assert list(patient.endpoint("admin/hello").stream()) == ["a", "b"]


def test_events_outlast_a_restart(restarting: Restarting, patient: Client) -> None:
    def whole(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("end", job("succeeded"))
        exchange.end()

    restarting.first.on("GET", EVENTS, restarting.kill)
    restarting.prepare = lambda server: server.on("GET", EVENTS, whole)
    assert len(list(patient.job("job_1").events())) == 1


def test_a_proxy_without_its_server_is_an_outage_too(server: Server, client: Client) -> None:
    def bad_gateway(exchange: Exchange) -> None:
        exchange.answer(502)

    server.on("GET", RESULT, *[bad_gateway] * 8, lambda exchange: exchange.output("done"))
    client._session.backoff = Backoff(base=0.01, outage_cap=0.02)
    assert client.job("job_1").result() == "done"


def test_a_repetition_asks_for_no_longer_than_what_is_left(server: Server, client: Client) -> None:
    server.on(
        "GET",
        RESULT,
        lambda exchange: exchange.problem(503, "unavailable", headers={"Retry-After": "0.2"}),
        lambda exchange: exchange.output("done"),
    )
    assert client.job("job_1").result(timeout=30.0) == "done"
    first, second = (float(exchange.query["wait"]) for exchange in server.seen)
    assert second <= first - 0.2


ASK: list[Callable[[Client], object]] = [
    lambda client: client.job("job_1").result(timeout=0.4),
    lambda client: client.job("job_1").wait(timeout=0.4),
    lambda client: client.job("job_1").result(),
    lambda client: client.job("job_1").refresh(),
    lambda client: list(client.job("job_1").events()),
    lambda client: list(client.job("job_1").stream()),
]


@pytest.mark.parametrize("ask", ASK)
def test_an_outage_that_does_not_end_is_told_with_the_jobs_id(gone: str, ask: Callable[[Client], object]) -> None:
    with Client(gone, KEY) as client:
        client._session.backoff = Backoff(base=0.01, outage_cap=0.05, outage=0.4)
        began = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match="can't be reached") as caught:
            ask(client)
    assert 0.35 < time.monotonic() - began < 15.0
    assert caught.value.job_id == "job_1"
    assert "goes on" in caught.value.hint
    assert "client.job('job_1').result()" in caught.value.hint
    assert "trivet up" in caught.value.hint


def test_a_server_that_says_nothing_to_the_end_is_told_with_the_jobs_id(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.sdk._http.MARGIN", 0.1)
    server.on("GET", RESULT, lambda exchange: exchange.hold())
    with pytest.raises(TimedOutError) as caught:
        client.job("job_1").result(timeout=0.1)
    assert caught.value.job_id == "job_1"
    assert "client.job('job_1').result()" in caught.value.hint


QUICK: list[Callable[[Client], object]] = [
    lambda client: client.endpoint("admin/hello").submit({}),
    lambda client: client.endpoint("admin/hello").run({}),
    lambda client: client.endpoint("admin/hello").run({}, timeout=20.0),
    lambda client: list(client.endpoint("admin/hello").stream({})),
    lambda client: client.job("job_1").cancel(),
    lambda client: client.job("job_1").replay(),
    lambda client: client.jobs.get("job_1"),
    lambda client: list(client.jobs.list()),
    lambda client: client.me(),
]


@pytest.mark.parametrize("ask", QUICK)
def test_whatever_else_is_asked_fails_as_quickly_as_ever(gone: str, ask: Callable[[Client], object]) -> None:
    with Client(gone, KEY) as client:
        client._session.backoff = Backoff(base=0.01)
        began = time.monotonic()
        with pytest.raises(ServiceUnavailableError) as caught:
            ask(client)
    assert time.monotonic() - began < 15.0
    assert caught.value.job_id is None


def test_a_client_that_repeats_nothing_does_not_outlast_anything(gone: str) -> None:
    with Client(gone, KEY, retries=0) as client:
        began = time.monotonic()
        with pytest.raises(TrivetError):
            client.job("job_1").result(timeout=20.0)
    assert time.monotonic() - began < 15.0
