"""``local``: a handler in this process, with the same checks and conversions as on a platform."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import trivet
from trivet.authoring import InvalidInput, UnserializableOutput

events: list[str] = []


@trivet.endpoint
def shout(text: str, times: int = 1) -> str:
    return text.upper() * times


@trivet.endpoint
async def ashout(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


@trivet.endpoint
def letters(text: str) -> Iterator[str]:
    try:
        for number, letter in enumerate(text, 1):
            trivet.progress(number / len(text), letter)
            yield letter
    finally:
        events.append("closed")


@trivet.endpoint
async def aletters(text: str) -> AsyncIterator[str]:
    try:
        for letter in text:
            await asyncio.sleep(0)
            yield letter
    finally:
        events.append("aclosed")


@trivet.endpoint
class Loaded:
    async def setup(self) -> None:
        events.append("setup")

    def predict(self, x: int) -> int:
        return x + 1


@trivet.endpoint
def give(what: Any) -> Any:
    return {"object": object(), "nan": [float("nan")], "bytes": b"\x00\xff", "blob": trivet.Blob(b"x", "image/png")}[
        what
    ]


@pytest.fixture(autouse=True)
def _no_events() -> None:
    events.clear()


def test_objects_and_bare_values_reach_the_function() -> None:
    assert shout.local({"text": "a", "times": 2}) == "AA"
    assert shout.local("a") == "A"
    assert ashout.local("a") == "A"


def test_an_unfit_input_is_refused_with_every_fault() -> None:
    with pytest.raises(InvalidInput) as caught:
        shout.local({"times": "two", "loud": True})
    assert caught.value.errors == (
        ("/times", "must be a whole number, not a text"),
        ("/loud", "is no field here"),
        ("/text", "is required"),
    )


def test_generators_give_an_iterator_and_are_closed_with_it() -> None:
    assert list(letters.local("abc")) == ["a", "b", "c"]
    assert list(aletters.local("abc")) == ["a", "b", "c"]
    assert events == ["closed", "aclosed"]
    for endpoint, word in ((letters, "closed"), (aletters, "aclosed")):
        events.clear()
        with contextlib.closing(endpoint.local("abc")) as pieces:
            assert next(pieces) == "a"
        assert events == [word]


def test_progress_reaches_the_callback_from_inside_a_generator() -> None:
    told: list[tuple[float, str]] = []
    list(letters.local("ab", on_progress=lambda fraction, message: told.append((fraction, message))))
    assert told == [(0.5, "a"), (1.0, "b")]


def test_a_class_is_set_up_once() -> None:
    assert [Loaded.local(1), Loaded.local(2)] == [2, 3]
    assert events == ["setup"]


def test_async_handlers_also_run_where_a_loop_is_running() -> None:
    async def notebook() -> tuple[Any, list[Any]]:
        return ashout.local("a"), list(aletters.local("ab"))

    assert asyncio.run(notebook()) == ("A", ["a", "b"])


def test_an_output_that_has_no_json_form_is_refused_as_on_a_platform() -> None:
    with pytest.raises(UnserializableOutput, match="of the type object"):
        give.local("object")
    with pytest.raises(UnserializableOutput, match="/0 is nan"):
        give.local("nan")


def test_bytes_come_back_as_bytes() -> None:
    assert give.local("bytes") == b"\x00\xff"
    assert give.local("blob") == b"x"


def test_what_a_handler_raises_comes_through() -> None:
    @trivet.endpoint
    def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        fail.local()
