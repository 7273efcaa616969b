from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.cli.test_deploy import builds
from tests.unit.cli.test_manage import ENDPOINT, sent
from tests.unit.sdk.server import Server, accepted, job

PATH = "/endpoints/admin/hello"
SPLIT: dict[str, Any] = {
    **ENDPOINT,
    "canary": {"version": "1.1.0", "weight": 10},
    "aliases": [{"name": "prod", "versions": [{"version": "1.0.0", "weight": 100}]}],
}


def test_a_canary_is_set_and_says_who_gets_what(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("PUT", f"{PATH}/canary", lambda it: it.json(SPLIT))
    result = trivet("endpoints", "canary", "admin/hello", "1.1.0", "--weight", "10")
    assert result.stdout == "admin/hello 1.0.0 (90 %) and 1.1.0 (10 %) serve now.\n"
    assert sent(logged_in) == {"version": "1.1.0", "weight": 10}


def test_a_canary_is_ended_and_promoted(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("DELETE", f"{PATH}/canary", lambda it: it.json(ENDPOINT))
    assert trivet("endpoints", "canary", "admin/hello", "--off").stdout == "admin/hello 1.0.0 serves now.\n"
    logged_in.on("POST", f"{PATH}/promote", lambda it: it.json({**ENDPOINT, "version": "1.1.0"}))
    assert trivet("endpoints", "promote", "admin/hello").stdout == "admin/hello 1.1.0 serves now.\n"
    assert sent(logged_in) == {"version": None}
    trivet("endpoints", "promote", "admin/hello", "1.1.0", "--json")
    assert sent(logged_in) == {"version": "1.1.0"}


def test_a_canary_is_shown_beside_the_version_that_serves(trivet: Trivet, logged_in: Server) -> None:
    def health(version: str, failed: int, p50: float | None) -> dict[str, Any]:
        jobs = {"queued": 1, "running": 2, "succeeded": 40, "failed": failed, "timed_out": 1, "cancelled": 9}
        return {"endpoint": "admin/hello", "version": version, "jobs": jobs, "p50_ms": p50, "p95_ms": None}

    logged_in.on("GET", PATH, lambda it: it.json(SPLIT))
    logged_in.on("GET", f"{PATH}/versions/1.0.0/health", lambda it: it.json(health("1.0.0", 0, 4.25)))
    logged_in.on("GET", f"{PATH}/versions/1.1.0/health", lambda it: it.json(health("1.1.0", 6, None)))
    head, current, canary = trivet("endpoints", "canary", "admin/hello").stdout.splitlines()
    assert head.split() == ["VERSION", "CALLS", "SUCCEEDED", "FAILED", "OPEN", "P50", "P95"]
    assert current.split() == ["1.0.0", "90", "%", "40", "1", "3", "4.2", "ms", "-"]
    assert canary.split() == ["1.1.0", "10", "%", "40", "7", "3", "-", "-"]
    documents = json.loads(trivet("endpoints", "canary", "admin/hello", "--json").stdout)
    assert [(document["version"], document["weight"]) for document in documents] == [("1.0.0", 90), ("1.1.0", 10)]


@pytest.mark.parametrize(
    "arguments",
    [("1.1.0",), ("--weight", "10"), ("1.1.0", "--off"), ("1.1.0", "--weight", "0"), ("1.1.0", "--weight", "100")],
)
def test_half_a_canary_is_wrong_usage(trivet: Trivet, logged_in: Server, arguments: tuple[str, ...]) -> None:
    assert trivet("endpoints", "canary", "admin/hello", *arguments).exit_code == 2
    assert logged_in.seen == []


def test_aliases_are_set_listed_and_ended(trivet: Trivet, logged_in: Server) -> None:
    prod = {"name": "prod", "versions": [{"version": "1.0.0", "weight": 90}, {"version": "1.1.0", "weight": 10}]}
    logged_in.on("PUT", f"{PATH}/aliases/prod", lambda it: it.json(prod))
    result = trivet("endpoints", "alias", "admin/hello", "prod", "1.0.0", "1.1.0=10")
    assert result.stdout == "admin/hello prod: 1.0.0 (90 %), 1.1.0 (10 %)\n"
    assert sent(logged_in)["versions"] == [{"version": "1.0.0", "weight": None}, {"version": "1.1.0", "weight": 10}]
    logged_in.on("GET", f"{PATH}/aliases", lambda it: it.json({"items": [prod, SPLIT["aliases"][0]], "next": None}))
    assert trivet("endpoints", "aliases", "admin/hello").stdout.splitlines()[1:] == [
        "prod   1.0.0 (90 %), 1.1.0 (10 %)",
        "prod   1.0.0",
    ]
    logged_in.on("DELETE", f"{PATH}/aliases/prod", lambda it: it.answer(204))
    ended = trivet("endpoints", "unalias", "admin/hello", "prod")
    assert (ended.stdout, ended.stderr) == ("", "admin/hello has no alias prod any more.\n")


@pytest.mark.parametrize("versions", [(), ("1.0.0=",), ("=10",), ("1.0.0=ten",), ("1.0.0", "1.0.0"), ("1.0.0=-1",)])
def test_an_alias_that_can_not_be_read_is_wrong_usage(
    trivet: Trivet, logged_in: Server, versions: tuple[str, ...]
) -> None:
    assert trivet("endpoints", "alias", "admin/hello", "prod", *versions).exit_code == 2
    assert logged_in.seen == []


def test_an_endpoint_and_its_versions_show_who_gets_what(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", PATH, lambda it: it.json(SPLIT))
    logged_in.on("GET", f"{PATH}/health", lambda it: it.json({"endpoint": "admin/hello"}))
    shown = trivet("endpoints", "show", "admin/hello").stdout
    assert "1.0.0 (90 %) and 1.1.0 (10 %), of 2 in all" in shown
    assert "prod: 1.0.0" in shown
    listed = [
        {"id": "v2", "version": "1.1.0", "weight": 10, "aliases": []},
        {"id": "v1", "version": "1.0.0", "weight": 90, "aliases": ["prod", "beta"]},
    ]
    logged_in.on("GET", f"{PATH}/versions", lambda it: it.json({"items": listed, "next": None}))
    rows = trivet("endpoints", "versions", "admin/hello").stdout.splitlines()
    assert "10 %" in rows[1]
    assert "prod, beta" in rows[2]


def test_a_call_may_carry_an_affinity(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", f"{PATH}/submit", accepted(job("succeeded", output=1)))
    assert trivet("call", "admin/hello", "1", "--submit", "--affinity", "ann").exit_code == 0
    assert logged_in.seen[0].headers["trivet-affinity"] == "ann"


def test_a_deployment_may_be_held(trivet: Trivet, logged_in: Server, tmp_path: Path) -> None:
    source = tmp_path / "hello.py"
    source.write_text("import trivet\n")
    builds(logged_in)
    result = trivet("deploy", str(source), "--held")
    assert result.exit_code == 0
    assert "without --held" in result.stderr
    version = result.stdout.splitlines()[0].split()[1]
    calls = [line for line in result.stdout.splitlines() if "hello" in line or "Endpoint(" in line][1:]
    assert calls
    assert all(f"@{version}" in line for line in calls)
    assert next(exchange for exchange in logged_in.seen if exchange.method == "POST").query["held"] == "true"


def test_a_deployment_may_be_a_canary(trivet: Trivet, logged_in: Server, tmp_path: Path) -> None:
    source = tmp_path / "hello.py"
    source.write_text("import trivet\n")
    builds(logged_in)
    result = trivet("deploy", str(source), "--canary", "10")
    assert result.exit_code == 0
    assert "trivet endpoints promote" in result.stderr
    upload = next(exchange for exchange in logged_in.seen if exchange.method == "POST")
    assert upload.query["canary"] == "10"
    assert trivet("deploy", str(source), "--canary", "100").exit_code == 2
