"""What a content type says about an input, and what is made of a handler's."""

from __future__ import annotations

import pytest

from trivet.platform.core.errors import UnsupportedMediaType
from trivet.platform.wire.media import charset_of, input_type, output_type


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"application/json",
        b"Application/JSON; charset=UTF-8",
        b'application/json; charset="utf8"',
        b"application/ld+json",
        b"text/json",
    ],
)
def test_every_kind_of_json_is_json(header: bytes | None) -> None:
    assert input_type(header) == "application/json"


@pytest.mark.parametrize(
    ("header", "given"),
    [
        (b"image/png", "image/png"),
        (b"application/octet-stream", "application/octet-stream"),
        (b"text/plain", "text/plain; charset=utf-8"),
        (b"text/csv; header=present; charset=latin1", "text/csv; charset=iso-8859-1"),
    ],
)
def test_other_types_are_text_or_bytes(header: bytes, given: str) -> None:
    assert input_type(header) == given


@pytest.mark.parametrize("header", [b"multipart/form-data; boundary=x", b"application/x-www-form-urlencoded"])
def test_a_form_is_refused_with_what_is_taken(header: bytes) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        input_type(header)
    assert "application/json" in refused.value.hint
    assert "application/json' -d" in refused.value.hint


@pytest.mark.parametrize(
    "header",
    [
        b"json",
        b"/",
        b"text/",
        b"application/json; charset=utf-16",
        b"text/plain; charset=punycode",
        b"image/png\r\nx: y",
        "image/ü".encode(),
        b"a/" + b"b" * 300,
    ],
)
def test_what_is_no_sound_content_type_is_refused(header: bytes) -> None:
    with pytest.raises(UnsupportedMediaType):
        input_type(header)


def test_the_charset_of_text_is_known_and_nothing_else_has_one() -> None:
    assert charset_of("text/plain; charset=iso-8859-1") == "iso-8859-1"
    assert charset_of("text/plain") == "utf-8"
    assert charset_of("image/png") is None


@pytest.mark.parametrize(
    "evil", ["text/html\r\nset-cookie: a=b", "nonsense", "", "text/html; x", "imäge/png", "a/" + "b" * 999]
)
def test_a_handlers_content_type_never_becomes_another_header(evil: str) -> None:
    assert output_type(evil) == b"application/octet-stream"


def test_a_handlers_sound_content_type_is_kept() -> None:
    assert output_type("text/html; charset=utf-8") == b"text/html; charset=utf-8"
