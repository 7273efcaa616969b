"""JSON that came from outside: whether it is sound, and what it holds. Decoded once at most, never encoded again."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, TypeVar

import msgspec

from trivet.platform.core.errors import BadRequest, InvalidJson
from trivet.platform.core.payloads import JSON

T = TypeVar("T")

MAX_DEPTH = 100
"""JSON nested deeper than this is refused, whoever sends it: no handler needs it, and many parsers die of it."""

LOOSE_JSON = f"{JSON}; constants=bare"
"""JSON with a bare ``NaN`` or ``Infinity`` in it, as Python's own encoder makes it. Whoever minds can tell it from sound JSON."""

SEND_JSON = "Send JSON, or name the content type of what you send."
"""The hint where nothing more is known of what is wrong."""
_CONSTANTS = (b"NaN", b"Infinity")
_WINDOW = 1 << 16
_BRACKETS = b"[]{}"
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(_BRACKETS))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_skim = msgspec.json.Decoder(msgspec.Raw)
_decode_any = msgspec.json.Decoder()
_WHERE = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)


def check_depth(data: bytes) -> None:
    """Refuses what is nested too deeply, without decoding it.

    Raises:
        InvalidJson: deeper than `MAX_DEPTH`.
    """
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise _too_deep()


def check_sound(data: bytes) -> None:
    """Makes sure that ``data`` is JSON, at about a tenth of the cost of decoding it.

    Raises:
        InvalidJson: it is none, or nested too deeply.
    """
    check_depth(data)
    try:
        _skim.decode(data)
        if not data.isascii():
            data.decode("utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unsound(data, error) from None


def may_be_loose(data: bytes) -> bool:
    """Whether it takes `is_loose` to tell: a word of `LOOSE_JSON` stands in it, be it in a text. To look is cheap."""
    return any(constant in data for constant in _CONSTANTS)


def is_loose(data: bytes) -> bool:
    """Whether ``data`` is JSON to Python, and to nobody else.

    Raises:
        InvalidJson: it is nested too deeply.
    """
    check_depth(data)
    try:
        check_sound(data)
    except InvalidJson:
        try:
            json.loads(data)
        except ValueError:
            return False
        return True
    return False


def decode(data: bytes) -> Any:
    """The value in ``data``.

    Raises:
        InvalidJson: it is no JSON, or nested too deeply.
    """
    check_depth(data)
    try:
        return _decode_any.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unsound(data, error) from None


def decode_as(data: bytes, kind: type[T]) -> T:
    """The document in ``data``.

    Raises:
        InvalidJson: it is no JSON.
        BadRequest: it is not such a document; the sentence names the field.
    """
    check_depth(data)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        what, where = _place(str(error))
        raise BadRequest(
            f"The body does not fit this route: {f'at {where}: ' if where else ''}{what}.",
            hint="The route's schema and an example stand in the pages at /docs.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unsound(data, error) from None


def pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _depth(data: bytes) -> int:
    """How deeply sound JSON is nested, as far as it was read: no further than what is too deep. Whatever for anything else.

    It is read in windows, each at the speed of `bytes`: what is large takes no memory beside, and lets other threads run.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    deepest = depth = inside = 0
    for start in range(0, len(data), _WINDOW):
        texts = data[start : start + _WINDOW].split(b'"')
        steps = b"".join(texts[inside::2]).translate(_STEPS, _ALL_BUT_BRACKETS)
        inside ^= (len(texts) - 1) & 1  # whether the next window begins within a string
        within = max(accumulate(memoryview(steps).cast("b"), initial=depth))
        deepest = max(deepest, within)
        if deepest > MAX_DEPTH:
            break
        depth += steps.count(b"\x01") - steps.count(b"\xff")
    return deepest


def _place(message: str) -> tuple[str, str]:
    match = _WHERE.fullmatch(message)
    if match is None:
        return message, ""
    where = re.sub(r"\[(\d+|\.\.\.)\]|\.", lambda found: f"/{found[1] or ''}", match[2] or "")
    return match[1], where


def _too_deep() -> InvalidJson:
    return InvalidJson(
        f"The JSON is nested deeper than {MAX_DEPTH} levels, which is the limit.", hint="Send it flatter."
    )


def _unsound(data: bytes, error: Exception) -> InvalidJson:
    if isinstance(error, RecursionError):
        return _too_deep()
    if not data.strip():
        reason = "it is empty"
    elif isinstance(error, UnicodeDecodeError):
        reason = f"byte {error.start} is not UTF-8"
    elif data.startswith(b"\xef\xbb\xbf"):
        reason = "it begins with a byte order mark"
    else:
        reason = str(error).removeprefix("JSON is malformed: ")
    hint = SEND_JSON
    if re.search(rb"\b(NaN|Infinity)\b", data[:65536]):
        hint = "NaN and Infinity are not JSON: send null, or a text, in their place."
    return InvalidJson(f"The body is not JSON: {reason}.", hint=hint)
