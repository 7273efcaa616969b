"""Inputs to bytes, bytes to outputs."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from trivet.sdk._payloads import decode_output, decode_piece, encode_input
from trivet.sdk.errors import InvalidInputError, UnexpectedAnswerError


class Array:
    """Looks like NumPy's array, and like its scalars."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def tolist(self) -> Any:
        return self._content


class Record:
    """Looks like a model of pydantic."""

    def model_dump(self, mode: str) -> dict[str, str]:
        return {"mode": mode}


@dataclass
class Point:
    x: float
    when: date


class Colour(enum.Enum):
    RED = "red"


class Picture:
    """Looks like `trivet.Blob`."""

    data = b"\x89PNG"
    content_type = "image/png"


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, b"null"),
        ({"a": [1, 2.5, True, "é"]}, '{"a":[1,2.5,true,"é"]}'.encode()),
        (Array([[1, 2], [3, 4]]), b"[[1,2],[3,4]]"),
        ({"x": Array(0.5)}, b'{"x":0.5}'),
        (Record(), b'{"mode":"json"}'),
        (Point(1.0, date(2026, 11, 21)), b'{"x":1.0,"when":"2026-11-21"}'),
        (datetime(2026, 11, 21, tzinfo=UTC), b'"2026-11-21T00:00:00+00:00"'),
        ([Colour.RED], b'["red"]'),
        ((1, 2), b"[1,2]"),
    ],
)
def test_what_can_be_sent_as_json(value: Any, data: bytes) -> None:
    assert encode_input(value) == (data, "application/json")


def test_bytes_and_blobs_are_sent_as_they_are() -> None:
    for raw in (b"\x00", bytearray(b"\x00"), memoryview(b"\x00")):
        assert encode_input(raw) == (b"\x00", "application/octet-stream")
    assert encode_input(Picture()) == (b"\x89PNG", "image/png")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"rows": [1, {2}]}, "at /rows/1, set"),
        ({"a": math.nan}, "at /a, nan"),
        ([Array([math.inf])], "at /0/0, inf"),
        ({"image": b"raw"}, "at /image, bytes"),
        ({(1, 2): 3}, "the key (1, 2) is tuple"),
        (object(), "object"),
        (CIRCLE, "contains itself"),
        (Point, "type"),
    ],
)
def test_what_cannot_be_sent_is_said_with_its_place(value: Any, said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        encode_input(value)
    assert said in caught.value.message
    assert caught.value.code == "invalid_input"


def test_outputs_are_parsed_only_where_they_say_json() -> None:
    assert decode_output(b'{"a":1}', "application/json") == {"a": 1}
    assert decode_output(b"[1]", "application/geo+json") == [1]
    assert decode_output(b'{"a":1}', "text/plain") == b'{"a":1}'
    with pytest.raises(UnexpectedAnswerError):
        decode_output(b"{", "application/json")


def test_only_a_packed_piece_is_unpacked() -> None:
    assert decode_piece({"base64": "AA==", "type": "image/png"}) == b"\x00"
    for plain in ({"base64": "AA=="}, {"base64": 1, "type": "x"}, {"base64": "", "type": "", "more": 1}, "AA==", None):
        assert decode_piece(plain) == plain
