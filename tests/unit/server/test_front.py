"""The front on one connection: whose turn it is, what waits, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from tests import clockwork
from trivet.platform.core.errors import RequestStalled
from trivet.platform.server import front
from trivet.platform.server.front import FrontProtocol
from trivet.platform.server.patience import Patience
from trivet.platform.server.traffic import Traffic
from trivet.platform.wire.hot import Answer, Exchange, Head, HotPath, PassOn

LONG = 10.0
"""Seconds; a test that takes so long has failed."""
DATE = [(b"date", b"Sat, 21 Nov 2026 12:00:00 GMT")]


class Wire(asyncio.Transport):
    """A client's end in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        self.closed = False
        self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closed
        self.sent += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Scene:
    """A connection whose hot requests are answered by hand, and whose others by an application that says "cold"."""

    def __init__(self, *, keep_alive: float = 5.0) -> None:
        self.exchanges: list[Exchange] = []
        self.bodies: list[bytes] = []
        self.heads: list[Head] = []
        self.cold: list[bytes] = []
        self.given_up: list[RequestStalled] = []
        self.answers_stalls = True
        self.path: HotPath = self.hold
        self.wire = Wire()
        self.state = ServerState()
        self.state.default_headers = DATE
        config = uvicorn.Config(
            self.app, interface="asgi3", lifespan="off", log_config=None, access_log=False, ws="none"
        )
        config.timeout_keep_alive = keep_alive  # type: ignore[assignment]  # whole seconds are too long for a test
        self.traffic = Traffic({"hot": "busy"})
        self.protocol = FrontProtocol(
            self.find, config, self.state, {}, asyncio.get_running_loop(), traffic=self.traffic
        )
        self.protocol.connection_made(self.wire)

    def find(self, head: Head) -> HotPath | None:
        self.heads.append(head)
        return (lambda body, exchange: self.path(body, exchange)) if head.path.startswith("/hot") else None

    def hold(self, body: bytes, exchange: Exchange) -> None:
        self.bodies.append(body)
        self.exchanges.append(exchange)

    async def app(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        body, more = b"", True
        while more:
            try:
                message = await receive()
            except RequestStalled as error:
                self.given_up.append(error)
                if not self.answers_stalls:
                    await asyncio.Event().wait()
                await send({"type": "http.response.start", "status": 408, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
                return
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        self.cold.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"cold"})

    def send(self, data: bytes) -> None:
        self.protocol.data_received(data)

    def look(self, seconds: float) -> bool:
        """Somebody looks after so many seconds at what this connection owes."""
        return self.protocol.dun(asyncio.get_running_loop().time() + seconds)

    def answer(self, number: int, text: bytes) -> None:
        self.exchanges[number].answer(Answer(200, b"x: 1\r\n", text))


def hot(body: bytes = b"", path: str = "/hot") -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def answered(text: bytes, *more: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"date: " + DATE[0][1], b"x: 1", b"content-length: %d" % len(text), *more]
    return b"\r\n".join([*lines, b"", text])


COLD = b"GET /cold HTTP/1.1\r\nhost: x\r\n\r\n"
COLD_ANSWER = b"HTTP/1.1 200 OK\r\ndate: " + DATE[0][1] + b"\r\ncontent-length: 4\r\n\r\ncold"


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def play(act: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await act()

    clockwork.play(whole(), LONG)


def test_a_whole_request_is_answered_with_one_write() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"question"))
        assert scene.bodies == [b"question"]
        scene.answer(0, b"answer")
        assert scene.wire.sent == answered(b"answer")
        assert scene.state.total_requests == 1
        assert not scene.cold

    play(act)


