"""What a worker says of what its handler gave: pure."""

from __future__ import annotations

import json
import os
from typing import Any

from trivet.runpod.version import __version__
from trivet.sdk._shapes import is_listing, is_mapping, is_object

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep  # noqa: PTH120 - pathlib is not free
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Refused(Exception):
    """What a handler gave can't be passed on, or what it was to be given can't be read.

    Args:
        message: why.
        code: a stable word for that.
        hint: what to do about it, where the message does not say it.
    """

    def __init__(self, message: str, *, code: str = "handler_error", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def returned(value: Any) -> dict[str, Any]:
    """The report on what a handler has returned.

    A dictionary may say besides that the job has failed (``error``) and that the worker wants to be replaced
    (``refresh_worker``).
    """
    if not is_object(value):
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
    import traceback

    lines = traceback.format_exception(type(error), error, _authors(error))
    told = {
        "error_type": str(type(error)),
        "error_message": _said(error),
        "error_traceback": "".join(lines),
        "hostname": hostname,
        "worker_id": worker_id,
        "runpod_version": __version__,
    }
    return {"error": json.dumps(told)}


def refused_piece(piece: Any) -> str:
    """What is wrong with a piece that is an error; empty where it is none."""
    error = piece.get("error") if is_object(piece) else None
    return "" if not error else error if isinstance(error, str) else json.dumps(error, default=str)


def written(value: Any) -> bytes:
    """A value as JSON.

    Raises:
        Refused: it has no form in JSON.
    """
    try:
        return _compact(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _explained(value, error) from None


def posted(report: dict[str, Any]) -> bytes:
    """A report as it is posted. What has no form in JSON becomes a failure that says so."""
    try:
        return _compact(report).encode()
    except (TypeError, ValueError, RecursionError) as error:
        rest = {name: value for name, value in report.items() if name != "output"}
        return json.dumps({"error": str(_explained(report.get("output"), error)), **rest}).encode()


def _explained(value: Any, error: Exception) -> Refused:
    what = "The output can't be written as JSON"
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return Refused(f"{what}: it is nested too deeply, or contains itself.")
    place = _endless(value)
    if place is None:
        return Refused(f"{what}: {error}. Return plain values: dict, list, str, numbers, True, False, None.")
    at, number = place
    place_of = at or "the output itself"
    return Refused(f"{what}: {place_of} is {number}, for which JSON has no word. Return None in its place, or text.")


def _endless(value: Any) -> tuple[str, float] | None:
    """The first place, as a JSON pointer, whose number is none."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        at, item = waiting.pop()
        if isinstance(item, float) and item - item != 0:
            return at, item
        if is_mapping(item):
            below = [(str(key).replace("~", "~0").replace("/", "~1"), inner) for key, inner in item.items()]
        elif is_listing(item):
            below = [(str(index), inner) for index, inner in enumerate(item)]
        else:
            continue
        waiting += [(f"{at}/{step}", inner) for step, inner in reversed(below)]
    return None


def _said(error: BaseException) -> str:
    """The exception's own words; its name, where it has none."""
    try:
        return str(error) or type(error).__name__
    except Exception as worse:  # noqa: BLE001 - the author's __str__ can raise anything
        return f"(its text can't be had: {type(worse).__name__})"


def _authors(error: BaseException) -> Any:
    """The traceback without the frames at its top that are ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace
