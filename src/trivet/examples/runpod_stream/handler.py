"""A streaming worker for RunPod, as it is: what it yields can be read while it works, and all of it at the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from time import sleep
from typing import Any

import runpod

PAUSE = 0.1
"""Seconds before each piece, so that there is something to watch, and to cancel."""


def handler(job: dict[str, Any]) -> Iterator[str]:
    """Streams a ``prompt`` letter by letter, or goes on from the last of ``messages`` for ``max_tokens`` words."""
    for piece in pieces(job["input"]):
        sleep(PAUSE)
        yield piece


def pieces(job_input: dict[str, Any]) -> Iterator[str]:
    """The pieces of an answer."""
    if "prompt" in job_input:
        yield from str(job_input["prompt"])
        return
    words = str(job_input["messages"][-1]["content"]).split() or ["…"]
    for word in islice(cycle(words), job_input.get("max_tokens", 16)):
        yield f"{word} "


runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
