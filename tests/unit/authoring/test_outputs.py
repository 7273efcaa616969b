"""From what a handler returns to what a caller receives."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.authoring import Blob, UnserializableOutput
from trivet.authoring.outputs import encode


class Colour(enum.Enum):
    RED = "red"
    ODD = (1, 2)


class Pair(NamedTuple):
    left: int
    right: str


@dataclass
class Point:
    x: int
    near: list[Point]


class Array:
    """Has the shape of a NumPy array, as far as JSON is concerned."""

    def __init__(self, *values: float) -> None:
        self._values = values

    def tolist(self) -> list[float]:
        return list(self._values)


class Scalar:
    def item(self) -> float:
        return 2.5


class Model:
    """Has the shape of a pydantic model."""

    def model_dump(self, mode: str) -> dict[str, str]:
        return {"mode": mode}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é", "é"),
        (Point(1, [Point(2, [])]), {"x": 1, "near": [{"x": 2, "near": []}]}),
        (Pair(1, "a"), [1, "a"]),
        ({"c": Colour.RED, "o": Colour.ODD}, {"c": "red", "o": "ODD"}),
        ({3, 1, 2}, [1, 2, 3]),
        ({1, "a"}, [1, "a"]),
        ((1, (2,)), [1, [2]]),
        ({1: "a", None: "c"}, {"1": "a", "null": "c"}),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([Array(1.0, 2.0), Scalar()], [[1.0, 2.0], 2.5]),
        (Model(), {"mode": "json"}),
        (None, None),
    ],
)
def test_values_of_many_kinds_become_plain_json(value: Any, expected: Any) -> None:
    content_type, body = encode(value)
    assert content_type == "application/json"
    found = json.loads(body)
    assert found == expected or sorted(map(str, found)) == sorted(map(str, expected))


@pytest.mark.parametrize(
    ("value", "content_type"),
    [
        (b"\x00\xff", "application/octet-stream"),
        (bytearray(b"\x00\xff"), "application/octet-stream"),
        (memoryview(b"\x00\xff"), "application/octet-stream"),
        (Blob(b"\x00\xff", "image/png"), "image/png"),
    ],
)
def test_bytes_travel_as_they_are(value: Any, content_type: str) -> None:
    assert encode(value) == (content_type, b"\x00\xff")


def looped() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (object(), "", "of the type object"),
        ({"a": [1, {"b/c": object()}]}, "/a/1/b~1c", "of the type object"),
        ({"a": math.nan}, "/a", "null"),
        ([math.inf], "/0", "is inf"),
        ({"x": Array(1.0, math.nan)}, "/x/1", "is nan"),
        ({"image": b"x"}, "/image", "base64"),
        ([Blob(b"x")], "/0", "base64"),
        ({(1, 2): "x"}, "", "key of the type tuple"),
        ({"a": ["\ud800"]}, "/a/0", "surrogate"),
        ({"\ud800": 1}, "", "surrogate"),
        (looped(), "", "contains itself"),
        ({"f": lambda: 1}, "/f", "of the type function"),
        (Point(1, [object()]), "/near/0", "of the type object"),  # type: ignore[list-item]
    ],
)
def test_what_has_no_json_form_is_named_with_its_place(value: Any, path: str, words: str) -> None:
    with pytest.raises(UnserializableOutput, match=words) as caught:
        encode(value)
    assert caught.value.path == path


def test_a_conversion_of_the_authors_that_fails_is_said_so() -> None:
    class Broken:
        def tolist(self) -> list[int]:
            raise ValueError("not on this device")

    with pytest.raises(UnserializableOutput, match="not on this device"):
        encode([Broken()])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_plain_values_survive_unchanged(value: Any) -> None:
    assert json.loads(encode(value)[1]) == value


@pytest.mark.parametrize("content_type", ["", "png", "image/", "image/pn\ng", "bild/ä"])
def test_a_blob_has_a_content_type_that_can_stand_in_a_header(content_type: str) -> None:
    with pytest.raises(ValueError, match="looks like"):
        Blob(b"", content_type)


def test_a_blob_holds_bytes() -> None:
    with pytest.raises(TypeError, match="holds bytes"):
        Blob("text")  # type: ignore[arg-type]
