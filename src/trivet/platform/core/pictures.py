"""Pictures of accounts: small images, known for what they are by how they begin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from trivet.platform.core.errors import BadRequest, TooLarge

MAX_PICTURE = 1 << 20
"""Bytes of a picture, at most."""
_BEGINNINGS: Mapping[str, bytes] = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_RIFF, _WEBP = b"RIFF", b"WEBP"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image. ``media_type`` is what its bytes say that it is, whatever its sender has called it."""

    media_type: str
    data: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """Tells it from others."""
        return hashlib.sha256(self.data).hexdigest()[:16]

    @classmethod
    def read(cls, data: bytes) -> Picture:
        """The picture in ``data``.

        Raises:
            TooLarge: it is over `MAX_PICTURE`.
            BadRequest: it is no JPEG, PNG or WebP.
        """
        if len(data) > MAX_PICTURE:
            raise TooLarge(f"The picture has {len(data):,} bytes; {MAX_PICTURE:,} are the most.", limit=MAX_PICTURE)
        if data[:4] == _RIFF and data[8:12] == _WEBP:
            return cls("image/webp", data)
        for media_type, beginning in _BEGINNINGS.items():
            if data.startswith(beginning):
                return cls(media_type, data)
        raise BadRequest("That is no picture that can be kept here.", hint="Send a JPEG, a PNG or a WebP image.")
