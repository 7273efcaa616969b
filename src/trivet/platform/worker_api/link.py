"""The link: one connection to one worker, and the way between its frames and the workers service.

It translates and decides nothing. Frames that are written within one turn of the event loop leave in one system call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.payloads import JSON
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.services.workers import Workers
from trivet.protocol.frames import PROTOCOL_VERSION, Decoder, Frame, Kind, ProtocolError, encode

logger = logging.getLogger(__name__)

HELLO_TIMEOUT = 10.0
"""Seconds that a new connection has to say who it is."""
_FIRST_FRAME = 64 * 1024


class Link(asyncio.Protocol):
    """A worker's connection. It is a `WorkerLink` for the services."""

    def __init__(self, workers: Workers, links: set[Link]) -> None:
        self._workers = workers
        self._links = links
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._decoder = Decoder(_FIRST_FRAME)
        self._worker_id: str | None = None
        self._outgoing: list[bytes] = []
        self._said_bye = False
        self._hello_timer: asyncio.TimerHandle | None = None

    # -- asyncio ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A worker has connected and must say who it is."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._links.add(self)
        self._hello_timer = self._loop.call_later(HELLO_TIMEOUT, self.close)

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived."""
        try:
            frames = self._decoder.feed(data)
            for frame in frames:
                if self._worker_id is None:
                    self._hello(frame)
                else:
                    self._take(self._worker_id, frame)
        except (ProtocolError, KeyError, TypeError, ValueError) as error:
            logger.warning("a worker's link is closed: %s: %s", type(error).__name__, error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker's end of the link is gone."""
        self._links.discard(self)
        if self._hello_timer is not None:
            self._hello_timer.cancel()
        self._transport = None
        if self._worker_id is not None:
            self._workers.disconnected(self._worker_id, expected=self._said_bye)

    # -- from the worker ----------------------------------------------------------------------------------------------

    def _hello(self, frame: Frame) -> None:
        meta = frame.meta
        if frame.kind is not Kind.HELLO:
            raise ProtocolError("the first frame is no HELLO")
        if meta.get("protocol") != PROTOCOL_VERSION:
            self._refuse("protocol_version", f"this server speaks version {PROTOCOL_VERSION} of the worker protocol")
            return
        worker_id = str(meta["worker_id"])
        try:
            welcome = self._workers.connect(worker_id, str(meta["token"]), self, _optional_int(meta.get("pid")))
        except CoreError as error:
            self._refuse(error.code, error.detail)
            return
        self._worker_id = worker_id
        self._decoder = Decoder()
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
        about_attempt = _ABOUT_ATTEMPTS.get(frame.kind)
        if about_attempt is not None:
            about_attempt(self._workers, AttemptRef(worker_id, frame.attempt, str(frame.meta["token"])), frame)
            return
        about_worker = _ABOUT_WORKERS.get(frame.kind)
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
        meta = {
            "job": order.job_id,
            "token": order.token,
            "timeout": order.timeout,
            "attempt": order.attempt,
            "type": order.content_type,
        }
        self._write(Kind.JOB, order.number, meta, order.body)

    def cancel(self, number: int, reason: str) -> None:
        """Asks the worker to stop an attempt."""
        self._write(Kind.CANCEL, number, {"reason": reason})

    def drain(self) -> None:
        """Asks the worker to finish what it holds and leave."""
        self._write(Kind.DRAIN)

    def close(self) -> None:
        """Ends the connection."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _write(self, kind: Kind, number: int = 0, meta: dict[str, Any] | None = None, body: bytes = b"") -> None:
        if self._transport is None:
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(encode(kind, number, meta, body))

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._transport is not None:
            self._transport.write(outgoing[0] if len(outgoing) == 1 else b"".join(outgoing))


_ABOUT_ATTEMPTS: dict[Kind, Callable[[Workers, AttemptRef, Frame], None]] = {
    Kind.RESULT: lambda workers, ref, frame: workers.succeed(
        ref, str(frame.meta.get("type") or JSON), frame.body, int(frame.meta.get("pieces") or 0)
    ),
    Kind.PIECE: lambda workers, ref, frame: workers.piece(ref, str(frame.meta.get("type") or JSON), frame.body),
    Kind.LOG: lambda workers, ref, frame: workers.log(ref, str(frame.meta.get("stream") or "stdout"), frame.body),
    Kind.PROGRESS: lambda workers, ref, frame: workers.progress(ref, _progress(frame.meta)),
    Kind.ERROR: lambda workers, ref, frame: workers.fail(ref, _error(frame.meta)),
    Kind.STOPPED: lambda workers, ref, _: workers.stopped(ref),
    Kind.RETURNED: lambda workers, ref, _: workers.returned(ref),
}
_ABOUT_WORKERS: dict[Kind, Callable[[Workers, str, dict[str, Any]], None]] = {
    Kind.HEARTBEAT: lambda workers, worker_id, _: workers.alive(worker_id),
    Kind.READY: lambda workers, worker_id, _: workers.ready(worker_id),
    Kind.UNFIT: lambda workers, worker_id, meta: workers.unfit(
        worker_id, str(meta.get("message") or ""), str(meta.get("traceback") or "")
    ),
    Kind.DRAINING: lambda workers, worker_id, _: workers.draining(worker_id),
}


def _progress(meta: dict[str, Any]) -> Progress:
    fraction = meta.get("fraction")
    return Progress(None if fraction is None else min(1.0, max(0.0, float(fraction))), str(meta.get("message") or ""))


def _error(meta: dict[str, Any]) -> JobError:
    return JobError(
        str(meta.get("code") or "handler_error"),
        str(meta.get("message") or "The handler failed."),
        type=_optional_text(meta.get("type")),
        traceback=_optional_text(meta.get("traceback")),
        hint=str(meta.get("hint") or ""),
    )


def _optional_text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _optional_int(value: object) -> int | None:
    return value if isinstance(value, int) else None
