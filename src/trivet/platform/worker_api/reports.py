"""Reports: what the frames of a worker say, and whom they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trivet.platform.core.jobs import JobError, Progress
from trivet.platform.core.payloads import JSON
from trivet.platform.ports.runtime import AttemptRef
from trivet.platform.services.attempts import Attempts
from trivet.platform.services.workers import Workers
from trivet.protocol.frames import Frame, Kind, ProtocolError

_MOST_PIECES = 2**53


def _log(attempts: Attempts, ref: AttemptRef, frame: Frame) -> None:
    attempts.log(ref, _text(frame.meta, "stream") or "stdout", frame.body)
    if frame.meta.get("truncated") is True:
        attempts.log(ref, "system", b"The limit of what one attempt may log is reached: the rest of it is not kept.")


ABOUT_ATTEMPTS: dict[Kind, Callable[[Attempts, AttemptRef, Frame], None]] = {
    Kind.RESULT: lambda attempts, ref, frame: attempts.succeed(
        ref, _text(frame.meta, "type") or JSON, frame.body, _pieces(frame.meta)
    ),
    Kind.PIECE: lambda attempts, ref, frame: attempts.piece(ref, _text(frame.meta, "type") or JSON, frame.body),
    Kind.LOG: _log,
    Kind.PROGRESS: lambda attempts, ref, frame: attempts.progress(ref, _progress(frame)),
    Kind.ERROR: lambda attempts, ref, frame: attempts.fail(ref, _error(frame.meta)),
    Kind.STOPPED: lambda attempts, ref, _: attempts.stopped(ref),
    Kind.RETURNED: lambda attempts, ref, _: attempts.hand_back(ref),
    Kind.BEGUN: lambda attempts, ref, _: attempts.begun(ref),
}
"""What is done for each kind of frame that is about an attempt."""
ABOUT_WORKERS: dict[Kind, Callable[[Workers, str, dict[str, Any]], None]] = {
    Kind.HEARTBEAT: lambda workers, worker_id, _: workers.alive(worker_id),
    Kind.READY: lambda workers, worker_id, _: workers.ready(worker_id),
    Kind.UNFIT: lambda workers, worker_id, meta: workers.unfit(
        worker_id,
        _text(meta, "message"),
        _text(meta, "traceback"),
        what="failed its start check" if meta.get("check") is True else "could not load its handler",
    ),
    Kind.DRAINING: lambda workers, worker_id, _: workers.draining(worker_id),
}
"""The same for those that are about the worker itself."""


def _progress(frame: Frame) -> Progress:
    fraction = frame.meta.get("fraction")
    try:
        share = None if fraction is None else min(1.0, max(0.0, float(fraction)))
    except (OverflowError, TypeError, ValueError):
        raise ProtocolError("the fraction of a progress is no number") from None
    return Progress(share, _text(frame.meta, "message"), detail=frame.body or None)


def _error(meta: dict[str, Any]) -> JobError:
    return JobError(
        _text(meta, "code") or "handler_error",
        _text(meta, "message") or "The handler failed.",
        type=_text(meta, "type") or None,
        traceback=_text(meta, "traceback") or None,
        hint=_text(meta, "hint"),
    )


def required(meta: dict[str, Any], key: str) -> str:
    """A text that a frame must have.

    Raises:
        ProtocolError: it has none.
    """
    value = meta.get(key)
    if not isinstance(value, str):
        raise ProtocolError(f"a frame without {key!r}")
    return value


def _text(meta: dict[str, Any], key: str) -> str:
    """A text that can be stored and sent on: JSON can hold halves of surrogate pairs, which no encoding takes."""
    value = meta.get(key)
    return "" if value is None else str(value).encode(errors="replace").decode()


def _pieces(meta: dict[str, Any]) -> int:
    value = meta.get("pieces") or 0
    if not isinstance(value, int) or not 0 <= value <= _MOST_PIECES:
        raise ProtocolError("a count of pieces that can't be")
    return value


def pid(meta: dict[str, Any]) -> int | None:
    """The process that a worker says it is."""
    value = meta.get("pid")
    return value if isinstance(value, int) else None
