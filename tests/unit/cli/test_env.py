"""`trivet env`: what a shell is told, and in whose words."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Server
from trivet.sdk._config import Profile, write_profile

KEY = "trv_a_b;$(rm x)'"


def exported(text: str) -> dict[str, str]:
    """The variables that a shell would have after evaluating ``text``; nothing else may stand in it."""
    found = {}
    for line in text.splitlines():
        export, assignment = shlex.split(line)
        assert export == "export"
        name, _, value = assignment.partition("=")
        found[name] = value
    return found


def test_the_environment_is_quoted_for_the_shell(trivet: Trivet, profile: Path) -> None:
    write_profile(Profile("http://there:8300", KEY), profile)
    result = trivet("env")
    assert result.exit_code == 0
    assert exported(result.stdout) == {"TRIVET_URL": "http://there:8300", "TRIVET_API_KEY": KEY}


@pytest.mark.parametrize("url", ["http://there:8300", "http://there:8300/"])
def test_runpod_programs_are_told_all_three_addresses_and_nothing_of_ours(
    trivet: Trivet, profile: Path, url: str
) -> None:
    write_profile(Profile(url, KEY), profile)
    result = trivet("env", "runpod")
    assert result.exit_code == 0
    assert exported(result.stdout) == {
        "RUNPOD_API_KEY": KEY,
        "RUNPOD_ENDPOINT_BASE_URL": "http://there:8300/runpod/v2",
        "RUNPOD_API_BASE_URL": "http://there:8300/runpod",
    }


@pytest.mark.parametrize("words", [("env",), ("env", "runpod")])
def test_without_a_key_there_is_no_environment_to_give(trivet: Trivet, words: tuple[str, ...]) -> None:
    result = trivet(*words)
    assert (result.exit_code, result.stdout) == (3, "")


@pytest.mark.parametrize("dialect", ["algorithmia", "jaqpot"])
def test_a_dialect_that_is_not_there_yet_is_told_plainly(trivet: Trivet, logged_in: Server, dialect: str) -> None:
    result = trivet("env", dialect)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{dialect} dialect yet" in result.stderr


def test_an_unknown_dialect_is_wrong_usage(trivet: Trivet) -> None:
    assert trivet("env", "other").exit_code == 2
