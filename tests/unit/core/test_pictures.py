"""Pictures: what counts as one, and what it is known for."""

from __future__ import annotations

import pytest

from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.core.pictures import MAX_PICTURE, Picture

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + b"\0" * 20


@pytest.mark.parametrize(("data", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")])
def test_a_picture_is_what_its_bytes_say(data: bytes, media_type: str) -> None:
    assert Picture.read(data) == Picture(media_type, data)


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG", b"GIF89a" + b"\0" * 20, b"<svg onload=alert(1)>", b"RIFF\x10\0\0\0WAVEfmt ", b"\xff\xd8"]
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest, match="no picture"):
        Picture.read(data)


def test_a_picture_has_a_mebibyte_at_most() -> None:
    assert len(Picture.read(PNG.ljust(MAX_PICTURE)).data) == MAX_PICTURE
    with pytest.raises(TooLarge):
        Picture.read(PNG.ljust(MAX_PICTURE + 1))


def test_another_picture_has_another_digest() -> None:
    assert Picture.read(PNG).digest == Picture("image/png", PNG).digest != Picture.read(PNG + b"x").digest
