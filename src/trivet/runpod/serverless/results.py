"""What a worker says of what its handler gave: pure."""

from __future__ import annotations

import json
import traceback
from typing import Any

from trivet.runpod.version import __version__

FIRST_FRAMES = 1
"""Frames at the top of a traceback that are ours."""


def returned(value: Any) -> dict[str, Any]:
    """The report on what a handler has returned.

    A dictionary may say besides that the job has failed (``error``) and that the worker wants to be replaced
    (``refresh_worker``).
    """
    if not isinstance(value, dict):
        return {"output": value}
    rest = dict(value)
    report: dict[str, Any] = {}
    error = rest.pop("error", None)
    if rest.pop("refresh_worker", False):
        report["stopPod"] = True
    if error:
        report["error"] = error if isinstance(error, str) else json.dumps(error, default=str)
    elif "error" in value and error is not None:
        rest["error"] = error
    if rest:
        report["output"] = rest
    return report


def collected(pieces: list[Any], *, aggregate: bool) -> dict[str, Any]:
    """The report on a stream that has come to its end."""
    return {"output": pieces if aggregate else []}


def failed(error: BaseException, *, hostname: str, worker_id: str) -> dict[str, Any]:
    """The report on an exception."""
    lines = traceback.format_exception(type(error), error, _authors(error))
    told = {
        "error_type": str(type(error)),
        "error_message": str(error),
        "error_traceback": "".join(lines),
        "hostname": hostname,
        "worker_id": worker_id,
        "runpod_version": __version__,
    }
    return {"error": json.dumps(told)}


def refused_piece(piece: Any) -> str:
    """What is wrong with a piece that is an error; empty where it is none."""
    error = piece.get("error") if isinstance(piece, dict) else None
    return "" if not error else error if isinstance(error, str) else json.dumps(error, default=str)


def encoded(report: dict[str, Any]) -> bytes:
    """A report as it is posted. What has no form in JSON becomes a failure that says so."""
    try:
        return json.dumps(report, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return json.dumps({"error": f"The handler's output can't be written as JSON: {error}"}).encode()


def _authors(error: BaseException) -> Any:
    trace = error.__traceback__
    for _ in range(FIRST_FRAMES):
        trace = trace.tb_next if trace is not None and trace.tb_next is not None else trace
    return trace