def test_answers_are_counted_with_the_path_that_they_answer() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot())
        scene.exchanges[0].answer(Answer(429, b"", b""))
        scene.exchanges[0].answer(Answer(200, b"", b"too late"))
        scene.send(hot(path="/hotter/things") + hot())
        scene.answer(1, b"")
        await settle()
        scene.answer(2, b"")
        scene.send(hot())
        scene.protocol.connection_lost(None)
        scene.answer(3, b"to nobody")
        assert list(scene.traffic.answered()) == [("busy", 200, 1), ("busy", 429, 1), ("none", 200, 1)]

    play(act)


def test_requests_with_the_same_head_are_looked_up_once_and_others_anew() -> None:
    async def act() -> None:
        scene = Scene()
        for body in (b"one", b"two", b"four"):
            scene.send(hot(body))
            scene.answer(-1, b"")
        assert scene.bodies == [b"one", b"two", b"four"]
        assert len(scene.heads) == 2  # the third body is longer, so its head is another

    play(act)


def test_what_comes_while_a_request_is_being_answered_waits_for_its_turn() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"1") + hot(b"2"))
        scene.send(hot(b"3"))
        await settle()
        assert scene.bodies == [b"1"]
        assert not scene.wire.reading
        for number, text in enumerate((b"a", b"b", b"c")):
            scene.answer(number, text)
            await settle()
        assert scene.bodies == [b"1", b"2", b"3"]
        assert scene.wire.sent == answered(b"a") + answered(b"b") + answered(b"c")
        assert scene.wire.reading

    play(act)


def test_a_thousand_requests_at_once_are_answered_in_order() -> None:
    async def act() -> None:
        scene = Scene()
        scene.path = lambda body, exchange: exchange.answer(Answer(200, b"x: 1\r\n", body))
        scene.send(b"".join(hot(b"%d" % number) for number in range(1000)))
        await until(lambda: scene.state.total_requests == 1000)
        assert scene.wire.sent == b"".join(answered(b"%d" % number) for number in range(1000))

    play(act)


def test_hot_and_other_requests_take_turns_on_one_connection() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(COLD)
        scene.send(hot(b"1", path="/hot/but/behind"))
        await settle()
        scene.send(hot(b"2"))
        scene.send(COLD)
        assert scene.cold == [b"", b"1"]  # what came while uvicorn was at work is uvicorn's
        scene.answer(0, b"a")
        await settle()
        assert scene.wire.sent == COLD_ANSWER * 2 + answered(b"a") + COLD_ANSWER

    play(act)


def test_nothing_is_looked_at_while_the_client_does_not_read() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"1"))
        scene.protocol.pause_writing()
        scene.send(hot(b"2"))
        scene.answer(0, b"a")
        await settle()
        assert scene.bodies == [b"1"]
        assert not scene.wire.reading
        scene.protocol.resume_writing()
        await settle()
        assert scene.bodies == [b"1", b"2"]
        assert scene.wire.reading

    play(act)


def test_the_rest_of_a_request_may_come_a_moment_later() -> None:
    async def act() -> None:
        scene = Scene()
        whole = hot(b"question")
        scene.send(whole[:-5])
        scene.send(whole[-5:-2])
        assert not scene.bodies
        scene.send(whole[-2:])
        assert scene.bodies == [b"question"]

    play(act)


def test_a_request_whose_rest_takes_its_time_is_left_to_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "PATIENCE", 0.001)

    async def act() -> None:
        scene = Scene()
        whole = hot(b"question")
        scene.send(whole[:-5])
        await asyncio.sleep(0.005)
        scene.send(whole[-5:])
        await settle()
        assert (scene.cold, scene.bodies) == ([b"question"], [])
        scene.send(hot(b"1"))
        assert scene.bodies == [b"1"]

    play(act)


def test_a_large_body_is_left_to_uvicorn() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"x" * (front.LONGEST_BODY + 1)))
        await settle()
        assert (len(scene.cold), scene.bodies) == (1, [])

    play(act)


