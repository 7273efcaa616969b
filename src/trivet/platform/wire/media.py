"""Media types: what the ``Content-Type`` of a request says about the input in its body."""

from __future__ import annotations

import re
from functools import lru_cache

from trivet.platform.core.errors import UnsupportedMediaType
from trivet.platform.core.payloads import BINARY, JSON

TAKEN = (
    "Taken are `application/json` (and `application/…+json`), `text/…`, and any other type as plain bytes, "
    "such as `application/octet-stream` or `image/png`."
)
TEXT_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"})
_ALIASES = {
    "utf8": "utf-8",
    "ascii": "us-ascii",
    "latin-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "cp1252": "windows-1252",
}
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,100}"
_ESSENCE = re.compile(rf"{_TOKEN}/{_TOKEN}")
_PARAMETER = re.compile(rf'\s*({_TOKEN})=(?:"([^"\\\x00-\x1f\x7f]*)"|({_TOKEN}))\s*')
_FORMS = ("multipart/", "application/x-www-form-urlencoded")
_LONGEST = 256


@lru_cache(maxsize=512)
def input_type(header: bytes | None) -> str:
    """The content type of an input, in the one spelling that the platform goes on with.

    Args:
        header: the value of ``Content-Type``; None or empty where there is none, which means JSON.

    Returns:
        ``application/json`` for every kind of JSON, ``text/…; charset=…`` for text, else the type as it was given.

    Raises:
        UnsupportedMediaType: it is no content type, a form, or text in a charset that nobody should have to know.
    """
    if not header:
        return JSON
    text = header.decode("latin-1").strip()
    given, *rest = text.split(";")
    essence = given.strip().lower()
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or not _ESSENCE.fullmatch(essence):
        raise UnsupportedMediaType("The Content-Type of this request can't be read.", hint=TAKEN)
    if essence.startswith(_FORMS):
        raise UnsupportedMediaType(
            f"Forms ({essence}) are not taken: the body of a call is the input itself.",
            hint=f"{TAKEN} With curl: `-H 'Content-Type: application/json' -d '…'`, or the type of a file and "
            "`--data-binary @file`.",
        )
    if essence in (JSON, "text/json") or essence.endswith("+json"):
        if _charset(rest) not in (None, "utf-8", "us-ascii"):
            raise UnsupportedMediaType("JSON travels in UTF-8 and in nothing else.", hint="Leave the charset out.")
        return JSON
    if essence.startswith("text/"):
        charset = _charset(rest) or "utf-8"
        if charset not in TEXT_CHARSETS:
            raise UnsupportedMediaType(
                f"Text in the charset {charset!r} is not taken.", hint=f"Taken are: {', '.join(sorted(TEXT_CHARSETS))}."
            )
        return f"{essence}; charset={charset}"
    return text


def charset_of(content_type: str) -> str | None:
    """The charset of text whose type `input_type` gave; None where it is no text."""
    if not content_type.startswith("text/"):
        return None
    return _charset(content_type.split(";")[1:]) or "utf-8"


def output_type(content_type: str) -> bytes:
    """The value of ``Content-Type`` for bytes that a handler made.

    What a handler says about its output is not trusted to be a header: what is none becomes ``application/octet-stream``.
    """
    return _output_type(content_type) if len(content_type) <= _LONGEST else BINARY.encode()


@lru_cache(maxsize=512)
def _output_type(content_type: str) -> bytes:
    essence, *rest = content_type.split(";")
    sound = _ESSENCE.fullmatch(essence.strip()) and all(_PARAMETER.fullmatch(part) for part in rest)
    return content_type.encode("ascii") if sound and content_type.isascii() else BINARY.encode()


def _charset(parameters: list[str]) -> str | None:
    for parameter in parameters:
        match = _PARAMETER.fullmatch(parameter)
        if match and match[1].lower() == "charset":
            name = (match[2] or match[3] or "").lower()
            return _ALIASES.get(name, name)
    return None
