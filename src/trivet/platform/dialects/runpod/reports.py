"""What a RunPod worker posts of its jobs, read leniently: results, failures, progress and the pieces of streams.

The body is raw JSON whatever its content type says, and Python's kind of it: it may hold ``NaN`` and ``Infinity``. What is sound
is never decoded and encoded again.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

import msgspec

from trivet.platform.core.jobs import HANDLER_ERROR, JobError
from trivet.protocol.runpod import read_error

IN_PROGRESS = "IN_PROGRESS"
_NULL = b"null"
_OUR_FOLDERS = re.compile(r'(?m)^(\s*File ")[^"]*/(?:workers/[^/"]+/code|envs/[0-9a-f]+/lib/[^/"]+/site-packages)/')
"""How lines of a traceback begin that name files below the data folder, which is nobody's business; the rest is the author's."""
_LONGEST_TEXT = 64 * 1024
"""Characters of an error that are kept: its beginning."""


class Progressed(NamedTuple):
    """The handler has said how far it is: ``detail`` is what it said, as JSON."""

    detail: bytes


class Succeeded(NamedTuple):
    """The handler has returned; ``output`` is JSON, empty where there is none. ``recycle``: its worker wants to be replaced."""

    output: bytes
    recycle: bool


class Failed(NamedTuple):
    """The handler has failed, or its result can't be taken. ``recycle``: its worker wants to be replaced."""

    error: JobError
    recycle: bool = False


Report = Progressed | Succeeded | Failed


def read_report(body: bytes) -> Report:
    """What a post to ``job-done`` says."""
    posted = _read(body)
    if isinstance(posted, Failed):
        return posted
    recycle = bool(posted.stop_pod)
    if posted.status == IN_PROGRESS:
        return Progressed(bytes(posted.output) or _NULL)
    if bytes(posted.error):
        error = _value(bytes(posted.error))
        if error:
            return Failed(_handlers(error, bytes(posted.error)), recycle)
    return Succeeded(bytes(posted.output), recycle)


def _value(raw: bytes) -> Any:
    """What a part of a post holds that was not looked into yet."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:  # a number that is too large for others, but something for sure
        return raw


def read_piece(body: bytes) -> bytes | Failed:
    """What a post to ``job-stream`` holds: one piece, as JSON."""
    posted = _read(body)
    return posted if isinstance(posted, Failed) else bytes(posted.output) or _NULL


def too_large(size: int | None, limit: int) -> JobError:
    """Why a result, or a piece, of so many bytes is not taken; None where nobody counted them to the end."""
    what = "The output" if size is None else f"The output of {size:,} bytes"
    return JobError(
        "output_too_large",
        f"{what} is over the limit of {limit:,} bytes, so it was not taken.",
        hint="Return less at a time (a generator sends its pieces one by one), or store it and return where it lies.",
    )


class _Posted(msgspec.Struct):
    """A body. ``output`` and ``error`` are JSON as it came, empty where there is none."""

    output: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    status: Any = None
    stop_pod: Any = msgspec.field(default=None, name="stopPod")


_decoder = msgspec.json.Decoder(_Posted)


def _read(body: bytes) -> _Posted | Failed:
    try:
        if not body.isascii():
            body.decode()  # what is only passed on is not looked into by the decoder
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the reason is looked for where time does not matter
    try:
        return _read_leniently(body)
    except RecursionError:
        return Failed(_unreadable("is nested too deeply"))
    except ValueError as error:  # of bytes that are no text, too
        return Failed(_unreadable(f"is not JSON ({error})"))


def _read_leniently(body: bytes) -> _Posted | Failed:
    """As `_read`, of a body that Python takes for JSON and nobody else does.

    Raises:
        ValueError: Python does not either.
        RecursionError: it is nested too deeply.
    """
    posted = json.loads(body)
    if not isinstance(posted, dict):
        return Failed(_unreadable("is not a JSON object"))
    stop_pod, status = posted.get("stopPod"), posted.get("status")
    if status == IN_PROGRESS or posted.get("error"):
        finite = json.loads(body, parse_constant=_nothing)
        return _Posted(_raw(finite.get("output")), _raw(finite.get("error")), status, stop_pod)
    place = _not_finite(posted.get("output"))
    if place is None:
        return Failed(_unreadable("is not JSON that others can read"), bool(stop_pod))
    at, number = place
    return Failed(
        JobError(
            "unserializable_output",
            f"The output can't be written as JSON: {at or 'the output itself'} is {number}, for which JSON has no word.",
            hint="Return None in its place, or text.",
        ),
        bool(stop_pod),
    )


def _handlers(error: Any, raw: bytes) -> JobError:
    """The handler's error: of an exception what it was, of anything else its text, which for what is no text is its JSON."""
    if not isinstance(error, str):
        return JobError(HANDLER_ERROR, _text(raw.decode("utf-8", "replace")))
    found = read_error(error)
    return JobError(HANDLER_ERROR, found.message, type=found.type or None, traceback=found.traceback or None)


def _unreadable(why: str) -> JobError:
    return JobError(
        "unreadable_result",
        f"The worker has posted a result that {why}.",
        hint="Return plain values: dict, list, str, numbers, True, False, None.",
    )


def _text(text: str) -> str:
    """A text that can be stored and shown: without our folders, and without the halves of surrogate pairs that JSON can hold."""
    return _OUR_FOLDERS.sub(r"\1", text[:_LONGEST_TEXT]).encode(errors="replace").decode()


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _nothing(constant: str) -> None:
    """What stands for a number that is none."""


def _not_finite(value: Any) -> tuple[str, float] | None:
    """The first place, as a JSON pointer, whose number is none."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        at, item = waiting.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return at, item
        if isinstance(item, dict):
            below = [(key.replace("~", "~0").replace("/", "~1"), inner) for key, inner in item.items()]
        elif isinstance(item, list):
            below = [(str(index), inner) for index, inner in enumerate(item)]
        else:
            continue
        waiting += [(f"{at}/{step}", inner) for step, inner in reversed(below)]
    return None