def test_a_path_may_pass_a_request_on_with_all_that_follows() -> None:
    async def act() -> None:
        scene = Scene()

        def refuses(body: bytes, exchange: Exchange) -> None:
            raise PassOn

        scene.path = refuses
        scene.send(hot(b"1") + hot(b"2"))
        await settle()
        assert scene.cold == [b"1", b"2"]
        assert scene.wire.sent == COLD_ANSWER * 2

    play(act)


def test_a_path_that_fails_ends_the_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def act() -> None:
        scene = Scene()

        def fails(body: bytes, exchange: Exchange) -> None:
            raise ZeroDivisionError

        scene.path = fails
        scene.send(hot())
        assert scene.wire.closed
        assert "ZeroDivisionError" in caplog.text

    with caplog.at_level(logging.ERROR):
        play(act)


def test_an_answer_may_be_worked_for() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot())

        async def work() -> Answer:
            await asyncio.sleep(0)
            return Answer(200, b"x: 1\r\n", b"late")

        scene.exchanges[0].begin(work())
        assert len(scene.state.tasks) == 1
        await until(lambda: not scene.state.tasks)
        assert scene.wire.sent == answered(b"late")

    play(act)


@pytest.mark.parametrize("error", [ZeroDivisionError(), asyncio.CancelledError()])
def test_work_that_ends_without_an_answer_ends_the_connection(error: BaseException) -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot())

        async def work() -> Answer:
            raise error

        scene.exchanges[0].begin(work())
        await until(lambda: scene.wire.closed)

    play(act)


def test_only_the_first_answer_counts_and_only_while_its_request_waits() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot())
        scene.answer(0, b"a")
        scene.answer(0, b"b")
        scene.send(hot())
        scene.answer(0, b"c")
        assert scene.wire.sent == answered(b"a")
        scene.protocol.connection_lost(None)
        scene.answer(1, b"d")
        assert scene.wire.sent == answered(b"a")

    play(act)


def test_a_timer_of_an_exchange_goes_off_only_while_it_waits() -> None:
    async def act() -> None:
        scene = Scene()
        gone_off: list[int] = []
        for number in range(3):
            scene.send(hot())
            if number == 0:
                scene.answer(number, b"")
            scene.exchanges[number].after(0.002, lambda number=number: gone_off.append(number))
            if number == 1:
                scene.answer(number, b"")
        await until(lambda: bool(gone_off))
        await asyncio.sleep(0.004)
        assert gone_off == [2]

    play(act)


def test_a_connection_on_which_nothing_happens_is_closed() -> None:
    async def act() -> None:
        scene = Scene(keep_alive=0.5)
        scene.send(hot())
        await asyncio.sleep(0.7)
        assert not scene.wire.closed  # it waits for us, not we for it
        for _ in range(4):
            scene.answer(-1, b"")
            await asyncio.sleep(0.2)
            scene.send(hot())
        assert not scene.wire.closed
        scene.answer(-1, b"")
        await until(lambda: scene.wire.closed)

    play(act)


def test_the_quiet_of_a_connection_is_uvicorns_matter_behind_an_answer_of_its_own() -> None:
    async def act() -> None:
        scene = Scene(keep_alive=0.5)
        scene.send(hot())
        scene.answer(0, b"")
        await asyncio.sleep(0.2)
        scene.send(COLD)
        await asyncio.sleep(0.4)
        assert not scene.wire.closed
        scene.send(hot())
        await asyncio.sleep(0.7)
        assert not scene.wire.closed
        scene.answer(1, b"")
        scene.send(COLD)
        await until(lambda: scene.wire.closed)

    play(act)


def test_a_stop_waits_for_the_answer_and_takes_nothing_more() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"1") + hot(b"2"))
        scene.protocol.shutdown()
        assert not scene.wire.closed
        scene.answer(0, b"a")
        await settle()
        assert scene.wire.sent == answered(b"a", b"connection: close")
        assert scene.wire.closed
        assert scene.bodies == [b"1"]

    play(act)


