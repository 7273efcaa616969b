"""The link: one connection to one worker, and the way between its frames and the services.

It translates and decides nothing. What a worker's frames say is read in `reports`. The first frame that is written in a turn of
the event loop leaves at once, as a worker may be idle; those that follow it leave together at the end of the turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import JobError
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.services.attempts import Attempts
from trivet.platform.services.workers import Workers
from trivet.platform.worker_api.reports import ABOUT_ATTEMPTS, ABOUT_WORKERS, pid, required
from trivet.protocol.frames import PROTOCOL_VERSION, Decoder, Frame, Kind, ProtocolError, encode, pack

logger = logging.getLogger(__name__)

HELLO_TIMEOUT = 10.0
"""Seconds that a new connection has to say who it is."""
_MOST_BEFORE_HELLO = 64 * 1024
"""Bytes that somebody unknown may send."""
_READ = 256 * 1024


class Link(asyncio.Protocol):
    """A worker's connection. It is a `WorkerLink` for the services.

    Args:
        workers: who is told of the worker.
        attempts: who is told of what it works on.
        links: all that are open.
        unseal: opens what callers gave aside.
    """

    def __init__(self, workers: Workers, attempts: Attempts, links: set[Link], unseal: Callable[[bytes], str]) -> None:
        self._workers = workers
        self._attempts = attempts
        self._links = links
        self._unseal = unseal
        self._wants_aside = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._decoder = Decoder()
        self._worker_id: str | None = None
        self._received = 0
        self._outgoing: list[bytes] = []
        self._gathers = False
        self._said_bye = False
        self._closed = False
        """Whether this side has ended the connection, and listens to nothing that still comes."""
        self._unheard: list[Frame] = []
        """What came in the moment in which the connection broke."""
        self._hello_timer: asyncio.TimerHandle | None = None

    # -- asyncio ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A worker has connected and must say who it is."""
        self._transport = cast(asyncio.Transport, transport)  # no subclass of it under uvloop, but one in all it does
        self._links.add(self)
        self._hello_timer = self._loop.call_later(HELLO_TIMEOUT, self.close)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived."""
        try:
            self._read(data)
        except (ProtocolError, RecursionError) as error:
            logger.warning("the link of worker %s is closed: %s", self._worker_id or "(unknown)", error)
            self.close()
        except Exception:
            logger.exception("the link of worker %s is closed, by a fault of this server", self._worker_id)
            self.close()

    def _read(self, data: bytes) -> None:
        frames = self._decoder.feed(data)
        if self._worker_id is None:
            self._received += len(data)
            if not frames and self._received > _MOST_BEFORE_HELLO:
                raise ProtocolError(f"{self._received} bytes, and no HELLO among them")
        if self._unheard:
            frames, self._unheard = [*self._unheard, *frames], []
        for place, frame in enumerate(frames):
            if self._closed:
                return
            if self._transport is not None and self._transport.is_closing():
                self._unheard = frames[place:]
                return
            if self._worker_id is None:
                self._hello(frame)
            else:
                self._take(self._worker_id, frame)

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker's end of the link is gone. What it had said before counts, though it was not read yet.

        A frame that is written to a worker which has died breaks the connection, whatever lies there to be read.
        """
        transport, self._transport = self._transport, None
        self._links.discard(self)
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        if self._worker_id is None:
            return
        self._workers.disconnected(self._worker_id, expected=self._said_bye)  # first: it gets nothing more
        if exc is not None and transport is not None:
            self.data_received(_rest(transport))
            if self._said_bye:
                self._workers.disconnected(self._worker_id, expected=True)

    # -- from the worker ----------------------------------------------------------------------------------------------

    def _hello(self, frame: Frame) -> None:
        meta = frame.meta
        if frame.kind is not Kind.HELLO:
            raise ProtocolError("the first frame is no HELLO")
        if meta.get("protocol") != PROTOCOL_VERSION:
            self._refuse("protocol_version", f"this server speaks version {PROTOCOL_VERSION} of the worker protocol")
            return
        worker_id = required(meta, "worker_id")
        try:
            welcome = self._workers.connect(worker_id, required(meta, "token"), self, pid(meta))
        except CoreError as error:
            self._refuse(error.code, error.detail)
            return
        self._worker_id = worker_id
        self._wants_aside = meta.get("aside") is True
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        self._write(
            Kind.WELCOME,
            0,
            {
                "endpoint": welcome.endpoint,
                "version": welcome.version,
                "concurrency": welcome.concurrency,
                "heartbeat": welcome.heartbeat,
                "max_output": welcome.max_output,
            },
        )

    def _refuse(self, code: str, message: str) -> None:
        if self._transport is not None:
            self._transport.write(encode(Kind.REFUSED, 0, {"code": code, "message": message}))
        self.close()

    def _take(self, worker_id: str, frame: Frame) -> None:
        about_attempt = ABOUT_ATTEMPTS.get(frame.kind)
        if about_attempt is not None:
            ref = AttemptRef(worker_id, frame.attempt, required(frame.meta, "token"))
            about_attempt(self._attempts, ref, frame)
            return
        about_worker = ABOUT_WORKERS.get(frame.kind)
        if about_worker is not None:
            about_worker(self._workers, worker_id, frame.meta)
        elif frame.kind is Kind.BYE:
            self._said_bye = True
            self.close()
        else:
            raise ProtocolError(f"a worker does not say {frame.kind.name}")

    # -- to the worker ------------------------------------------------------------------------------------------------

    def send(self, order: AttemptOrder) -> None:
        """Sends one attempt."""
        # each call sends one of these: what ids and tokens are made of needs no encoder
        meta = b'{"job":"%b","token":"%b","account":"%b","timeout":%b,"attempt":%d,"type":%b}' % (
            order.job_id.encode(),
            order.token.encode(),
            order.account_id.encode(),
            repr(order.timeout).encode(),
            order.attempt,
            _quoted(order.content_type),
        )
        if self._wants_aside and order.aside is not None:
            try:
                meta = b'%b,"aside":%b}' % (meta[:-1], self._unseal(order.aside).encode())
            except CoreError as error:
                self._loop.call_soon(self._fail_unread, order, error)
                return
        self._put(pack(Kind.JOB, order.number, meta, order.body))

    def _fail_unread(self, order: AttemptOrder, error: CoreError) -> None:
        """What belongs to an attempt can't be read: it fails, and its worker never hears of it."""
        if self._worker_id is not None:
            ref = AttemptRef(self._worker_id, order.number, order.token)
            message = f"What the caller gave for the worker beside the input can't be read: {error.detail}"
            self._attempts.begun(ref)
            self._attempts.fail(ref, JobError("input_lost", message, hint=error.hint))

    def cancel(self, number: int, reason: str) -> None:
        """Asks the worker to stop an attempt."""
        self._write(Kind.CANCEL, number, {"reason": reason})

    def recall(self) -> None:
        """Asks the worker to hand back what it has not begun."""
        self._write(Kind.RECALL)

    def listen(self, *, on: bool) -> None:
        """Stops reading what the worker says, or goes on."""
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def drain(self) -> None:
        """Asks the worker to finish what it holds and leave."""
        self._write(Kind.DRAIN)

    def close(self) -> None:
        """Ends the connection."""
        self._closed = True
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _write(self, kind: Kind, number: int = 0, meta: dict[str, Any] | None = None, body: bytes = b"") -> None:
        self._put(encode(kind, number, meta, body))

    def _put(self, frame: bytes) -> None:
        if self._transport is None:
            return
        if self._gathers:
            self._outgoing.append(frame)
        else:
            self._gathers = True
            self._loop.call_soon(self._flush)
            self._transport.write(frame)

    def _flush(self) -> None:
        self._gathers = False
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._transport is not None:
            self._transport.write(outgoing[0] if len(outgoing) == 1 else b"".join(outgoing))


def _rest(transport: asyncio.Transport) -> bytes:
    """What lies in the socket of a broken connection: its transport does not read it any more, and closes it after this."""
    descriptor = transport.get_extra_info("socket").fileno()
    parts: list[bytes] = []
    with contextlib.suppress(OSError):
        while part := os.read(descriptor, _READ):
            parts.append(part)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _quoted(text: str) -> bytes:
    return json.dumps(text).encode()
