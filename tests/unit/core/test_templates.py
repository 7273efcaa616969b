"""Images and templates: what may name them, what an environment may hold, what an endpoint made from them is called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.values import endpoint, image, version
from trivet.platform.core import templates as rules
from trivet.platform.core.endpoints import Overrides, VersionSettings
from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.core.ids import is_name
from trivet.platform.core.images import check_image_name


@pytest.mark.parametrize(
    "name", ["a", "runpod/base:0.4.4", "registry.example:5000/team/worker@sha256:ab", "x" * 255, "ß"]
)
def test_an_image_is_named_as_images_usually_are(name: str) -> None:
    assert check_image_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a\tb", "a\n", "x" * 256, "a\u00a0b", "\x7f"])
def test_what_can_not_name_an_image_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="can't be the name of an image"):
        check_image_name(name)


@pytest.mark.parametrize("name", ["", "  ", "x" * 192, "a\nb"])
def test_what_can_not_name_a_template_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="name of a template"):
        rules.check_title("template", name)


def test_of_variables_with_the_same_name_the_last_one_counts() -> None:
    assert rules.check_env([("A", "1"), ("B", ""), ("A", "ü\n2")]) == {"A": "ü\n2", "B": ""}


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("1A", "x")], "'1A' can't be the name"),
        ([("A-B", "x")], "can't be the name"),
        ([("", "x")], "can't be the name"),
        ([("Ä", "x")], "can't be the name"),
        ([("A", "x\0y")], "NUL"),
        ([("A", "\ud800")], "surrogate"),
        ([(f"A{number}", "") for number in range(201)], "at most 200"),
    ],
)
def test_what_no_environment_can_hold_is_refused(pairs: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        rules.check_env(pairs)


def test_variables_have_a_size() -> None:
    most = "x" * rules.MAX_ENV_VALUE
    rules.check_env([("A", most)])
    with pytest.raises(TooLarge, match="value of A"):
        rules.check_env([("A", f"{most}x")])
    with pytest.raises(TooLarge, match="together"):
        rules.check_env([(f"A{number}", most) for number in range(20)])


def test_variables_by_which_a_worker_finds_the_platform_are_the_platforms_own() -> None:
    ours = ("TRIVET_LINK", "TRIVET_WORKER_TOKEN")
    theirs = {"HF_TOKEN": "k", "PATH": "/bin", "PYTHONUNBUFFERED": "1", "MY_TRIVET_": "x"}
    assert rules.without_platforms_own({**dict.fromkeys(ours, "x"), **theirs}) == theirs


def test_extras_have_a_size() -> None:
    assert rules.check_extras({"a": [1, None]}) == {"a": [1, None]}
    with pytest.raises(TooLarge, match="only kept"):
        rules.check_extras({"readme": "x" * rules.MAX_EXTRAS})


@pytest.mark.parametrize(
    ("wanted", "taken", "name"),
    [
        ("test", [], "test"),
        ("test", ["test"], "test-2"),
        ("Test", ["test", "TEST-2"], "Test-3"),
        ("my model v1.0 -fb", [], "my-model-v1-0-fb"),
        ("日本", [], "endpoint"),
        ("日本", ["endpoint"], "endpoint-2"),
        ("--x--", [], "x"),
        ("y" * 80, [], "y" * 63),
        ("y" * 80, ["y" * 63], "y" * 61 + "-2"),
    ],
)
def test_an_endpoint_is_called_what_a_name_may_hold(wanted: str, taken: list[str], name: str) -> None:
    assert rules.free_name(wanted, taken) == name


@given(st.text(max_size=100), st.lists(st.text("aA-_2", max_size=70), max_size=20))
def test_whatever_is_wanted_becomes_a_name_that_is_free(wanted: str, taken: list[str]) -> None:
    name = rules.free_name(wanted, taken)
    assert is_name(name)
    assert name.lower() not in {each.lower() for each in taken}


@pytest.mark.parametrize(
    ("overrides", "installed", "timeout", "gpu"),
    [
        (Overrides(), {}, 600.0, None),
        (Overrides(90.0), {}, 90.0, None),
        (Overrides(None, ("L4",)), {}, 600.0, None),
        (Overrides(None, ("L4",)), {"L4": 1}, 600.0, "L4"),
        (Overrides(None, ("A40", "L4")), {"L4": 1, "A40": 1}, 600.0, "A40"),
        (Overrides(None, ("L4",)), {"L40": 1}, 600.0, "any"),
        (Overrides(None, ("A40", "L4"), ("A40",)), {"L4": 1, "A40": 1}, 600.0, "L4"),
        (Overrides(None, ("A40", "L4"), ("A40",)), {"A40": 1, "T4": 1}, 600.0, "any"),
        (Overrides(None, ("A40", "L4"), ("A40",)), {"A40": 1}, 600.0, None),
        (Overrides(None, (), ("A40",)), {"L4": 1}, 600.0, None),
    ],
)
def test_what_was_asked_for_counts_where_it_can(
    overrides: Overrides, installed: dict[str, int], timeout: float, gpu: str | None
) -> None:
    made = overrides.apply(VersionSettings(), installed)
    assert (made.timeout, made.gpu) == (timeout, gpu)


def test_a_gpu_that_the_author_needs_stays_needed() -> None:
    assert Overrides(None, ("H100",)).apply(VersionSettings(gpu="L4"), {}).gpu == "L4"


def made_of(of: Any, owner: str = "bond") -> Any:
    return of.version(endpoint(owner_name=owner), {}, fresh_id="ver_9", number="1.0.0", now=7.0, by="acc_9")


def test_a_version_is_all_that_its_image_is() -> None:
    made = made_of(image())
    for field in (
        "hash",
        "kind",
        "host",
        "handler",
        "bundle",
        "environment",
        "input_schema",
        "output_schema",
        "description",
    ):
        assert getattr(made, field) == getattr(image(), field)
    assert (made.id, made.number, made.created_at, made.created_by, made.sealed_env) == (
        "ver_9",
        "1.0.0",
        7.0,
        "acc_9",
        None,
    )
    assert made.settings == replace(image().settings, timeout=90.0)


def test_the_log_of_a_build_is_for_its_own_owner() -> None:
    assert made_of(image()).deployment_id == "dep_1"
    assert made_of(image(), "q").deployment_id is None


def test_versions_are_compared_by_what_they_do() -> None:
    one = version()
    assert rules.does_the_same(one, version("2.0.0", created_at=9.0, created_by="acc_9", deployment_id=None))
    for change in (
        {"bundle": "other"},
        {"sealed_env": b"other"},
        {"handler": "other"},
        {"settings": VersionSettings()},
    ):
        assert not rules.does_the_same(one, version(**change))