def test_a_stop_closes_a_connection_that_waits_for_nothing() -> None:
    async def act() -> None:
        idle, half = Scene(), Scene()
        half.send(hot(b"question")[:-3])
        for scene in (idle, half):
            scene.protocol.shutdown()
            assert scene.wire.closed

    play(act)


def test_a_head_without_an_end_is_refused() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(b"GET / HTTP/1.1\r\nhost: x\r\n")
        header = b"x-more: " + b"y" * 8000 + b"\r\n"
        for _ in range(9):
            if not scene.wire.closed:
                scene.send(header)
        assert scene.wire.closed
        assert scene.wire.sent.startswith(b"HTTP/1.1 431 ")
        assert b"connection: close" in scene.wire.sent

    play(act)


def test_long_heads_one_after_another_are_no_long_head() -> None:
    async def act() -> None:
        scene = Scene()
        head = COLD[:-2] + b"x-more: " + b"y" * 20_000 + b"\r\n\r\n"
        for number in range(5):
            scene.send(head[:10_000])
            scene.send(head[10_000:])
            await until(lambda number=number: len(scene.cold) > number)  # type: ignore[misc]  # a default binds it
        assert not scene.wire.closed

    play(act)


def test_a_head_behind_many_requests_in_one_piece_is_no_long_head() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(COLD * 2000 + COLD[:10])
        scene.send(COLD[10:])
        await until(lambda: len(scene.cold) == 2001)
        assert scene.wire.sent == COLD_ANSWER * 2001

    play(act)


def test_a_refused_head_does_not_land_amid_the_answer_before_it() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(HALF)
        scene.send(b"tion" + b"GET / HTTP/1.1\r\n")
        header = b"x-more: " + b"y" * 8000 + b"\r\n"
        for _ in range(9):
            if not scene.wire.closed:
                scene.send(header)
        assert scene.wire.closed
        assert scene.wire.sent == b""

    play(act)


# -- patience

HEAD_PATIENCE, BODY_PATIENCE = Patience().head, Patience().body
HALF = b"POST /cold HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nques"


def test_a_head_that_does_not_come_to_its_end_is_given_up_however_slowly_it_goes_on() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(b"GET / HTTP/1.1\r\n")
        assert scene.look(HEAD_PATIENCE - 1)
        scene.send(b"x: y\r\n")
        assert not scene.wire.closed
        scene.look(HEAD_PATIENCE + 0.1)
        assert scene.wire.sent.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"20 seconds" in scene.wire.sent
        assert scene.wire.closed

    play(act)


def leave_unsent(scene: Scene, count: int) -> None:
    """The client has so many bytes of the answer left to take; the transport says so as asyncio's do."""
    scene.wire.unsent = count
    scene.protocol.pause_writing()


def test_a_reader_who_takes_nothing_of_its_answer_is_let_go() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"much"))
        leave_unsent(scene, 100_000)
        scene.answer(0, b"much")
        assert scene.look(0.0)
        assert scene.look(BODY_PATIENCE - 1)
        assert not scene.wire.aborted
        assert not scene.look(BODY_PATIENCE + 0.1)
        assert scene.wire.aborted

    play(act)


def test_a_reader_who_takes_a_little_now_and_then_is_waited_for() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"much"))
        leave_unsent(scene, 100_000)
        scene.answer(0, b"much")
        for turn in range(10):
            scene.wire.unsent -= 1
            assert scene.look(turn * (BODY_PATIENCE - 1))
        scene.protocol.resume_writing()
        leave_unsent(scene, scene.wire.unsent)  # it has taken all, and as much again is on its way
        assert scene.look(10 * (BODY_PATIENCE - 1) + 2)
        assert not scene.wire.closed
        scene.wire.unsent = 0
        assert not scene.look(20 * BODY_PATIENCE)
        assert not scene.wire.closed

    play(act)


