"""From a job's input to the handler's arguments; and the input schema, which must say exactly the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.authoring import Blob, InvalidInput
from trivet.authoring.binding import Binding
from trivet.authoring.hints import read_signature


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(Enum):
    LOW = 1
    HIGH = (2, 3)


@dataclass
class Point:
    """A place."""

    x: int
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


@dataclass
class Tree:
    name: str
    children: list[Tree] = field(default_factory=list)


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError(f"{self.number} is odd")


class Options(TypedDict):
    deep: bool
    limit: NotRequired[int]


class Pair(NamedTuple):
    left: int
    right: str = "r"


UserId = NewType("UserId", int)


def binding(function: Any) -> Binding:
    return Binding(read_signature(function))


def call(function: Any, value: Any) -> Any:
    """What the function returns for an input, through bytes as on the wire."""
    args, kwargs = binding(function).bind(json.dumps(value).encode(), "application/json")
    return function(*args, **kwargs)


# -- the rule ---------------------------------------------------------------------------------------------------------


def hello(name: str, times: int = 1) -> Any:
    return name, times


def two(a: int, b: int) -> Any:
    return a, b


def nothing() -> Any:
    return "nothing"


def optional(a: int = 1, b: int = 2) -> Any:
    return a, b


def anything(value: Any) -> Any:
    return value


def document(data: dict[str, Any]) -> Any:
    return data


def place(point: Point) -> Any:
    return point


def several(value: Any, scale: int = 1) -> Any:
    return value, scale


def open_ended(first: int, **rest: Any) -> Any:
    return first, rest


def positional(a: int, b: int = 2, /, c: int = 3) -> Any:
    return a, b, c


def bare(value):  # type: ignore[no-untyped-def]
    return value


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [
        (hello, {"name": "Bond"}, ("Bond", 1)),
        (hello, {"name": "Bond", "times": 2}, ("Bond", 2)),
        (hello, "Bond", ("Bond", 1)),
        (two, {"a": 1, "b": 2}, (1, 2)),
        (nothing, None, "nothing"),
        (nothing, {}, "nothing"),
        (optional, None, (1, 2)),
        (optional, {}, (1, 2)),
        (optional, 5, (5, 2)),
        (optional, {"b": 5}, (1, 5)),
        (anything, None, None),
        (anything, {"a": 1}, {"a": 1}),
        (anything, {"value": 1}, 1),
        (anything, {"value": 1, "a": 2}, {"value": 1, "a": 2}),
        (bare, {"a": 1}, {"a": 1}),
        (bare, [1], [1]),
        (document, {"a": 1}, {"a": 1}),
        (document, {"data": {"a": 1}}, {"a": 1}),
        (document, {}, {}),
        (place, {"x": 1}, Point(1)),
        (place, {"point": {"x": 1, "y": 2}}, Point(1, 2.0)),
        (several, [1], ([1], 1)),
        (several, {"value": [1], "scale": 2}, ([1], 2)),
        (open_ended, {"first": 1, "more": [2]}, (1, {"more": [2]})),
        (open_ended, 1, (1, {})),
        (positional, {"a": 1, "c": 5}, (1, 2, 5)),
        (positional, 7, (7, 2, 3)),
    ],
)
def test_the_rule_maps_an_input_to_arguments(function: Any, value: Any, expected: Any) -> None:
    assert call(function, value) == expected
    schema = binding(function).schema()
    jsonschema_rs.validator_for({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}).validate(value)


@pytest.mark.parametrize(
    ("function", "value", "path", "words"),
    [
        (hello, 5, "", "must be a text, not a whole number"),
        (hello, {}, "/name", "is required"),
        (hello, {"name": "x", "tims": 2}, "/tims", "no field"),
        (two, 5, "", "an object with the fields a and b"),
        (two, None, "", "an object with the fields a and b"),
        (nothing, 5, "", "an object, or nothing"),
        (nothing, {"a": 1}, "/a", "no field"),
        (document, [1], "", "must be an object"),
        (document, {"data": 5}, "/data", "must be an object"),
        (place, {"x": "1"}, "/x", "must be a whole number, not a text"),
        (place, {"point": {"x": "1"}}, "/point/x", "must be a whole number"),
        (several, {"anything": 1}, "/anything", "no field"),
        (open_ended, {"more": 1}, "/first", "is required"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_by_the_binding_and_the_schema(
    function: Any, value: Any, path: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(function, value)
    assert caught.value.errors[0][0] == path
    assert words in caught.value.errors[0][1]
    assert not jsonschema_rs.validator_for(binding(function).schema()).is_valid(value)


def test_a_parameter_that_takes_anything_alone_needs_no_schema() -> None:
    assert binding(bare).schema() == {}


# -- binary bodies ----------------------------------------------------------------------------------------------------


def of_bytes(data: bytes) -> Any:
    return data


def of_blob(data: Blob) -> Any:
    return data


def of_maybe_bytes(data: bytes | None, scale: int = 1) -> Any:
    return data


def of_text_or_bytes(data: str | bytes) -> Any:
    return data


@pytest.mark.parametrize(
    ("function", "body", "content_type", "expected"),
    [
        (of_bytes, b"\xff", "image/png", b"\xff"),
        (of_bytes, b"plain", "text/plain", b"plain"),
        (of_bytes, b'"/w=="', "application/json", b"\xff"),
        (of_maybe_bytes, b"\xff", "image/png", b"\xff"),
        (of_blob, b"\xff", "image/png", Blob(b"\xff", "image/png")),
        (of_blob, b'{"data":"/w=="}', "application/json", Blob(b"\xff")),
        (of_text_or_bytes, b'"abcd"', "application/json", "abcd"),
        (of_text_or_bytes, b"\xff", "image/png", b"\xff"),
        (hello, "Zoë".encode(), "text/plain", ("Zoë", 1)),
        (hello, "Zoë".encode("latin-1"), "text/plain; charset=iso-8859-1", ("Zoë", 1)),
        (bare, b"\xff", "image/png", b"\xff"),
        (bare, b"text", "text/csv", "text"),
        (bare, b"[1]", "application/vnd.thing+json; v=1", [1]),
        (nothing, b"", "application/json", "nothing"),
    ],
)
def test_a_binary_body_is_the_only_argument(function: Any, body: bytes, content_type: str, expected: Any) -> None:
    args, kwargs = binding(function).bind(body, content_type)
    assert function(*args, **kwargs) == expected


@pytest.mark.parametrize(
    ("function", "body", "content_type", "words"),
    [
        (hello, b"\xff", "image/png", "takes JSON"),
        (hello, b"\xff", "text/plain", "no text"),
        (hello, b"x", "text/plain; charset=klingon", "no text"),
        (two, b"\xff", "image/png", "takes several values"),
        (of_bytes, b'"?"', "application/json", "base64"),
        (of_bytes, b"5", "application/json", "base64"),
    ],
)
def test_a_body_of_the_wrong_type_is_refused(function: Any, body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        binding(function).bind(body, content_type)


# -- hints ------------------------------------------------------------------------------------------------------------


def shaped(hint: Any) -> Any:
    """A function with one parameter of a hint, beside another, so that objects are keywords."""

    def function(v: Any, other: int) -> Any:
        return v

    function.__annotations__ = {"v": hint, "other": int}
    return function


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (int, 1.0, 1),
        (float, 1, 1.0),
        (bool, True, True),
        (None, None, None),
        (list[int], [1, 2], [1, 2]),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[str], ["a", "a"], {"a"}),
        (frozenset[int], [1], frozenset({1})),
        (dict[str, Colour], {"a": "red"}, {"a": Colour.RED}),
        (dict[int, str], {"1": "a"}, {"1": "a"}),
        (int | None, None, None),
        (int | str, "a", "a"),
        (list[Point] | Point, {"x": 1}, Point(1)),
        (Literal["a", 1, True], True, True),
        (Literal[Colour.RED], "red", Colour.RED),
        (Colour, "blue", Colour.BLUE),
        (Level, "HIGH", Level.HIGH),
        (Tree, {"name": "a", "children": [{"name": "b"}]}, Tree("a", [Tree("b")])),
        (Options, {"deep": True}, {"deep": True}),
        (Pair, [1], Pair(1)),
        (Annotated[int, "how many"], 1, 1),
        (UserId, 7, 7),
        (datetime, "2026-01-02T03:04:05Z", datetime.fromisoformat("2026-01-02T03:04:05+00:00")),
        (date, "2026-01-02", date(2026, 1, 2)),
        (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        ("Nowhere", {"any": "thing"}, {"any": "thing"}),
        (object, [1], [1]),
    ],
)
def test_values_become_what_their_hints_say(hint: Any, value: Any, expected: Any) -> None:
    result = call(shaped(hint), {"v": value, "other": 1})
    assert result == expected
    assert type(result) is type(expected)
    jsonschema_rs.validator_for(binding(shaped(hint)).schema()).validate({"v": value, "other": 1})


@pytest.mark.parametrize(
    ("hint", "value", "path", "words"),
    [
        (int, True, "", "not a boolean"),
        (int, 1.5, "", "not a number"),
        (float, 10**400, "", "larger"),
        (list[int], [1, "a"], "/1", "must be a whole number"),
        (tuple[int, str], [1], "", "must have 2 items"),
        (set[Any], [[1]], "", "a set can't hold"),
        (dict[str, int], {"a/b": "x"}, "/a~1b", "must be a whole number"),
        (int | str | None, [], "", "must be a whole number or a text or null, not a list"),
        (list[Point] | str, [{"x": "a"}], "/0/x", "must be a whole number"),
        (Literal[1], True, "", "must be one of 1"),
        (Literal["a"], [], "", "must be one of 'a'"),
        (Colour, "green", "", "must be one of 'red', 'blue'"),
        (Tree, {"name": "a", "children": [{"nome": "b"}]}, "/children/0/nome", "no field"),
        (Even, {"number": 3}, "", "3 is odd"),
        (Options, {"limit": 1}, "/deep", "is required"),
        (datetime, "yesterday", "", "format date-time"),
        (UUID, 5, "", "must be a text"),
    ],
)
def test_a_value_that_misses_its_hint_is_refused_with_its_place(hint: Any, value: Any, path: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call(shaped(hint), {"v": value, "other": 1})
    assert any(at == f"/v{path}" and words in what for at, what in caught.value.errors), caught.value.errors


def test_classes_are_described_once_with_their_docstring() -> None:
    schema = binding(shaped(dict[str, Point])).schema()
    assert schema["$defs"] == {
        "Point": {
            "type": "object",
            "properties": {
                "x": {"type": "integer"},
                "y": {"type": "number", "default": 0.0},
                "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            },
            "required": ["x"],
            "additionalProperties": False,
            "description": "A place.",
        }
    }


def test_a_text_in_annotated_is_the_description() -> None:
    properties = binding(shaped(Annotated[int, "how many"])).schema()["properties"]
    assert properties["v"] == {"type": "integer", "description": "how many"}


def test_one_hint_that_cannot_be_resolved_spoils_no_other() -> None:
    def function(a: Nowhere, b: int) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    properties = binding(function).schema()["properties"]
    assert properties == {"a": {}, "b": {"type": "integer"}}


# -- the schema and the binding agree ---------------------------------------------------------------------------------

HINTS = st.recursive(
    st.sampled_from([str, int, float, bool, None, Any, Colour, Point, Tree, Options, Pair, Literal["a", 1]]),
    lambda inner: st.one_of(
        inner.map(lambda hint: list[hint]),  # type: ignore[valid-type]
        inner.map(lambda hint: dict[str, hint]),  # type: ignore[valid-type]
        st.tuples(inner, inner).map(lambda pair: tuple[pair[0], pair[1]]),  # type: ignore[name-defined]
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1] if pair != (None, None) else None),
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.floats(-5, 5).map(lambda number: round(number, 1)),
        st.sampled_from(["a", "red", "", "x"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["v", "w", "x", "y", "name", "children", "deep", "limit", "q"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)
FORMS = st.sampled_from(["one", "one optional", "one and more", "several", "open"])


def made(form: str, hint: Any) -> Any:
    def one(v: Any) -> None: ...
    def one_optional(v: Any = None) -> None: ...
    def one_and_more(v: Any, w: int = 1) -> None: ...
    def several(v: Any, w: int) -> None: ...
    def open_ended(v: Any, **rest: Any) -> None: ...

    functions = [one, one_optional, one_and_more, several, open_ended]
    function = functions[["one", "one optional", "one and more", "several", "open"].index(form)]
    function.__annotations__ = {"v": hint, "w": int}
    return function


@given(FORMS, HINTS, VALUES, st.booleans())
def test_the_schema_lets_through_exactly_what_can_be_bound(form: str, hint: Any, value: Any, named: bool) -> None:
    bound = binding(made(form, hint))
    value = {"v": value} if named else value
    try:
        bound.bind(json.dumps(value).encode(), "application/json")
        fits = True
    except InvalidInput:
        fits = False
    assert (
        jsonschema_rs.validator_for(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **bound.schema()}
        ).is_valid(value)
        == fits
    )
