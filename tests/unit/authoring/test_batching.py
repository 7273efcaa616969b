"""Handlers that take batches: what they may look like, and what one call of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import pytest

import trivet
from trivet.authoring.batching import Batching, output_of, outputs_of
from trivet.authoring.errors import BatchMismatch, InvalidInput
from trivet.authoring.program import Program

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass
class Question:
    text: str
    limit: int = 3


class Row(TypedDict):
    a: int


@trivet.endpoint(max_batch_size=8, batch_wait=0.02)
def lengths(texts: list[str]) -> list[int]:
    """Measures."""
    return [len(text) for text in texts]


@trivet.endpoint(max_batch_size=8)
async def ask(questions: Sequence[Question]) -> list[dict[str, int] | ValueError]:
    return [{question.text: question.limit} if question.text else ValueError("no text") for question in questions]


@trivet.endpoint(max_batch_size=2)
class Scaler:
    def setup(self) -> None:
        self.factor = 2

    def __call__(self, rows: list[Row], plus: int = 0) -> list[int]:
        return [row["a"] * self.factor + plus for row in rows]


def test_the_schemas_are_those_of_one_item() -> None:
    described = lengths.describe()
    assert described["input_schema"] == {"$schema": DRAFT, "type": "string"}
    assert described["output_schema"] == {"type": "integer"}
    assert described["settings"] == {"max_batch_size": 8, "batch_wait": 0.02}
    described = ask.describe()
    assert described["input_schema"]["$ref"] == "#/$defs/Question"
    assert described["input_schema"]["$defs"]["Question"]["required"] == ["text"]
    assert described["output_schema"] == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_a_handler_without_hints_takes_and_gives_anything() -> None:
    @trivet.endpoint(max_batch_size=2)
    def anything(items):  # type: ignore[no-untyped-def]  # that is the point
        return items

    described = anything.describe()
    assert (described["input_schema"], described["output_schema"]) == ({}, {})
    assert anything.local({"items": 1}) == {"items": 1}
    assert anything.local([1, 2]) == [1, 2]


def test_a_local_call_is_a_batch_of_one() -> None:
    assert lengths.local("four") == 4
    assert ask.local({"text": "why"}) == {"why": 3}
    assert Scaler.local({"a": 4}) == 8  # type: ignore[attr-defined]  # mypy passes over what decorates a class
    assert lengths(["a", "bc"]) == [1, 2]


def test_a_local_call_raises_what_stands_in_the_place_of_its_output() -> None:
    with pytest.raises(ValueError, match="no text"):
        ask.local({"text": ""})


@pytest.mark.parametrize(
    ("endpoint", "value", "words"),
    [
        (lengths, 5, "the input must be a text"),
        (lengths, {"texts": "a"}, "the input must be a text"),
        (lengths, None, "the input must be a text"),
        (ask, {"limit": 1}, "/text is required"),
        (ask, {"text": "a", "more": 1}, "/more is no field"),
    ],
)
def test_an_item_that_does_not_fit_says_why(endpoint: trivet.authoring.Endpoint, value: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        endpoint.local(value)


def test_bytes_are_items_too() -> None:
    @trivet.endpoint(max_batch_size=2)
    def sizes(images: list[bytes]) -> list[int]:
        return [len(image) for image in images]

    assert sizes.local(b"\x00\xff") == 2
    assert Program(sizes).bind(b"\x00\xff", "image/png") == ([b"\x00\xff"], {})


def test_a_program_knows_how_its_inputs_are_gathered() -> None:
    assert Program(lengths).batching == Batching(8, 0.02)
    assert Program(ask).batching == Batching(8, 0.005)
    assert Program(trivet.endpoint(max_batch_size=1)(lengths.target)).batching is None


def stream(texts: list[str]) -> Iterator[str]:
    yield from texts


def nothing() -> list[str]:
    return []


def two(first: list[str], second: list[str]) -> list[str]:
    return first + second


def named(*, texts: list[str]) -> list[str]:
    return texts


def spread(*texts: str) -> list[str]:
    return list(texts)


def later(least: int = 0, *, texts: list[str]) -> list[str]:
    return texts[least:]


def single(text: str) -> list[str]:
    return [text]


def maybe(texts: list[str] | None) -> list[str]:
    return texts or []


def joined(texts: list[str]) -> str:
    return "".join(texts)


def by_name(texts: list[str]) -> dict[str, int]:
    return dict.fromkeys(texts, 1)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (stream, "stream belongs to one caller"),
        (nothing, "takes one list of inputs"),
        (two, "takes one list of inputs"),
        (named, "takes one list of inputs"),
        (spread, "takes one list of inputs"),
        (later, "takes one list of inputs"),
        (single, "parameter text is hinted as a list, for example list"),
        (maybe, "parameter texts is hinted as a list"),
        (joined, "what it returns is hinted as a list, .* not as str"),
        (by_name, "what it returns is hinted as a list, .* not as dict"),
    ],
)
def test_what_can_not_take_batches_is_refused_where_it_is_decorated(function: Callable[..., Any], words: str) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        trivet.endpoint(max_batch_size=2)(function)
    assert function.__name__ in str(caught.value)


class Array:
    """As NumPy's: no sequence by its class, and with plain values on request."""

    def __init__(self, *rows: int) -> None:
        self.rows = rows

    def tolist(self) -> list[int]:
        return list(self.rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self.rows)


@pytest.mark.parametrize("returned", [[1, 2], (1, 2), range(1, 3), Array(1, 2)])
def test_lists_and_what_is_like_them_are_shared_out(returned: Any) -> None:
    assert list(outputs_of(returned, 2)) == [1, 2]


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ([1], "a batch of 2 inputs, and it returned a list of 1"),
        ([1, 2, 3], "returned a list of 3"),
        (Array(1), "returned a list of 1"),
        ("ab", "of the type str"),
        (b"ab", "of the type bytes"),
        ({0: 1, 1: 2}, "of the type dict"),
        ({1, 2}, "of the type set"),
        (iter([1, 2]), "of the type list_iterator"),
        (None, "of the type NoneType"),
    ],
)
def test_what_can_not_be_shared_out_says_what_was_returned(returned: Any, words: str) -> None:
    with pytest.raises(BatchMismatch, match=words) as caught:
        outputs_of(returned, 2)
    assert caught.value.code == "batch_mismatch"
    assert "one output for each input" in str(caught.value)


def test_the_output_of_a_batch_of_one_is_its_only_item() -> None:
    assert output_of([5]) == 5
    with pytest.raises(BatchMismatch, match="a batch of 1 input, "):
        output_of([])
    with pytest.raises(KeyError):
        output_of([KeyError("a")])