def test_a_closed_connection_is_given_up_where_its_last_answer_is_not_taken() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(hot(b"much"))
        scene.answer(0, b"much")
        scene.wire.unsent = 1
        scene.protocol.timeout_keep_alive_handler()
        assert scene.wire.closed
        assert scene.look(0.0)
        assert not scene.wire.aborted
        assert not scene.look(BODY_PATIENCE + 0.1)
        assert scene.wire.aborted

    play(act)


def test_a_connection_that_never_says_anything_is_closed_without_a_word() -> None:
    async def act() -> None:
        scene = Scene()
        assert scene.look(HEAD_PATIENCE - 1)
        assert not scene.wire.closed
        scene.look(HEAD_PATIENCE + 0.1)
        assert (scene.wire.closed, scene.wire.sent) == (True, b"")
        assert not scene.look(HEAD_PATIENCE + 0.1)

    play(act)


def test_empty_lines_are_no_request_and_keep_no_connection() -> None:
    async def act() -> None:
        fresh, used = Scene(), Scene(keep_alive=0.01)
        fresh.send(b"\r\n")
        fresh.look(HEAD_PATIENCE + 0.1)
        assert fresh.wire.closed
        used.send(COLD)
        await settle()
        used.send(b"\r\n")
        await until(lambda: used.wire.closed)

    play(act)


@pytest.mark.parametrize("whole", [hot(b"1"), COLD])
def test_who_has_sent_whole_requests_owes_nothing(whole: bytes) -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(whole)
        await settle()
        assert not scene.look(1000)
        assert not scene.wire.closed

    play(act)


def test_a_head_behind_a_request_that_is_being_answered_has_its_time_after_it() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(HALF + b"tion" + b"GET / HTTP/1.1\r\n")
        assert scene.look(1000)
        assert not scene.wire.closed
        await settle()
        assert scene.look(1000 + HEAD_PATIENCE - 1)
        assert not scene.wire.closed
        scene.look(1000 + HEAD_PATIENCE + 0.1)
        assert scene.wire.sent.startswith(COLD_ANSWER + b"HTTP/1.1 408")

    play(act)


def test_a_body_that_stands_still_is_given_up_and_answered_by_whoever_reads_it() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(HALF)
        await settle()
        assert scene.look(BODY_PATIENCE - 1)
        scene.send(b"ti")
        await settle()
        assert not scene.given_up
        assert scene.look(BODY_PATIENCE + 0.1)
        await settle()
        assert "60 seconds" in scene.given_up[0].detail
        assert scene.wire.sent.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b"connection: close\r\n" in scene.wire.sent
        assert scene.wire.closed
        assert not scene.cold

    play(act)


def test_a_body_whose_stalling_nobody_answers_costs_the_connection() -> None:
    async def act() -> None:
        scene = Scene()
        scene.answers_stalls = False
        scene.send(HALF)
        await settle()
        scene.look(BODY_PATIENCE + 0.1)
        await settle()
        assert scene.given_up
        assert scene.look(2 * BODY_PATIENCE)
        assert not scene.wire.closed
        scene.look(2 * BODY_PATIENCE + 1)
        assert scene.wire.closed

    play(act)


def test_a_body_that_waits_for_us_is_waited_for() -> None:
    async def act() -> None:
        paused, asks_first = Scene(), Scene()
        paused.send(HALF)
        await settle()
        paused.protocol.flow.pause_reading()
        asks_first.send(HALF.replace(b"\r\n\r\nques", b"\r\nexpect: 100-continue\r\n\r\n"))
        for scene in (paused, asks_first):
            assert scene.look(1000)
        await settle()
        for scene in (paused, asks_first):
            assert not scene.given_up
            assert not scene.wire.closed

    play(act)


def test_a_connection_that_changes_its_protocol_is_not_cut_amid_an_answer() -> None:
    async def act() -> None:
        scene = Scene()
        scene.send(COLD[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n")
        assert scene.look(1000)
        await settle()
        assert scene.wire.sent == COLD_ANSWER
        assert not scene.wire.closed

    play(act)
