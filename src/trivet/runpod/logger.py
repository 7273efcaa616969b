"""The log of a worker: lines for people, or JSON for a platform that reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Self

__all__ = ["LEVELS", "RunPodLogger"]

LEVELS = ("NOTSET", "TRACE", "DEBUG", "INFO", "WARN", "ERROR")
"""From all to the least."""
_TIP = "TIP"
_SECRET_SHOWN = 2


class RunPodLogger:
    """Writes lines to the standard output; everybody in a process shares the one.

    Its level is RUNPOD_LOG_LEVEL, else RUNPOD_DEBUG_LEVEL, else DEBUG. In a worker (RUNPOD_ENDPOINT_ID is set) each line is a
    JSON object ``{"requestId", "message", "level"}``.

    Attributes:
        level: from which level on lines are written.
        is_read: whether a platform reads the lines to learn which job each is about.
    """

    is_read = True
    _only: RunPodLogger | None = None
    level: str

    def __new__(cls) -> Self:
        """The one that is there already, or a new one."""
        if not isinstance(cls._only, cls):
            cls._only = super().__new__(cls)
            cls._only.level = _level_in(os.environ)
        only: Self = cls._only
        return only

    def set_level(self, new_level: str | int) -> None:
        """Sets what is written from now on.

        Args:
            new_level: a name of `LEVELS`, or its position.

        Raises:
            ValueError: it is none.
        """
        self.level = _named(new_level)
        self.info(f"Log level set to {self.level}")

    def log(self, message: object, message_level: str = "INFO", job_id: str | None = None) -> None:
        """Writes a line, if its level is high enough.

        Args:
            message: what to say.
            message_level: a name of `LEVELS`.
            job_id: the job that it is about.
        """
        if message_level != _TIP and LEVELS.index(message_level) < LEVELS.index(self.level):
            return
        if not self.is_read:
            line = f"{message_level}: {message}"
        elif os.environ.get("RUNPOD_ENDPOINT_ID"):
            line = json.dumps({"requestId": job_id, "message": str(message), "level": message_level})
        else:
            line = " | ".join([f"{message_level:<6}", *([job_id] if job_id else []), str(message)])
        print(line, flush=True)  # noqa: T201 - a worker's standard output is its log

    def secret(self, secret_name: str, secret: object) -> None:
        """Says that there is a secret, showing no more of it than its length and its ends.

        Args:
            secret_name: what it is called.
            secret: what it is.
        """
        text = str(secret)
        ends = (text[:1], text[-1:]) if len(text) > 3 * _SECRET_SHOWN else ("", "")
        self.info(f"{secret_name}: {ends[0]}{'*' * (len(text) - len(ends[0]) - len(ends[1]))}{ends[1]}")

    def debug(self, message: object, request_id: str | None = None) -> None:
        """A line for whoever looks for a fault."""
        self.log(message, "DEBUG", request_id)

    def info(self, message: object, request_id: str | None = None) -> None:
        """A line for whoever wants to know."""
        self.log(message, "INFO", request_id)

    def warn(self, message: object, request_id: str | None = None) -> None:
        """A line on what may go wrong."""
        self.log(message, "WARN", request_id)

    def error(self, message: object, request_id: str | None = None) -> None:
        """A line on what went wrong."""
        self.log(message, "ERROR", request_id)

    def tip(self, message: object) -> None:
        """A piece of advice."""
        self.log(message, _TIP)

    def trace(self, message: object, request_id: str | None = None) -> None:
        """A line on each step."""
        self.log(message, "TRACE", request_id)


def _named(level: str | int) -> str:
    if isinstance(level, str) and level.isdecimal():
        level = int(level)
    if isinstance(level, int) and 0 <= level < len(LEVELS):
        return LEVELS[level]
    if isinstance(level, str) and level.upper() in LEVELS:
        return level.upper()
    raise ValueError(f"{level!r} is no level of this log; there are {', '.join(LEVELS)}.")


def _level_in(environ: Mapping[str, str]) -> str:
    for name in ("RUNPOD_LOG_LEVEL", "RUNPOD_DEBUG_LEVEL"):
        try:
            return _named(environ[name])
        except (KeyError, ValueError):
            continue
    return "DEBUG"
