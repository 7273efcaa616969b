"""What the loader says becomes values, or a sentence on what can't be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trivet.authoring import settings
from trivet.platform.builders.descriptions import endpoints_in, parse_size
from trivet.platform.core import bounds, calls
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoints import HandlerKind, VersionSettings
from trivet.platform.core.errors import BuildFailed
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule


def described(**changes: Any) -> dict[str, Any]:
    usual = {
        "name": "hello",
        "kind": "sync",
        "class": False,
        "module": "main",
        "qualname": "hello",
        "description": "Greets.",
        "input_schema": {"type": "object"},
        "output_schema": {"type": "string"},
        "settings": {},
    }
    return {**usual, **changes}


def of_settings(**settings: Any) -> Any:
    return endpoints_in({"endpoints": [described(settings=settings)]}, "decorated")[0]


def test_a_description_becomes_an_endpoint() -> None:
    built = endpoints_in({"endpoints": [described(kind="async_generator")]}, "decorated")[0]
    assert (built.name, built.kind, built.host, built.handler) == (
        *("hello", HandlerKind.ASYNC_GENERATOR),
        *("decorated", "main:hello"),
    )
    assert built.settings == VersionSettings()
    assert built.scaling is None
    assert (built.input_schema, built.output_schema) == ({"type": "object"}, {"type": "string"})


def test_every_setting_finds_its_place() -> None:
    built = of_settings(
        workers=[1, 5],
        concurrency=4,
        timeout=30,
        ttl=60.5,
        memory="512MiB",
        gpu=2,
        requirements=["numpy"],
        secrets=["HF_TOKEN"],
        max_attempts=1,
        idle_timeout=5,
        policy="request_count",
        target=4,
        retry_on=["handler_error", "requests.exceptions.Timeout"],
        backoff=2,
        retention=60,
        max_batch_size=8,
        batch_wait=0.5,
    )
    expected = VersionSettings(4, 30.0, 60.5, 1, 512 * 2**20, "2", ("numpy",), ("HF_TOKEN",))
    assert built.settings == replace(
        expected,
        retry_on=("handler_error", "requests.exceptions.Timeout"),
        backoff=2.0,
        retention=60.0,
        max_batch_size=8,
        batch_wait=0.5,
    )
    assert built.settings.slots == 32
    assert built.scaling == ScalingPolicy(1, 5, 5.0, ScalingRule.REQUEST_COUNT, 4.0)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"workers": 7}, ScalingPolicy(0, 7)),
        ({"idle_timeout": 1}, ScalingPolicy(idle_timeout=1.0)),
        ({"workers": None, "timeout": 3}, None),
    ],
)
def test_scaling_is_what_was_asked_for_and_usual_beside(
    settings: dict[str, Any], expected: ScalingPolicy | None
) -> None:
    assert of_settings(**settings).scaling == expected


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"workers": [3, 1]}, "minimum"),
        ({"workers": [0, 0]}, "maximum"),
        ({"workers": [0, 10**9]}, "maximum"),
        ({"workers": "many"}, "how many at most"),
        ({"workers": [True, 2]}, "how many at most"),
        ({"concurrency": 0}, "whole number from 1"),
        ({"concurrency": 1.5}, "whole number"),
        ({"max_attempts": True}, "whole number"),
        ({"timeout": 0}, "seconds above 0"),
        ({"timeout": -1}, "seconds above 0"),
        ({"timeout": 10**12}, "seconds above 0"),
        ({"timeout": "soon"}, "is a number"),
        ({"ttl": float("inf")}, "is a number"),
        ({"ttl": float("nan")}, "is a number"),
        ({"memory": "lots"}, "is no size"),
        ({"memory": "1KiB"}, "from 32 MiB up"),
        ({"memory": True}, "from 32 MiB up"),
        ({"gpu": ""}, "a kind of GPU"),
        ({"gpu": -1}, "a kind of GPU"),
        ({"gpu": ["A100"]}, "a kind of GPU"),
        ({"secrets": "HF_TOKEN"}, "list of strings"),
        ({"secrets": ["no name"]}, "name of a variable"),
        ({"secrets": ["TRIVET_WORKER_TOKEN"]}, "name of a variable"),
        ({"policy": "guess"}, "one of queue_delay, request_count"),
        ({"target": 0}, "target must be"),
        ({"retry_on": "worker_lost"}, "list of strings"),
        ({"retry_on": ["some words"]}, "names of types of exceptions"),
        ({"retry_on": ["a" * 201]}, "names of types of exceptions"),
        ({"retry_on": [f"Error{n}" for n in range(21)]}, "up to 20 of"),
        ({"backoff": -1}, "from 0 to 3600"),
        ({"backoff": 3601}, "from 0 to 3600"),
        ({"retention": 0}, "seconds above 0"),
        ({"retention": bounds.MAX_RETENTION + 1}, "seconds above 0"),
        ({"timeout": bounds.MAX_TIMEOUT + 1}, "seconds above 0"),
        ({"retention": float("inf")}, "is a number"),
        ({"max_batch_size": 0}, "whole number from 1"),
        ({"max_batch_size": 10_001}, "to 10000"),
        ({"batch_wait": 61}, "from 0 to 60"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildFailed, match=said) as caught:
        of_settings(**settings)
    assert caught.value.detail.startswith("hello: ")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "no endpoint was found"),
        ({"endpoints": []}, "no endpoint was found"),
        ({"endpoints": {}}, "no endpoint was found"),
        ({"endpoints": ["hello"]}, "not an object"),
        ({"endpoints": [described(name="a/b")]}, "can't name an endpoint"),
        ({"endpoints": [described(name=None)]}, "can't name an endpoint"),
        ({"endpoints": [described(), described(name="HELLO")]}, "Two endpoints are named 'hello'"),
        ({"endpoints": [described(kind="magic")]}, "kind of handler"),
        ({"endpoints": [described(kind="generator", settings={"max_batch_size": 2})]}, "generator can't take batches"),
        ({"endpoints": [described(qualname="make.<locals>.hello")]}, "can't find main:make.<locals>.hello"),
        ({"endpoints": [described(module="../main")]}, "can't find"),
        ({"endpoints": [described(input_schema=[])]}, "input schema"),
        ({"endpoints": [described(output_schema={"x": "y" * 2_000_000})]}, "output schema has"),
        ({"endpoints": [described(name=f"e{n}") for n in range(101)]}, "100 are the most"),
    ],
)
def test_an_answer_that_can_not_be_is_refused(answer: dict[str, Any], said: str) -> None:
    with pytest.raises(BuildFailed, match=said):
        endpoints_in(answer, "decorated")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *[("512MiB", 512 * 2**20), ("2 GB", 2 * 10**9), ("1.5gib", 3 * 2**29)],
        *[("64M", 64 * 10**6), ("1024", 1024), ("1Ti", 2**40), ("10B", 10)],
    ],
)
def test_sizes_are_read_in_both_systems(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1e9", "1 PiB", "1MiBs", "٣MiB" + "x"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_what_an_author_may_set_a_caller_may_say() -> None:
    furthest: dict[str, Any] = {
        "timeout": bounds.MAX_TIMEOUT,
        "ttl": bounds.MAX_TTL,
        "max_attempts": bounds.MAX_ATTEMPTS,
        "backoff": bounds.MAX_BACKOFF,
        "retention": bounds.MAX_RETENTION,
    }
    kinds = [f"errors.Überlauf{number}" for number in range(bounds.MOST_KINDS_OF_ERRORS)]
    author = of_settings(**furthest, retry_on=kinds).settings
    said = calls.policy(CallOptions(**furthest, retry_on=tuple(kinds)), VersionSettings(), 1.0, 1.0)
    assert said == calls.policy(CallOptions(), author, 1.0, 1.0)


def test_the_decorator_knows_the_bounds_of_the_platform() -> None:
    assert (settings.LONGEST_BACKOFF, settings.LONGEST_BATCH_WAIT) == (bounds.MAX_BACKOFF, bounds.MAX_BATCH_WAIT)
