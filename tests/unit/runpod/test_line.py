"""What a worker makes of a server that is not in good health: it waits, it goes on, and it brings its results."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.runpod.test_serverless import place
from tests.unit.sdk.server import Exchange, Server, serving
from trivet.runpod.serverless import line as module
from trivet.runpod.serverless.line import Line, Taken
from trivet.runpod.serverless.surroundings import Surroundings
from trivet.sdk._retry import Backoff

TAKE = "/api/v2/ep/job-take/w1"
DONE = "/api/v2/ep/job-done/w1/j"


@pytest.fixture
def line(server: Server, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr("trivet.sdk._sync.channel.Backoff", lambda retries: Backoff(retries=retries, base=0.01))
    here = Surroundings.read(place(server.url))
    assert here is not None
    return Line(here)


def answering(status: int, body: bytes = b"", kind: str = "application/json") -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(status, body, Content_Type=kind)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (answering(200, b'{"id": "j", "input": null}'), Taken([{"id": "j", "input": None}])),
        (answering(200, b'[{"id": "j", "input": 1}, {"id": "k"}]'), Taken([{"id": "j", "input": 1}, {"id": "k"}])),
        (answering(200, b'{"input": 1}'), Taken([])),
        (answering(200, b'[7, {"id": 7}]'), Taken([])),
        (answering(200, b"null"), Taken([])),
        (answering(200, b"<html>", "text/html"), Taken([])),
        (answering(200), Taken([])),
        (answering(204), Taken([])),
        (answering(429), Taken([], 5.0)),
        (answering(401), Taken([], 5.0)),
        (answering(500, b"<html>", "text/html"), Taken([], 5.0)),
        (Exchange.drop, Taken([], 1.0)),
    ],
)
def test_what_comes_of_asking_for_jobs(
    server: Server, line: Line, answer: Callable[[Exchange], None], taken: Taken
) -> None:
    server.on("GET", TAKE, answer)
    assert line.take(1, busy=False) == taken
    assert len(server.seen) == 1


def test_a_workers_key_follows_no_redirect(server: Server, line: Line) -> None:
    with serving() as other:
        server.on("GET", TAKE, lambda exchange: exchange.answer(307, Location=other.url + TAKE))
        assert line.take(1, busy=False).wait == 5.0
        server.on("POST", DONE, lambda exchange: exchange.answer(308, Location=other.url + DONE))
        line.finish("j", {"output": 1})
        assert other.seen == []


def test_a_result_is_brought_again_until_it_has_arrived(server: Server, line: Line) -> None:
    server.on("POST", DONE, Exchange.drop, answering(502), answering(503), answering(200, b"{}"))
    line.finish("j", {"output": 1})
    assert [exchange.body for exchange in server.seen] == [b'{"output":1}'] * 4


def test_a_result_that_nobody_answers_is_brought_again(
    server: Server, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SLOWEST_POST", -4.8)  # with the usual margin, a moment
    server.on("POST", DONE, Exchange.hold, answering(200, b"{}"))
    line.finish("j", {"output": 1})
    assert len(server.seen) == 2


def test_a_result_that_is_refused_is_told_in_the_log(
    server: Server, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("POST", DONE, answering(400, b'{"error": "too large"}'))
    line.finish("j", {"output": 1})
    assert "too large" in capsys.readouterr().out
    assert len(server.seen) == 1


def test_a_worker_that_hangs_up_asks_no_more_and_still_brings_its_results(
    server: Server, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    server.on("GET", TAKE, answering(204))
    server.on("POST", DONE, answering(200, b"{}"))
    line.take(1, busy=False)
    line.hang_up()
    assert line.take(1, busy=False).jobs == []
    line.finish("j", {"output": 1})
    assert [exchange.method for exchange in server.seen] == ["GET", "POST"]
    assert capsys.readouterr().out == ""
