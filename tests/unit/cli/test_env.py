"""`trivet env`: what a shell is told, and in whose words."""

from __future__ import annotations

import json
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


def test_the_lines_for_algorithmias_package_name_its_own_variables(trivet: Trivet, profile: Path) -> None:
    write_profile(Profile("http://there:8300", KEY), profile)
    result = trivet("env", "algorithmia")
    assert result.exit_code == 0
    assert exported(result.stdout) == {
        "ALGORITHMIA_API_KEY": KEY,
        "ALGORITHMIA_API": "http://there:8300/algorithmia",
    }


def test_the_lines_for_jaqpots_sdk_have_the_key_in_two_halves(trivet: Trivet, profile: Path) -> None:
    write_profile(Profile("http://there:8300", KEY), profile)
    result = trivet("env", "jaqpot")
    assert result.exit_code == 0
    found = exported(result.stdout)
    assert found["JAQPOT_API_URL"] == "http://there:8300/jaqpot"
    assert f"{found['JAQPOT_API_KEY']}_{found['JAQPOT_API_SECRET']}" == KEY


def test_a_key_that_is_no_pair_is_told_plainly(trivet: Trivet, profile: Path) -> None:
    write_profile(Profile("http://there:8300", "whole"), profile)
    result = trivet("env", "jaqpot")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "id and a secret" in result.stderr


def test_an_unknown_dialect_is_wrong_usage(trivet: Trivet) -> None:
    assert trivet("env", "other").exit_code == 2


# -- a worker elsewhere


def serve_an_endpoint(server: Server) -> None:
    server.on("GET", "/endpoints/admin/hello", lambda it: it.json({"id": "ep1", "name": "admin/hello"}))
    key = {"id": "k1", "key": KEY, "expires_at": "2027-05-20T08:00:00.000Z"}
    server.on("POST", "/keys", lambda it: it.json(key, 201))


def test_a_worker_elsewhere_is_told_all_that_it_needs_to_join(trivet: Trivet, logged_in: Server) -> None:
    serve_an_endpoint(logged_in)
    result = trivet("env", "runpod", "--worker", "admin/hello", "--worker-id", "gpu-box")
    assert result.exit_code == 0, result.stderr
    base = f"{logged_in.url}/runpod/v2/ep1"
    assert exported(result.stdout) == {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?from=elsewhere",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?from=elsewhere",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?from=elsewhere",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?from=elsewhere",
        "RUNPOD_AI_API_KEY": KEY,
        "RUNPOD_POD_ID": "gpu-box",
        "RUNPOD_ENDPOINT_ID": "ep1",
        "RUNPOD_PING_INTERVAL": "5000",
        "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
    }
    asked = json.loads(logged_in.seen[-1].body)
    assert (asked["label"], asked["scopes"]) == ("RunPod worker of admin/hello", ["work"])
    assert "trivet keys revoke k1" in result.stderr
    assert KEY not in result.stderr


def test_workers_without_a_name_get_different_ones(trivet: Trivet, logged_in: Server) -> None:
    serve_an_endpoint(logged_in)
    names = [exported(trivet("env", "runpod", "--worker", "admin/hello").stdout)["RUNPOD_POD_ID"] for _ in range(2)]
    assert len(set(names)) == 2


def test_no_key_is_made_for_an_endpoint_that_is_not_there(trivet: Trivet, logged_in: Server) -> None:
    result = trivet("env", "runpod", "--worker", "admin/none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [exchange.method for exchange in logged_in.seen] == ["GET"]


@pytest.mark.parametrize(
    "words",
    [
        ("env", "--worker", "admin/hello"),
        ("env", "runpod", "--worker-id", "gpu-box"),
        ("env", "runpod", "--worker", "admin/hello", "--worker-id", "no/such id"),
    ],
)
def test_a_worker_that_is_asked_for_in_half_is_wrong_usage(
    trivet: Trivet, logged_in: Server, words: tuple[str, ...]
) -> None:
    result = trivet(*words)
    assert (result.exit_code, result.stdout, logged_in.seen) == (2, "", [])
