"""One attempt and all its outcomes: the handler called, its output encoded, its failure described."""

from __future__ import annotations

from typing import Any

from trivet.authoring.errors import AuthoringError
from trivet.authoring.outputs import JSON_TYPE
from trivet.protocol.frames import Kind
from trivet.worker.attempt import Attempt
from trivet.worker.failures import describe
from trivet.worker.hosts import Host
from trivet.worker.link import LinkLost

MAX_COLLECTED = 8 * 1024 * 1024
"""Bytes of pieces that a stream's output repeats as one list; a longer one has its pieces alone."""

Outcome = tuple[Kind, dict[str, Any], bytes]


class OutputTooLarge(AuthoringError):
    """The handler gave more than the server takes."""

    code = "output_too_large"


class Trial:
    """Tries attempts with one host.

    Args:
        host: the author's program.
        max_output: bytes that an output, or one piece of a stream, may have.
        folder: where the author's code lies; for tracebacks.
    """

    def __init__(self, host: Host, max_output: int, folder: str) -> None:
        self.host = host
        self._max_output = max_output
        self._folder = folder

    def run(self, attempt: Attempt) -> Outcome:
        """Runs a plain handler, or a generator to its end.

        Raises:
            LinkLost: the pieces can't be sent.
            BaseException: whatever the handler raises; `failed` knows what it means.
        """
        host = self.host
        positional, keywords = host.bind(attempt.body, attempt.content_type)
        value = host.handler(*positional, **keywords)
        if not hasattr(value, "__next__"):
            return self.result(value)
        pieces = Pieces(self, attempt)
        try:
            for piece in value:
                pieces.add(piece)
        finally:
            close = getattr(value, "close", None)
            if close is not None:
                close()
        return pieces.result()

    async def run_async(self, attempt: Attempt) -> Outcome:
        """As `run`, for a coroutine function or an async generator."""
        host = self.host
        positional, keywords = host.bind(attempt.body, attempt.content_type)
        value = host.handler(*positional, **keywords)
        if hasattr(value, "__await__"):
            value = await value
        if not hasattr(value, "__aiter__"):
            return self.result(value)
        pieces = Pieces(self, attempt)
        try:
            async for piece in value:
                pieces.add(piece)
        finally:
            close = getattr(value, "aclose", None)
            if close is not None:
                await close()
        return pieces.result()

    def failed(self, attempt: Attempt, error: BaseException) -> Outcome:
        """The outcome of an attempt whose handler raised.

        Raises:
            LinkLost: where that is what was raised; there is nobody to answer to.
        """
        if attempt.interrupted:
            return stopped(attempt)
        if isinstance(error, LinkLost):
            raise error
        return self.failure(error)

    def failure(self, error: BaseException) -> Outcome:
        """The outcome that says so, of whatever was raised."""
        return Kind.ERROR, describe(error, self._folder), b""

    def result(self, value: object) -> Outcome:
        """The outcome of a handler that has returned.

        Raises:
            OutputTooLarge: beyond the limit.
            UnserializableOutput: there is no form for it.
        """
        content_type, body = self.encoded(value)
        return Kind.RESULT, {"type": content_type}, body

    def encoded(self, value: object) -> tuple[str, bytes]:
        """An output or a piece, within the limit.

        Raises:
            OutputTooLarge: beyond it.
            UnserializableOutput: there is no form for it.
        """
        content_type, body = self.host.encode(value)
        if len(body) > self._max_output:
            raise OutputTooLarge(
                f"The output has {len(body):,} bytes; the most that may be returned is {self._max_output:,}. Return less"
                " at a time (a generator sends its pieces one by one), or store it and return where it lies."
            )
        return content_type, body


class Pieces:
    """The pieces of one stream: sent as they come, and collected for the result."""

    def __init__(self, trial: Trial, attempt: Attempt) -> None:
        self._trial = trial
        self._attempt = attempt
        self._count = 0
        self._size = 0
        self._collected: list[bytes] | None = []

    def add(self, value: object) -> None:
        """Sends one."""
        content_type, body = self._trial.encoded(value)
        self._attempt.piece(content_type, body)
        self._count += 1
        if self._collected is None:
            return
        self._size += len(body) + 1
        if content_type == JSON_TYPE and self._size <= MAX_COLLECTED:
            self._collected.append(body)
        else:
            self._collected = None

    def result(self) -> Outcome:
        """The outcome of a stream that has ended: the list of its pieces, where they are JSON and not too many."""
        meta: dict[str, Any] = {"type": JSON_TYPE, "pieces": self._count}
        if self._collected is None:
            meta["truncated"] = True
            return Kind.RESULT, meta, b""
        return Kind.RESULT, meta, b"[%b]" % b",".join(self._collected)


def stopped(attempt: Attempt) -> Outcome:
    """The outcome of an attempt that was told to stop."""
    return Kind.STOPPED, {"reason": attempt.reason}, b""
