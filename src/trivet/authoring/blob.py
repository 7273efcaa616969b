"""Bytes with a content type: how a handler takes and gives pictures, audio, archives."""

from __future__ import annotations

OCTET_STREAM = "application/octet-stream"


class Blob:
    """Bytes that say what they are.

    Return one to answer with a body of that type; take one (as the hint of a parameter) to learn the type of what came.

    Args:
        data: the bytes.
        content_type: their media type, for example ``image/png``.

    Raises:
        TypeError: when ``data`` is not bytes-like.
        ValueError: when ``content_type`` is not of the form ``type/subtype``.
    """

    __slots__ = ("content_type", "data")

    def __init__(self, data: bytes | bytearray | memoryview, content_type: str = OCTET_STREAM) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"a Blob holds bytes, not {type(data).__name__}")
        kind, _, subtype = content_type.partition("/")
        if not kind or not subtype or not content_type.isascii() or not content_type.isprintable():
            raise ValueError(f"a content type looks like 'image/png', not {content_type!r}")
        self.data = bytes(data)
        self.content_type = content_type

    def __repr__(self) -> str:
        return f"Blob({len(self.data)} bytes, {self.content_type!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Blob):
            return NotImplemented
        return self.data == other.data and self.content_type == other.content_type

    def __hash__(self) -> int:
        return hash((self.data, self.content_type))


def is_json(content_type: str) -> bool:
    """Whether a body of this content type is JSON. Nothing said means JSON."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("", "application/json", "text/json") or essence.endswith("+json")


def text_of(body: bytes, content_type: str) -> str | None:
    """The text of a ``text/*`` body, in the charset it names (UTF-8 where it names none); ``None`` for anything else.

    Raises:
        UnicodeDecodeError: when the bytes are not text in that charset.
        LookupError: when nobody knows the charset.
    """
    essence, *parameters = content_type.split(";")
    if not essence.strip().lower().startswith("text/"):
        return None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return body.decode(value.strip().strip('"'))
    return body.decode()
