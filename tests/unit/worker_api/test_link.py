"""The link over a real unix socket: a worker in the test's hand speaks frames, the real services hear them."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.jobs import Job, JobStatus, Progress
from trivet.platform.core.payloads import Payload
from trivet.platform.core.workers import WorkerState
from trivet.platform.worker_api import link as link_module
from trivet.platform.worker_api.listener import Listener
from trivet.protocol.frames import MAX_FRAME, PROTOCOL_VERSION, Decoder, Frame, Kind, encode

HELLO = ref("ada/hello")
PATIENCE = 5.0
"""Seconds that anything on the socket may take."""


class Wire:
    """A worker's end of a link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    def raw(self, data: bytes) -> None:
        self._writer.write(data)

    def say(self, kind: Kind, attempt: int = 0, meta: dict[str, Any] | None = None, body: bytes = b"") -> None:
        self.raw(encode(kind, attempt, meta, body))

    async def hear(self) -> Frame | None:
        """The next frame; None where the server has closed the link."""
        async with asyncio.timeout(PATIENCE):
            while not self._frames:
                try:
                    data = await self._reader.read(65536)
                except ConnectionResetError:  # closed with something of ours still unread
                    return None
                if not data:
                    return None
                self._frames = self._decoder.feed(data)
        return self._frames.pop(0)

    async def heard(self, kind: Kind) -> Frame:
        frame = await self.hear()
        assert frame is not None, f"the link was closed instead of saying {kind.name}"
        assert frame.kind is kind
        return frame

    async def is_closed(self) -> bool:
        """Waits for the end of the link; True where nothing was said before it."""
        return await self.hear() is None

    def die(self, *last: bytes) -> None:
        """Says something and is gone, all in this moment: the server can have read nothing of it when it writes next."""
        with socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno())) as end:
            end.sendall(b"".join(last))
            end.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:  # the server was faster
            pass


class Dock(Plant):
    """Ada's ``ada/hello``, two jobs to a worker, and a listener on a socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.ada = self.account("ada")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", concurrency=2)
        self.scaling.close()
        self.path = folder / "link.sock"
        self.listener = Listener(self.workers, self.dispatcher.attempts, self.path, self.vault.unseal)
        self._wires: list[Wire] = []

    def dock(self, scene: Coroutine[Any, Any, None]) -> None:
        async def whole() -> None:
            await self.listener.open()
            try:
                await scene
            finally:
                for wire in self._wires:
                    await wire.close()
                await self.listener.close()
                await self.eventually(lambda: not self.listener._links)

        self.play(whole())

    async def eventually(self, holds: Callable[[], object]) -> None:
        """Waits until what was sent has been taken."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.001)

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_unix_connection(str(self.path)))
        self._wires.append(wire)
        return wire

    async def start(self) -> tuple[str, str]:
        """A worker that the platform expects: its id and its token."""
        worker_id = self.workers.start(self.version)
        await self.until(lambda: worker_id in self.runtime.started)
        return worker_id, self.runtime.started[worker_id].token

    async def up(self, **more: Any) -> tuple[Wire, str]:
        """A worker that has a link and is ready."""
        worker_id, token = await self.start()
        wire = await self.connect()
        wire.say(Kind.HELLO, 0, hello(worker_id, token, **more))
        await wire.heard(Kind.WELCOME)
        wire.say(Kind.READY)
        await self.eventually(lambda: self.dispatcher.board.seat_of(worker_id) is not None)
        return wire, worker_id

    async def order(self, wire: Wire, given: str = '"x"') -> tuple[Job, Frame]:
        """A job that the worker has been sent."""
        view = await self.calls.submit(self.ada, HELLO, payload(given))
        return view.job, await wire.heard(Kind.JOB)

    async def job(self, job_id: str) -> Job:
        return (await self.jobs.get(self.ada, job_id)).job

    async def ended(self, job_id: str) -> Job:
        view = await self.jobs.get(self.ada, job_id, wait=PATIENCE)
        assert view.job.is_final
        return view.job

    async def check_serves(self) -> None:
        """Asserts that another worker is served as if nothing had happened."""
        wire, worker_id = await self.up()
        job, order = await self.order(wire)
        wire.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")
        assert (await self.ended(job.id)).status is JobStatus.SUCCEEDED
        self.runtime.kill(worker_id)


