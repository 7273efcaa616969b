"""Forms: the part that is looked for is found whole, whatever is around it, and whatever is in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.errors import BadRequest, UnsupportedMediaType
from trivet.platform.dialects.jaqpot.people.multipart import part_named

KIND = b"multipart/form-data; boundary=b0"


def form(*parts: tuple[str, bytes], boundary: bytes = b"b0") -> bytes:
    pieces = [
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary, head.encode(), data)
        for head, data in parts
    ]
    return b"".join(pieces) + b"--%b--\r\n" % boundary


@given(st.binary(max_size=300).filter(lambda data: b"\r\n--b0" not in b"\r\n" + data))
def test_a_part_comes_back_as_it_was_sent(data: bytes) -> None:
    assert part_named("file", form(('name="other"', b"x"), ('name="file"; filename="a.png"', data)), KIND) == data


@pytest.mark.parametrize(
    "kind",
    [
        b'multipart/form-data; boundary="b0"',
        b"Multipart/Form-Data;boundary=b0",
        b"multipart/form-data; charset=utf-8; boundary=b0",
        b"multipart/form-data; boundary=b0; charset=utf-8",
    ],
)
def test_a_boundary_is_found_however_it_is_written(kind: bytes) -> None:
    assert part_named("file", form(("name=file", b"1")), kind) == b"1"


def test_a_name_is_no_file_name_and_text_before_the_form_is_nobodys() -> None:
    assert (
        part_named("file", b"preamble\r\n" + form(('filename="file"', b"1"), ('filename="x"; name="file"', b"2")), KIND)
        == b"2"
    )
    with pytest.raises(BadRequest):
        part_named("file", form(('filename="file"', b"1")), KIND)


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(body: bytes, kind: bytes) -> None:
    for content_type in (kind, KIND, b"multipart/form-data; boundary=" + kind):
        try:
            part_named("file", body, content_type)
        except (BadRequest, UnsupportedMediaType):
            continue


@pytest.mark.parametrize(
    "body",
    [
        b"--b0\r\n" + b"content-disposition: form-data;" * 35_000 + b"\r\n\r\nx\r\n--b0--",
        b"--b0\r\n" * 100_000,
        b"\r\n--b0" * 100_000,
    ],
)
def test_a_hostile_form_costs_little(body: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(BadRequest):
        part_named("file", body, KIND)
    assert time.process_time() - begun < 5.0
