"""How a child comes to an end, or to none of what it should: what it tells itself, and what its status tells."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from typing import Any

from trivet.worker.algorithms.runner import OWN


class Ended(Exception):
    """The child has ended.

    Args:
        status: its exit status, negative for a signal.
        last_words: what it wrote last on stderr.
    """

    def __init__(self, status: int, last_words: str) -> None:
        super().__init__(_ending(status))
        self.status = status
        self.last_words = last_words


class LoadingFailed(Exception):
    """A child has said why its algorithm can't be loaded.

    Args:
        error: its words: ``message``, ``stacktrace`` and the like.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.error = error


def loaded(document: bytes) -> str:
    """What a document says that comes while an algorithm is loaded: a sentence on its ``/tmp``, and otherwise nothing.

    Raises:
        LoadingFailed: it says that it can't be loaded.
    """
    with suppress(ValueError, RecursionError):
        said = json.loads(document)
        if isinstance(said, dict):
            own: Any = said.get(OWN)
            own = own if isinstance(own, dict) else {}
            error = own.get("failed") or said.get("error")
            if isinstance(error, dict):
                raise LoadingFailed(error)
            return str(own.get("tmp") or "")
    return ""


def _ending(status: int) -> str:
    if status >= 0:
        return f"exited with code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    more = ", as by a system that runs out of memory" if name == "SIGKILL" else ""
    return f"exited with code {128 - status} (ended by {name}{more})"