def hello(worker_id: str, token: str, **changes: Any) -> dict[str, Any]:
    return {"protocol": PROTOCOL_VERSION, "worker_id": worker_id, "token": token, "pid": 4711, **changes}


@pytest.fixture
def dock() -> Iterator[Dock]:
    with tempfile.TemporaryDirectory(prefix="trivet-") as folder:  # pytest's own is too deep for a socket's path
        yield Dock(Path(folder))


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def each_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both kinds of event loop that the server runs on, as they close broken connections each in its way."""
    monkeypatch.setattr("asyncio.events.new_event_loop", request.param)


def result_of(order: Frame) -> bytes:
    return encode(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")


# -- hello --------------------------------------------------------------------------------------------------------------


def test_an_expected_worker_is_welcomed_and_told_what_it_needs(dock: Dock) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wire.say(Kind.HELLO, 0, hello(worker_id, token))
        welcome = await wire.heard(Kind.WELCOME)
        assert welcome.meta == {
            "endpoint": "ada/hello",
            "version": dock.version.number,
            "concurrency": 2,
            "heartbeat": 5.0,
            "max_output": 1 << 20,
        }
        (view,) = dock.workers.roster.views(dock.ada)
        assert (view.worker.pid, view.state) == (4711, WorkerState.INITIALIZING)

    dock.dock(scene())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "wrong"}, "unauthenticated"),
        ({"token": ""}, "unauthenticated"),
        ({"token": "\u00fcmlaut"}, "unauthenticated"),
        ({"token": "\ud800"}, "unauthenticated"),
        ({"worker_id": "wrk_unknown"}, "unauthenticated"),
        ({"protocol": PROTOCOL_VERSION + 1}, "protocol_version"),
        ({"protocol": None}, "protocol_version"),
        ({"protocol": [PROTOCOL_VERSION]}, "protocol_version"),
    ],
)
def test_who_is_not_expected_is_refused_with_the_reason_and_the_link_ends(
    dock: Dock, changes: dict[str, Any], code: str
) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wire.say(Kind.HELLO, 0, {**hello(worker_id, token), **changes})
        refused = await wire.heard(Kind.REFUSED)
        assert refused.meta["code"] == code
        assert refused.meta["message"]
        assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())


def test_a_second_try_behind_a_refusal_is_not_heard(dock: Dock) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wrong, right = hello(worker_id, "wrong"), hello(worker_id, token)
        wire.raw(encode(Kind.HELLO, 0, wrong) + encode(Kind.HELLO, 0, right) + encode(Kind.READY))
        await wire.heard(Kind.REFUSED)
        assert await wire.is_closed()
        assert dock.workers.roster.views(dock.ada)[0].state is WorkerState.INITIALIZING

    dock.dock(scene())


def test_a_second_link_for_the_same_worker_is_refused_and_the_first_goes_on(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        second = await dock.connect()
        second.say(Kind.HELLO, 0, hello(worker_id, dock.runtime.started[worker_id].token))
        await second.heard(Kind.REFUSED)
        assert await second.is_closed()
        job, order = await dock.order(wire)
        wire.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")
        assert (await dock.ended(job.id)).status is JobStatus.SUCCEEDED

    dock.dock(scene())


@pytest.mark.parametrize("missing", ["token", "worker_id"])
@pytest.mark.parametrize("value", [None, 7, ["a"], {}])
def test_a_hello_that_lacks_what_it_must_say_ends_the_link(dock: Dock, missing: str, value: object) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wire.say(Kind.HELLO, 0, {**hello(worker_id, token), missing: value})
        assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00" * 64,
        b"\xff" * 64,
        struct.pack(">IBIQ", 13, 99, 0, 0),  # an unknown kind
        struct.pack(">IBIQ", 13, Kind.HELLO, 500, 0),  # meta longer than the frame
        struct.pack(">IBIQ", MAX_FRAME + 1, Kind.HELLO, 0, 0),
        struct.pack(">IBIQ", 13 + 4, Kind.HELLO, 4, 0) + b"nope",
        struct.pack(">IBIQ", 13 + 2, Kind.HELLO, 2, 0) + b"[]",
        struct.pack(">IBIQ", 13 + 40_000, Kind.HELLO, 40_000, 0) + b"[" * 40_000,
        encode(Kind.READY),
        encode(Kind.RESULT, 1, {"token": "x"}, b"1"),
        encode(Kind.WELCOME),
    ],
)
def test_garbage_ends_the_link_and_breaks_nothing(dock: Dock, garbage: bytes) -> None:
    async def scene() -> None:
        wire = await dock.connect()
        wire.raw(garbage)
        assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())


def test_an_oversized_first_frame_is_not_waited_for(dock: Dock) -> None:
    async def scene() -> None:
        wire = await dock.connect()
        wire.raw(struct.pack(">IBIQ", 100_000_000, Kind.HELLO, 0, 0) + b"x" * 200_000)
        assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())


def test_who_says_nothing_is_not_waited_for_long(dock: Dock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "HELLO_TIMEOUT", 0.01)

    async def scene() -> None:
        assert await (await dock.connect()).is_closed()
        wire = await dock.connect()
        wire.raw(b"\x00")
        assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())


def test_a_hello_may_come_in_pieces_and_with_what_follows_it(dock: Dock) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        data = encode(Kind.HELLO, 0, hello(worker_id, token)) + encode(Kind.READY)
        wire.raw(data[:10])
        await asyncio.sleep(0.01)
        wire.raw(data[10:-5])
        await wire.heard(Kind.WELCOME)
        assert dock.dispatcher.board.seat_of(worker_id) is None
        wire.raw(data[-5:])
        await dock.eventually(lambda: dock.dispatcher.board.seat_of(worker_id) is not None)

    dock.dock(scene())


# -- attempts -----------------------------------------------------------------------------------------------------------


def test_a_log_that_was_cut_off_says_so(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire, '"Ada"')
        token = {"token": order.meta["token"]}
        wire.say(Kind.LOG, order.attempt, {**token, "stream": "stdout", "truncated": True}, b"and so")
        wire.say(Kind.RESULT, order.attempt, {**token, "type": "text/plain"}, b"done")
        await dock.ended(job.id)
        events = await dock.store.read(lambda tx: tx.jobs.events(job.id))
        assert [event.label for event in events] == ["stdout", "system"]
        assert b"not kept" in events[1].data

    dock.dock(scene())


def test_a_job_goes_to_the_worker_and_its_story_comes_back(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire, '"Ada"')
        assert order.body == b'"Ada"'
        assert order.meta == {
            "job": job.id,
            "token": order.meta["token"],
            "account": job.account_id,
            "timeout": job.policy.timeout,
            "attempt": 1,
            "type": "application/json",
        }
        token = {"token": order.meta["token"]}
        wire.say(Kind.PROGRESS, order.attempt, {**token, "fraction": 0.5, "message": "half way"})
        wire.say(Kind.LOG, order.attempt, {**token, "stream": "stderr"}, "Grüße\n".encode())
        wire.say(Kind.PIECE, order.attempt, {**token, "type": "image/png"}, b"\x89PNG")
        wire.say(Kind.RESULT, order.attempt, {**token, "type": "text/plain", "pieces": 1}, b"done")
        ended = await dock.ended(job.id)
        assert (ended.status, ended.pieces) == (JobStatus.SUCCEEDED, 1)
        assert ended.output == Payload.inline(b"done", "text/plain")
        assert ended.progress is not None
        assert (ended.progress.fraction, ended.progress.message) == (0.5, "half way")
        events = await dock.store.read(lambda tx: tx.jobs.events(job.id))
        assert [(event.kind.value, event.label, event.data) for event in events] == [
            ("progress", "0.5", b"half way"),
            ("log", "stderr", "Grüße\n".encode()),
            ("piece", "image/png", b"\x89PNG"),
        ]

    dock.dock(scene())


def test_the_handlers_error_comes_back_as_it_was(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        said = {"code": "handler_error", "message": "no", "type": "ValueError", "traceback": "…", "hint": "do"}
        wire.say(Kind.ERROR, order.attempt, {"token": order.meta["token"], **said})
        error = (await dock.ended(job.id)).error
        assert error is not None
        assert {key: getattr(error, key) for key in said} == said

    dock.dock(scene())


def test_a_bare_error_still_says_something(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        wire.say(Kind.ERROR, order.attempt, {"token": order.meta["token"]})
        error = (await dock.ended(job.id)).error
        assert error is not None
        assert (error.code, error.message, error.type) == ("handler_error", "The handler failed.", None)

    dock.dock(scene())


def test_a_cancel_reaches_the_worker_and_its_answer_the_job(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        cancel = asyncio.create_task(dock.jobs.cancel(dock.ada, job.id))
        asked = await wire.heard(Kind.CANCEL)
        assert (asked.attempt, asked.meta) == (order.attempt, {"reason": "cancelled"})
        wire.say(Kind.STOPPED, order.attempt, {"token": order.meta["token"], "reason": "cancelled"})
        assert (await cancel).cancelled

    dock.dock(scene())


def test_a_drained_worker_hands_back_says_goodbye_and_is_gone(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        job, order = await dock.order(wire)
        dock.workers.stop(worker_id)
        await wire.heard(Kind.DRAIN)
        wire.say(Kind.RETURNED, order.attempt, {"token": order.meta["token"]})
        wire.say(Kind.BYE)
        assert await wire.is_closed()
        assert (await dock.job(job.id)).status is JobStatus.QUEUED
        assert (await dock.job(job.id)).attempt == 0

    dock.dock(scene())


def test_what_is_said_behind_a_goodbye_is_not_heard(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        late = encode(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"late")
        wire.raw(encode(Kind.BYE) + late)
        assert await wire.is_closed()
        assert (await dock.job(job.id)).status is JobStatus.RUNNING

    dock.dock(scene())


def test_the_end_of_a_link_takes_the_worker_out_of_service(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        await wire.close()
        await dock.eventually(lambda: not dock.dispatcher.board.seats(dock.version.id)[0].taking)
        view = await dock.calls.submit(dock.ada, HELLO, payload())
        assert view.job.status is JobStatus.QUEUED
        dock.now += 3.0
        dock.workers.tick()
        assert dock.runtime.killed == [worker_id]

    dock.dock(scene())


@pytest.mark.usefixtures("each_loop")
def test_a_result_counts_whose_worker_has_died_and_is_written_to_before_it_was_read(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        job, order = await dock.order(wire)
        wire.die(result_of(order))
        dock.workers.stop(worker_id)  # which is written, and breaks the connection
        ended = await dock.ended(job.id)
        assert (ended.status, ended.attempt) == (JobStatus.SUCCEEDED, 1)
        await dock.eventually(lambda: not dock.listener._links)

    dock.dock(scene())


@pytest.mark.usefixtures("each_loop")
def test_a_second_result_counts_where_the_answer_to_the_first_breaks_the_connection(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        (one, first), (two, second) = await dock.order(wire), await dock.order(wire)
        waits = [(await dock.calls.submit(dock.ada, HELLO, payload())).job for _ in range(2)]
        wire.die(result_of(first), result_of(second))
        for job in (one, two):
            ended = await dock.ended(job.id)
            assert (ended.status, ended.attempt) == (JobStatus.SUCCEEDED, 1)
        await dock.eventually(lambda: not dock.listener._links)
        dock.runtime.kill(worker_id)
        assert {(await dock.job(job.id)).status for job in waits} == {JobStatus.QUEUED}

    dock.dock(scene())


@pytest.mark.usefixtures("each_loop")
def test_a_goodbye_counts_that_was_not_read_when_the_connection_broke(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        (one, first), (two, second) = await dock.order(wire), await dock.order(wire)
        wire.die(result_of(first), encode(Kind.BYE), result_of(second))
        assert dock.dispatcher.stops.cancel(two.id)
        assert (await dock.ended(one.id)).status is JobStatus.SUCCEEDED
        await dock.eventually(lambda: not dock.listener._links)
        assert (await dock.job(two.id)).status is JobStatus.RUNNING  # said behind the goodbye
        entry = dock.workers.register.get(worker_id)
        assert entry is not None
        assert entry.is_ending

    dock.dock(scene())


@pytest.mark.usefixtures("each_loop")
def test_garbage_among_the_last_words_of_a_worker_harms_nobody(dock: Dock, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        job, order = await dock.order(wire)
        wire.die(result_of(order), b"\xff" * 64)
        dock.workers.stop(worker_id)
        await dock.eventually(lambda: not dock.listener._links)
        assert (await dock.job(job.id)).status is JobStatus.RUNNING  # what came with it counts no more than it
        dock.runtime.kill(worker_id)
        assert (await dock.job(job.id)).status is JobStatus.QUEUED

    dock.dock(scene())
    assert [record.levelname for record in caplog.records if record.name == link_module.logger.name] == ["WARNING"]


@pytest.mark.usefixtures("each_loop")
def test_the_link_of_a_worker_that_dies_while_nobody_listens_to_it_is_closed(dock: Dock) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        entry = dock.workers.register.get(worker_id)
        assert entry is not None
        assert entry.link is not None
        entry.link.listen(on=False)
        wire.die(encode(Kind.HEARTBEAT))
        dock.runtime.kill(worker_id)
        await dock.eventually(lambda: not dock.listener._links)

    dock.dock(scene())


def test_a_handler_that_can_not_be_loaded_is_told(dock: Dock) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wire.say(Kind.HELLO, 0, hello(worker_id, token))
        await wire.heard(Kind.WELCOME)
        wire.say(Kind.UNFIT, 0, {"message": "ImportError: \ud800", "traceback": "a\nb"})
        await wire.close()
        await dock.eventually(lambda: dock.workers.register._entries[worker_id].link_ended_at)
        dock.runtime.kill(worker_id)
        last = dock.workers.starts.history(dock.version.id).last
        assert last is not None
        assert (last.reason, last.last_lines) == ("could not load its handler: ImportError: ?", ("a", "b"))

    dock.dock(scene())


def test_a_failed_check_of_the_programs_own_is_told_as_that(dock: Dock) -> None:
    async def scene() -> None:
        worker_id, token = await dock.start()
        wire = await dock.connect()
        wire.say(Kind.HELLO, 0, hello(worker_id, token))
        await wire.heard(Kind.WELCOME)
        wire.say(Kind.UNFIT, 0, {"message": "gpu: none", "check": True})
        await wire.close()
        await dock.eventually(lambda: dock.workers.register._entries[worker_id].link_ended_at)
        dock.runtime.kill(worker_id)
        last = dock.workers.starts.history(dock.version.id).last
        assert last is not None
        assert last.reason == "failed its start check: gpu: none"

    dock.dock(scene())


def test_a_progress_in_words_of_the_programs_own_is_kept_as_it_is(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        wire.say(Kind.PROGRESS, order.attempt, {"token": order.meta["token"]}, b'{"step": 1}')
        wire.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")
        assert (await dock.ended(job.id)).progress == Progress(None, detail=b'{"step": 1}')

    dock.dock(scene())


@pytest.mark.parametrize("wants", [True, False])
def test_what_a_caller_gives_aside_is_told_to_a_worker_that_wants_it_and_to_no_other(
    dock: Dock, *, wants: bool
) -> None:
    async def scene() -> None:
        wire, _ = await dock.up(**({"aside": True} if wants else {}))
        await dock.calls.submit(dock.ada, HELLO, payload("1"), CallOptions(aside=b'{"key":"secret"}'))
        meta = (await wire.heard(Kind.JOB)).meta
        assert meta.get("aside") == ({"key": "secret"} if wants else None)

    dock.dock(scene())


def test_a_job_fails_whose_worker_can_not_be_told_what_its_caller_gave_aside(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseal(sealed: bytes) -> str:
        raise Unavailable("The key is another one.", hint="Bring the old one back.")

    async def scene() -> None:
        wire, _ = await dock.up(aside=True)
        monkeypatch.setattr(next(iter(dock.listener._links)), "_unseal", unseal)
        view = await dock.calls.submit(dock.ada, HELLO, payload("1"), CallOptions(aside=b'{"key":"secret"}'))
        job = await dock.ended(view.job.id)
        assert job.error is not None
        assert (job.error.code, job.error.hint) == ("input_lost", "Bring the old one back.")
        await dock.order(wire)  # the worker is none the worse for it

    dock.dock(scene())


# -- workers that lie ---------------------------------------------------------------------------------------------------

ABOUT_ATTEMPTS = (Kind.RESULT, Kind.ERROR, Kind.PIECE, Kind.LOG, Kind.PROGRESS, Kind.STOPPED, Kind.RETURNED)


@pytest.mark.parametrize("kind", ABOUT_ATTEMPTS, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("lie", ["another's attempt", "no attempt", "a stale token", "twice"])
def test_what_a_worker_says_of_an_attempt_that_it_does_not_hold_changes_nothing(
    dock: Dock, kind: Kind, lie: str
) -> None:
    async def scene() -> None:
        honest, _ = await dock.up()
        job, order = await dock.order(honest)
        if lie == "twice":
            honest.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")
            await dock.ended(job.id)
        liar = honest if lie in ("a stale token", "twice") else (await dock.up())[0]
        before = await dock.job(job.id)
        number = order.attempt + 1000 * (lie == "no attempt")
        token = "0" * 16 if lie == "a stale token" else order.meta["token"]
        liar.say(kind, number, {"token": token}, b"lie")
        # heard in order: once the worker drains, the lie has been taken
        liar.say(Kind.DRAINING)
        await dock.eventually(lambda: any(not seat.taking for seat in dock.dispatcher.board.seats(dock.version.id)))
        await dock.settle()
        assert await dock.job(job.id) == before
        assert await dock.store.read(lambda tx: tx.jobs.events(job.id)) == []
        assert dock.dispatcher.open_jobs.recent_events(job.id, 0) in ([], None)
        assert dock.workers.logs.lines(dock.ada, HELLO) == []
        if lie != "twice":
            honest.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"true")
            assert (await dock.ended(job.id)).output == Payload.inline(b"true")

    dock.dock(scene())


@pytest.mark.parametrize("kind", ABOUT_ATTEMPTS, ids=lambda kind: kind.name.lower())
def test_a_frame_of_an_attempt_without_a_token_ends_the_link_and_nothing_else(dock: Dock, kind: Kind) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        job, order = await dock.order(wire)
        wire.say(kind, order.attempt, {"type": "application/json"}, b"1")
        assert await wire.is_closed()
        assert (await dock.job(job.id)).status is JobStatus.RUNNING
        dock.runtime.kill(worker_id)
        assert (await dock.job(job.id)).status is JobStatus.QUEUED

    dock.dock(scene())


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        (Kind.PROGRESS, {"fraction": "half"}),
        (Kind.PROGRESS, {"fraction": [1]}),
        (Kind.PROGRESS, {"fraction": 10**400}),
        (Kind.RESULT, {"pieces": -1}),
        (Kind.RESULT, {"pieces": 2**64}),
        (Kind.RESULT, {"pieces": 1.5}),
        (Kind.RESULT, {"pieces": math.inf}),
        (Kind.RESULT, {"pieces": "many"}),
        (Kind.JOB, {}),
        (Kind.WELCOME, {}),
        (Kind.HELLO, {}),
    ],
)
def test_what_can_not_be_ends_the_link_without_a_fault_of_the_server(
    dock: Dock, caplog: pytest.LogCaptureFixture, kind: Kind, meta: dict[str, Any]
) -> None:
    async def scene() -> None:
        wire, worker_id = await dock.up()
        job, order = await dock.order(wire)
        wire.say(kind, order.attempt, {"token": order.meta["token"], **meta}, b"1")
        assert await wire.is_closed()
        assert (await dock.job(job.id)).status is JobStatus.RUNNING
        dock.runtime.kill(worker_id)

    dock.dock(scene())
    assert [record.levelno for record in caplog.records if record.name == link_module.__name__] == [logging.WARNING]


def test_a_fault_of_the_server_ends_one_link_and_is_logged(
    dock: Dock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(worker_id: str) -> None:
        raise KeyError(worker_id)

    async def scene() -> None:
        wire, _ = await dock.up()
        with monkeypatch.context() as patched:
            patched.setattr(dock.workers, "alive", broken)
            wire.say(Kind.HEARTBEAT)
            assert await wire.is_closed()
        await dock.check_serves()

    dock.dock(scene())
    assert "by a fault of this server" in caplog.text


def test_text_that_no_encoding_takes_is_made_harmless(dock: Dock) -> None:
    half = "\ud83d"  # of a surrogate pair: JSON can say it, UTF-8 can't

    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        token = {"token": order.meta["token"]}
        wire.say(Kind.PROGRESS, order.attempt, {**token, "fraction": 0.1, "message": f"at {half}"})
        wire.say(Kind.LOG, order.attempt, {**token, "stream": half}, b"\xff\xfe")
        wire.say(Kind.ERROR, order.attempt, {**token, "message": f"no {half}", "traceback": half, "type": half})
        error = (await dock.ended(job.id)).error
        assert error is not None
        assert (error.message, error.traceback, error.type) == ("no ?", "?", "?")
        json.dumps([error.message], ensure_ascii=False).encode()

    dock.dock(scene())


@pytest.mark.parametrize(("said", "share"), [(2, 1.0), (-1, 0.0), (None, None), (0.25, 0.25)])
def test_a_share_lies_between_nothing_and_all(dock: Dock, said: float | None, share: float | None) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        job, order = await dock.order(wire)
        wire.say(Kind.PROGRESS, order.attempt, {"token": order.meta["token"], "fraction": said})
        wire.say(Kind.RESULT, order.attempt, {"token": order.meta["token"]}, b"1")
        progress = (await dock.ended(job.id)).progress
        assert progress is not None
        assert progress.fraction == share

    dock.dock(scene())


# -- the listener -------------------------------------------------------------------------------------------------------


def test_the_socket_is_for_its_owner_alone_and_goes_with_the_listener(dock: Dock) -> None:
    async def scene() -> None:
        assert stat.S_IMODE(dock.path.stat().st_mode) == 0o600
        wire = await dock.connect()
        await dock.eventually(lambda: dock.listener._links)
        await dock.listener.close()
        assert await wire.is_closed()
        assert not dock.path.exists()

    dock.dock(scene())


def test_a_socket_that_a_dead_server_left_is_no_hindrance(dock: Dock) -> None:
    dock.path.touch()

    async def scene() -> None:
        await dock.check_serves()

    dock.dock(scene())


def test_frames_of_one_turn_leave_in_order(dock: Dock) -> None:
    async def scene() -> None:
        wire, _ = await dock.up()
        made = [(await dock.calls.submit(dock.ada, HELLO, payload(str(number)))).job.id for number in range(2)]
        heard = [await wire.heard(Kind.JOB) for _ in made]
        assert [frame.meta["job"] for frame in heard] == made
        assert [frame.body for frame in heard] == [b"0", b"1"]

    dock.dock(scene())
