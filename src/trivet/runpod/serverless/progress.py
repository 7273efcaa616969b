"""How far a job is: sent in order, beside the handler, and always before the job's result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import Any, Protocol

from trivet.runpod.serverless import results

Send = Callable[[str, bytes], None]
_PATIENCE = 10.0
"""Seconds that a result waits for the progress before it."""


class Teller(Protocol):
    """Who brings what handlers say of their progress to the server."""

    def tell(self, job_id: str, value: bytes) -> None:
        """Brings a word, which is JSON. May be called from any thread."""


class Reporter:
    """Sends what handlers say of their progress, by a thread of its own that begins with the first word.

    Args:
        send: brings one word to the server.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._words: SimpleQueue[tuple[str, bytes] | threading.Event] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, job_id: str, value: bytes) -> None:
        """As `Teller.tell`: in its turn."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="trivet-progress", daemon=True)
                self._thread.start()
        self._words.put((job_id, value))

    def flush(self) -> None:
        """Returns when all that was said is sent, or after a while."""
        if self._thread is not None:
            sent = threading.Event()
            self._words.put(sent)
            sent.wait(_PATIENCE)

    def _work(self) -> None:
        while True:
            word = self._words.get()
            if isinstance(word, threading.Event):
                word.set()
            else:
                self._send(*word)


_teller: Teller | None = None


def report_by(teller: Teller | None) -> None:
    """Sets who sends what handlers say; None: it is only logged."""
    global _teller  # noqa: PLW0603 - one worker in a process, and a function of the module is how its handlers reach it
    _teller = teller


def progress_update(job: Mapping[str, Any], progress: Any) -> None:
    """Says how far a job is. It does not wait for the server, and may be called from any thread.

    Args:
        job: what the handler was given.
        progress: anything that JSON has a form for; callers find it as the job's output until there is one. What has none
            is logged, and the job goes on.
    """
    if _teller is None:
        _log(f"Progress: {progress}", job)
        return
    try:
        value = results.written(progress)
    except results.Refused as refusal:
        _log(f"A progress was not told. {refusal}", job)
    else:
        _teller.tell(str(job["id"]), value)


def _log(text: str, job: Mapping[str, Any]) -> None:
    from trivet.runpod.logger import RunPodLogger

    RunPodLogger().info(text, str(job.get("id", "")))
