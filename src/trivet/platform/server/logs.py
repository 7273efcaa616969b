"""The server's own log: one event per line."""

from __future__ import annotations

import json
import logging
import re
import sys
import time

_SECRET = re.compile(r"(trv_[0-9a-f]{12}_)[a-z2-7]+")


class _Redacted(logging.Formatter):
    """Hides the secret half of every API key that would be printed."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET.sub(r"\1…", super().format(record))


class _JsonLines(_Redacted):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return _SECRET.sub(r"\1…", json.dumps(event, ensure_ascii=False))


def configure(level: str, style: str) -> None:
    """Sends the log to standard error, in the style ``text`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    plain = _Redacted("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonLines() if style == "json" else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "uvicorn.error", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
