"""What the decorator takes, and what it leaves in the module."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import trivet
from trivet.authoring.settings import checked, parse_size


@trivet.endpoint(workers=(0, 3), timeout=60)
def hello(name: str, times: int = 1) -> str:
    """Greets somebody.

    As often as asked.
    """
    return " ".join([f"Hello {name}"] * times)


@trivet.endpoint
class Doubler:
    """Doubles."""

    def setup(self) -> None:
        self.factor = 2

    def __call__(self, x: int) -> int:
        return x * self.factor


def wrapper(function: Any) -> Any:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def test_a_decorated_function_is_still_the_function() -> None:
    assert hello("Bond", times=2) == "Hello Bond Hello Bond"
    assert hello.__name__ == "hello"
    assert list(inspect.signature(hello).parameters) == ["name", "times"]
    assert pickle.loads(pickle.dumps(hello)) is hello


def test_a_decorated_class_still_makes_instances() -> None:
    instance = Doubler()
    instance.setup()
    assert instance(4) == 8


def test_a_class_may_inherit_from_a_decorated_one() -> None:
    class Tripler(Doubler):  # type: ignore[misc,valid-type]
        def setup(self) -> None:
            self.factor = 3

    tripler = Tripler()
    tripler.setup()
    assert tripler(2) == 6


def test_a_description_says_all_that_a_platform_needs() -> None:
    described = hello.describe()
    assert described == {
        "name": "hello",
        "kind": "sync",
        "class": False,
        "module": __name__,
        "qualname": "hello",
        "description": "Greets somebody.\n\nAs often as asked.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": ["object", "string"],
            "properties": {"name": {"type": "string"}, "times": {"type": "integer", "default": 1}},
            "required": ["name"],
            "additionalProperties": False,
        },
        "output_schema": {"type": "string"},
        "settings": {"workers": [0, 3], "timeout": 60},
    }


def test_settings_are_written_in_their_plain_units() -> None:
    given = checked(
        {
            "workers": 4,
            "memory": "512MiB",
            "gpu": "A100",
            "requirements": ("numpy>=1.26",),
            "secrets": ["API_KEY"],
            "idle_timeout": 0,
            "policy": "queue_delay",
            "target": 0.5,
            "ttl": None,
            "retry_on": ("worker_lost", "ConnectionError", "requests.exceptions.Timeout"),
            "backoff": 1.5,
            "retention": 3600,
            "max_batch_size": 16,
            "batch_wait": 0,
        }
    )
    assert given == {
        "workers": [0, 4],
        "memory": 512 * 1024**2,
        "gpu": "A100",
        "requirements": ["numpy>=1.26"],
        "secrets": ["API_KEY"],
        "idle_timeout": 0,
        "policy": "queue_delay",
        "target": 0.5,
        "retry_on": ["worker_lost", "ConnectionError", "requests.exceptions.Timeout"],
        "backoff": 1.5,
        "retention": 3600,
        "max_batch_size": 16,
        "batch_wait": 0,
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 512 << 20), ("2GB", 2 * 10**9), ("1.5 GiB", 3 << 29), ("1024", 1024), ("100k", 100_000), ("7B", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"wrokers": 1}, TypeError, r"knows no setting 'wrokers' \(did you mean 'workers'\?\); it takes"),
        ({"worker": 1}, TypeError, r"\(did you mean 'workers'\?\)"),
        ({"zzz": 1}, TypeError, "knows no setting 'zzz'; it takes"),
        ({"policy": "queue-delay"}, ValueError, r"\(did you mean 'queue_delay'\?\)"),
        ({"policy": 7}, ValueError, "one of queue_delay, request_count$"),
        ({"workers": (3, 1)}, ValueError, "least is above the most"),
        ({"workers": (1,)}, ValueError, "for example"),
        ({"workers": (0, 0)}, ValueError, "least is 1"),
        ({"workers": "3"}, TypeError, "whole number"),
        ({"workers": True}, TypeError, "whole number"),
        ({"concurrency": 0}, ValueError, "least is 1"),
        ({"concurrency": 1.5}, TypeError, "whole number"),
        ({"timeout": 0}, ValueError, "more than zero"),
        ({"timeout": float("inf")}, ValueError, "finite"),
        ({"timeout": "60"}, TypeError, "takes a number"),
        ({"memory": "lots"}, ValueError, "512MiB"),
        ({"memory": 1.5}, TypeError, "512MiB"),
        ({"gpu": 1.5}, TypeError, "A100"),
        ({"gpu": ""}, ValueError, "empty"),
        ({"requirements": "numpy"}, TypeError, "list"),
        ({"requirements": ["--index-url http://elsewhere"]}, ValueError, "no requirement"),
        ({"requirements": ["numpy\n--pre"]}, ValueError, "no requirement"),
        ({"secrets": ["MY-KEY"]}, ValueError, "environment variable"),
        ({"max_attempts": 0}, ValueError, "least is 1"),
        ({"retry_on": "worker_lost"}, TypeError, "list"),
        ({"retry_on": ["worker_lots"]}, ValueError, "'worker_lots' is none of worker_lost, handler_error"),
        ({"retry_on": ["worker_lots"]}, ValueError, r"\(did you mean 'worker_lost'\?\), and no type of exception"),
        ({"retry_on": ["Time out"]}, ValueError, "no type of exception such as 'ConnectionError'"),
        ({"retry_on": [ValueError]}, TypeError, "text"),
        ({"backoff": -1}, ValueError, "zero or more"),
        ({"backoff": 3601}, ValueError, "most is 3600 seconds"),
        ({"retention": 0}, ValueError, "more than zero"),
        ({"max_batch_size": 0}, ValueError, "least is 1"),
        ({"max_batch_size": 2, "batch_wait": 61}, ValueError, "most is 60 seconds"),
        ({"batch_wait": 0.1}, ValueError, "needs max_batch_size above 1"),
        ({"policy": "guess"}, ValueError, "queue_delay"),
        ({"name": "me/hello"}, ValueError, "no owner"),
        ({"name": "-"}, ValueError, "letters"),
        ({"description": 5}, TypeError, "text"),
    ],
)
def test_a_bad_setting_is_refused_where_it_is_written(
    settings: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        trivet.endpoint(**settings)


def test_only_functions_and_classes_with_a_handler_can_be_decorated() -> None:
    with pytest.raises(TypeError, match="has no handler"):
        trivet.endpoint(type("Empty", (), {}))
    with pytest.raises(TypeError, match="above a function"):
        trivet.endpoint(len)
    with pytest.raises(TypeError, match="already"):
        trivet.endpoint()(hello)
    with pytest.raises(TypeError, match="by name"):
        trivet.endpoint(hello.target, hello.target)  # type: ignore[call-overload]


async def later() -> int:
    return 1


def stream() -> Iterator[int]:
    yield 1


async def astream() -> AsyncIterator[int]:
    yield 1


def indirect() -> Iterator[int]:
    return iter([1])


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (later, "async"),
        (stream, "generator"),
        (astream, "async_generator"),
        (indirect, "generator"),
        (wrapper(later), "async"),
        (wrapper(stream), "generator"),
        (wrapper(hello.target), "sync"),
    ],
)
def test_the_kind_is_known_from_the_function_or_what_it_wraps(function: Any, kind: str) -> None:
    assert trivet.endpoint(function).kind == kind


def test_a_wrapped_function_keeps_its_parameters() -> None:
    assert trivet.endpoint(wrapper(hello.target)).local({"name": "Bond"}) == "Hello Bond"


def test_the_pieces_of_a_generator_are_described_as_a_list() -> None:
    for function in (stream, astream, indirect):
        described = trivet.endpoint(function).describe()
        assert described["output_schema"] == {"type": "array", "items": {"type": "integer"}}


def test_progress_outside_a_job_does_nothing_and_checks_what_it_is_given() -> None:
    trivet.progress(0.5, "half")
    with pytest.raises(ValueError, match="NaN"):
        trivet.progress(float("nan"))
    with pytest.raises((TypeError, ValueError)):
        trivet.progress("half")  # type: ignore[arg-type]
