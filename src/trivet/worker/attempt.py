"""An attempt as the worker holds it: what came in, and the way back for all that comes out."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from trivet.protocol.frames import Frame, Kind, encode
from trivet.worker.interrupts import Interrupted
from trivet.worker.link import Link, LinkLost

if TYPE_CHECKING:
    from trivet.worker.batches import Batch

MAX_LOG = 1024 * 1024
"""Bytes of output that an attempt may log; what it prints beyond is dropped, and said so once."""
_LOG_BATCH = 8 * 1024
_PROGRESS_PAUSE = 0.1


class Work:
    """What a handler works on: an attempt, or a batch of them. Whatever it says meanwhile goes through here."""

    __slots__ = ()
    reason: str | None
    """Why it has to stop; ``None`` while it has not."""
    interrupted: bool
    """Whether its handler was told."""
    over: bool
    """Whether it was answered: what is said now, by what its handler left behind, can't be sent with it any more."""

    def progress(self, fraction: float, message: str) -> None:
        """Tells how far it is."""

    def write(self, stream: str, text: str) -> None:
        """Logs what the handler printed on ``stream``."""

    def flush(self) -> None:
        """Sends what is held back."""


class Attempt(Work):
    """One attempt at a job. Safe to write to from any thread.

    Args:
        frame: the JOB frame.
        link: where the answers go.
    """

    __slots__ = (
        "_held",
        "_left",
        "_link",
        "_log",
        "_progress",
        "_progress_at",
        "account",
        "arrived",
        "aside",
        "batch",
        "body",
        "content_type",
        "interrupted",
        "job_id",
        "number",
        "over",
        "reason",
        "repeats",
        "token",
    )

    first_account: ClassVar[str | None] = None
    """Whose job was sent to this worker first; None before any."""

    def __init__(self, frame: Frame, link: Link) -> None:
        meta = frame.meta
        self.number = frame.attempt
        self.token: str = meta["token"]
        self.job_id: str = meta.get("job") or ""
        self.account: str = meta.get("account") or ""
        """Whose job it is, by id."""
        if Attempt.first_account is None:
            Attempt.first_account = self.account
        self.aside: dict[str, Any] | None = meta.get("aside")
        """What its caller gave for the worker beside the input, where this worker asks for that."""
        self.content_type: str = meta.get("type") or "application/json"
        self.body = frame.body
        self.repeats: bool = meta.get("attempt", 1) > 1
        """Whether the job was tried before."""
        self.reason: str | None = None
        self.interrupted = False
        self.arrived = monotonic()
        self.batch: Batch | None = None
        """The batch that it was taken into, where its handler takes batches."""
        self._link = link
        self._log: deque[tuple[str, bytes, bool]] = deque()
        self._held = 0
        self._left = MAX_LOG
        self._progress: tuple[dict[str, Any], bytes] | None = None
        self._progress_at = 0.0
        self.over = False

    @property
    def credential(self) -> str:
        """What the job shows to ask the platform for something itself, while it runs."""
        return f"trj_{self.job_id.removeprefix('job_')}_{self.token}"

    def progress(self, fraction: float, message: str) -> None:
        """Tells how far it is; of many calls in a short time, the last one counts."""
        self._tell({"fraction": fraction, "message": message}, b"")

    def detail(self, value: bytes) -> None:
        """Tells how far it is in words of its program's own.

        Args:
            value: JSON.
        """
        self._tell({}, value)

    def _tell(self, meta: dict[str, Any], body: bytes) -> None:
        self._progress = {**meta, "token": self.token}, body
        if monotonic() - self._progress_at >= _PROGRESS_PAUSE:
            self.flush()

    def write(self, stream: str, text: str) -> None:
        """Logs what the handler printed on ``stream``; held back a moment, so that many short lines leave together."""
        left = self._left
        if left <= 0:
            return
        data = text.encode("utf-8", "backslashreplace")
        self._left = left - len(data)
        if len(data) > left:
            data = data[:left].decode("utf-8", "ignore").encode()
            self._log.append((stream, data, True))
            self.flush()
            return
        self._log.append((stream, data, False))
        self._held += len(data)
        if self._held >= _LOG_BATCH:
            self.flush()

    def flush(self) -> None:
        """Sends what is held back. Without a link there is nobody to tell, and the handler is no one to trouble with it."""
        if not self._log and self._progress is None:
            return
        try:
            with self._link:
                if not self.over:
                    self._link.send(self._collected())
        except LinkLost:
            return

    def piece(self, content_type: str, body: bytes) -> None:
        """Sends one piece of a stream; waits while the server does not read.

        Raises:
            LinkLost: nobody is there to read it.
            Interrupted: nobody wants it, which the handler was told and has passed over.
        """
        if self.interrupted:
            raise Interrupted(self.reason)
        frame = encode(Kind.PIECE, self.number, {"type": content_type, "token": self.token}, body)
        with self._link:
            self._link.send(self._collected() + frame if self._log else frame)

    def finish(self, kind: Kind, meta: dict[str, Any], body: bytes = b"") -> None:
        """Sends the final frame, with all that was held back before it, in one write.

        Raises:
            LinkLost: nobody is there to read it.
        """
        meta["token"] = self.token
        frame = encode(kind, self.number, meta, body)
        with self._link:
            if self._log or self._progress is not None:
                frame = self._collected() + frame
            self.over = True
            self._link.send(frame)

    def last_words(self, kind: Kind, meta: dict[str, Any], body: bytes = b"") -> bytes:
        """The final frame with all that was held back before it, for whoever sends those of many attempts in one write.

        The link is to be held from here until it is sent.
        """
        meta["token"] = self.token
        self.over = True
        return self._collected() + encode(kind, self.number, meta, body)

    def _collected(self) -> bytes:
        """The frames for what is held back, in order; neighbours of one stream share a frame."""
        frames: list[bytes] = []
        self._held = 0
        progress, self._progress = self._progress, None
        if progress is not None:
            self._progress_at = monotonic()
            frames.append(encode(Kind.PROGRESS, self.number, *progress))
        log = self._log
        while log:
            stream, data, truncated = log.popleft()
            parts = [data]
            while log and log[0][0] == stream and not truncated:
                _, data, truncated = log.popleft()
                parts.append(data)
            meta: dict[str, Any] = {"stream": stream, "token": self.token}
            if truncated:
                meta["truncated"] = True
            frames.append(encode(Kind.LOG, self.number, meta, b"".join(parts)))
        return b"".join(frames)
