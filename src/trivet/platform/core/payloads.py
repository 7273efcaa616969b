"""Payloads: a user's bytes, carried but never decoded and encoded again on their way."""

from __future__ import annotations

from dataclasses import field

from trivet.platform.core.values import value

JSON = "application/json"
BINARY = "application/octet-stream"
NULL = b"null"
INLINE_LIMIT = 256 * 1024
"""Payloads above this many bytes lie in the blob store."""


@value
class Payload:
    """An input or an output: its bytes in ``data``, or, when large, the name of the blob that holds them.

    ``size`` is in bytes. Exactly one of ``data`` and ``blob`` is set.
    """

    content_type: str
    size: int
    data: bytes | None = field(default=None, repr=False)
    blob: str | None = None

    @classmethod
    def inline(cls, data: bytes, content_type: str = JSON) -> Payload:
        """A payload that holds its bytes itself."""
        return cls(content_type, len(data), data)

    @classmethod
    def stored(cls, blob: str, size: int, content_type: str) -> Payload:
        """A payload whose bytes lie in the blob store."""
        return cls(content_type, size, None, blob)

    @property
    def is_json(self) -> bool:
        """Whether the bytes are JSON."""
        return self.content_type == JSON


EMPTY_INPUT = Payload.inline(NULL)
"""The input of a call without one."""
