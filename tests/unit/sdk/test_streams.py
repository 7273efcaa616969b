"""Streams: pieces as they come, across connections that break."""

from __future__ import annotations

import pytest

from tests.unit.sdk.server import FAILURE, KEY, Exchange, Server, job
from trivet.sdk import Client
from trivet.sdk._retry import Backoff
from trivet.sdk.errors import JobFailedError, NotFoundError, ServiceUnavailableError
from trivet.sdk.models import LogLine, Piece, Progress, StatusChange

STREAM = "/endpoints/admin/hello/stream"
EVENTS = "/jobs/job_1/events"


def whole(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event("job", job("running"))
    exchange.send(": ping\n\n")
    exchange.event("progress", {"fraction": 0.5, "message": "half"})
    exchange.event("piece", "Hel", 0)
    exchange.event("log", {"stream": "stdout", "text": "thinking"})
    exchange.event("piece", {"base64": "AP8=", "type": "application/octet-stream"}, 1)
    exchange.event("surprise", {"from": "a newer server"})
    exchange.event("end", job("succeeded", pieces=2))
    exchange.end()


def cut_after_two(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event("job", job("running"))
    exchange.event("piece", "a", 0)
    exchange.event("piece", "b", 1)
    exchange.send("event: piece\nid: 2\ndata: lost")
    exchange.drop()


def rest(exchange: Exchange) -> None:
    exchange.begin()
    exchange.event("job", job("running"))
    for number in range(int(exchange.headers["last-event-id"]), 4):  # repeats the last one, as a sloppy server might
        exchange.event("piece", "abcd"[number], number)
    exchange.event("end", job("succeeded"))
    exchange.end()


def test_pieces_come_decoded_and_progress_goes_to_its_callback(server: Server, client: Client) -> None:
    server.on("POST", STREAM, whole)
    told: list[Progress] = []
    stream = client.endpoint("admin/hello").stream({"n": 1}, on_progress=told.append)
    unknown = stream.job
    assert unknown is None
    assert list(stream) == ["Hel", b"\x00\xff"]
    assert told == [Progress(0.5, "half")]
    assert stream.job is not None
    assert (stream.job.id, stream.job.status) == ("job_1", "succeeded")
    assert server.seen[0].headers["accept"] == "text/event-stream"


def test_the_first_piece_comes_before_the_second_is_made(server: Server, client: Client) -> None:
    def one_then_nothing(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("piece", 1, 0)
        exchange.hold()

    server.on("POST", STREAM, one_then_nothing)
    with client.endpoint("admin/hello").stream() as stream:
        assert next(stream) == 1


def test_a_dropped_stream_goes_on_where_it_was(server: Server, client: Client) -> None:
    server.on("POST", STREAM, cut_after_two)
    server.on("GET", EVENTS, rest)
    assert list(client.endpoint("admin/hello").stream()) == ["a", "b", "c", "d"]
    assert [(exchange.method, exchange.headers.get("last-event-id")) for exchange in server.seen] == [
        ("POST", None),
        ("GET", "1"),
    ]


def test_a_stream_that_ends_without_its_end_is_taken_up_again(server: Server, client: Client) -> None:
    def polite_but_early(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("piece", "a", 0)
        exchange.end()

    server.on("POST", STREAM, polite_but_early)
    server.on("GET", EVENTS, rest)
    assert list(client.endpoint("admin/hello").stream()) == ["a", "b", "c", "d"]


def test_a_stream_dropped_before_its_job_is_known_is_not_called_again(server: Server, client: Client) -> None:
    def nothing(exchange: Exchange) -> None:
        exchange.begin()
        exchange.drop()

    server.on("POST", STREAM, nothing)
    with pytest.raises(ServiceUnavailableError):
        list(client.endpoint("admin/hello").stream())
    assert len(server.seen) == 1


def test_a_stream_that_breaks_again_and_again_gives_up(server: Server, client: Client) -> None:
    def cut(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.drop()

    server.on("POST", STREAM, cut)
    server.on("GET", EVENTS, cut)
    client._session.backoff = Backoff(base=0.01, outage=0.1)
    with pytest.raises(ServiceUnavailableError, match="broke") as caught:
        list(client.endpoint("admin/hello").stream())
    assert caught.value.job_id == "job_1"
    assert 2 < len(server.seen) < 20


def test_a_broken_stream_is_left_at_that_where_nothing_is_to_be_repeated(server: Server) -> None:
    server.on("POST", STREAM, cut_after_two)
    with Client(server.url, KEY, retries=0) as client, pytest.raises(ServiceUnavailableError, match="broke"):
        list(client.endpoint("admin/hello").stream())
    assert len(server.seen) == 1


def test_a_failing_stream_gives_its_pieces_and_then_raises(server: Server, client: Client) -> None:
    def failing(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("piece", 1, 0)
        exchange.event("end", job("failed", error=FAILURE))
        exchange.end()

    server.on("POST", STREAM, failing)
    stream = client.endpoint("admin/hello").stream()
    assert next(stream) == 1
    with pytest.raises(JobFailedError, match="ValueError: no such name") as caught:
        next(stream)
    assert caught.value.job_id == "job_1"
    assert caught.value.hint == "Look at main.py, line 3."
    assert stream.job is not None
    assert stream.job.status == "failed"


def test_an_error_in_place_of_a_stream_has_the_servers_words(client: Client) -> None:
    with pytest.raises(NotFoundError, match="Nothing at"):
        next(client.endpoint("nobody/nothing").stream())


def test_a_job_can_be_listened_to_again(server: Server, client: Client) -> None:
    server.on("GET", EVENTS, whole)
    events = list(client.job("job_1").events())
    assert [type(event) for event in events] == [StatusChange, Progress, Piece, LogLine, Piece, StatusChange]
    assert events[-1].last  # type: ignore[union-attr]
    handle = client.job("job_1")
    assert list(handle.stream()) == ["Hel", b"\x00\xff"]
    assert handle.status == "succeeded"


def test_following_a_log_gives_lines_until_it_is_closed(server: Server, client: Client) -> None:
    def lines(exchange: Exchange) -> None:
        assert exchange.query == {"follow": "true"}
        exchange.begin()
        exchange.event("log", {"stream": "stderr", "text": "one", "worker_id": "w1"})
        exchange.hold()

    server.on("GET", "/endpoints/admin/hello/logs", lines)
    following = client.endpoints.follow_logs("admin/hello")
    assert next(following) == LogLine("one", "stderr", worker_id="w1")
    following.close()
