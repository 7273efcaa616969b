"""Aliases and canaries over HTTP: what is said comes back, calls follow it, and what can't be is refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.wire.fakes import World

HELLO = "/endpoints/admin/hello"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The versions 1.0.0 to 1.2.0, of which the last is current."""
    world = World(tmp_path)
    for digest in ("a", "b", "c"):
        world.offer(digest=digest * 64)
    return world


def versions_called(world: World, query: str = "", calls: int = 1) -> set[str]:
    path = f"{HELLO}/submit{query}"
    return {world.ask("POST", path, body=b"1").json["version"] for _ in range(calls)}


def share(version: str, weight: int | None = None) -> dict[str, Any]:
    return {"version": version, "weight": weight}


def test_an_alias_is_set_called_listed_moved_and_deleted(world: World) -> None:
    prod = f"{HELLO}/aliases/prod"
    made = world.ask("PUT", prod, json_body={"versions": [share("1.0.0")]})
    assert (made.status, made.json) == (200, {"name": "prod", "versions": [{"version": "1.0.0", "weight": 100}]})
    assert world.ask("GET", prod).json == made.json
    assert world.ask("GET", HELLO).json["aliases"] == [made.json]
    assert versions_called(world, "?version=prod") == {"1.0.0"}
    assert world.ask("GET", f"{HELLO}/versions/prod").json["aliases"] == ["prod"]
    moved = world.ask("PUT", prod, json_body={"versions": [share("1.1.0"), share("latest", 30)]}).json
    assert moved["versions"] == [{"version": "1.1.0", "weight": 70}, {"version": "1.2.0", "weight": 30}]
    world.ask("PUT", f"{HELLO}/aliases/beta", json_body={"versions": [share("^1.1")]})
    page = world.ask("GET", f"{HELLO}/aliases?limit=1").json
    rest = world.ask("GET", f"{HELLO}/aliases?limit=1&cursor={page['next']}").json
    assert [alias["name"] for alias in page["items"] + rest["items"]] == ["beta", "prod"]
    assert world.ask("DELETE", prod).status == 204
    for method, path in (("DELETE", prod), ("GET", prod), ("POST", f"{HELLO}/submit?version=prod")):
        gone = world.ask(method, path)
        assert (gone.status, gone.code) == (404, "not_found")
        assert "beta" in gone.json["hint"]


@pytest.mark.parametrize(
    ("name", "versions", "status", "words"),
    [
        ("latest", [share("1.0.0")], 400, "meaning of its own"),
        ("1.0.0", [share("1.0.0")], 400, "can't name an alias"),
        ("prod", [], 400, "not for 0"),
        ("prod", [share("1.0.0", 60), share("1.1.0", 60)], 400, "add up to 120"),
        ("prod", [share("1.0.0", 50), share("1.0.0", 50)], 400, "named twice"),
        ("prod", [share("1.0.0", 0), share("1.1.0")], 400, "weight of 0"),
        ("prod", [share("9.0.0")], 404, "'9.0.0'"),
        ("prod", [{"version": "1.0.0", "wait": 1}], 400, "wait"),
        ("prod", [{"weight": 1}], 400, "version"),
        ("prod", [share("1.0.0", 10**400)], 400, "weight"),
    ],
)
def test_an_alias_that_can_not_be_is_refused_and_nothing_changes(
    world: World, name: str, versions: list[dict[str, Any]], status: int, words: str
) -> None:
    answer = world.ask("PUT", f"{HELLO}/aliases/{name}", json_body={"versions": versions})
    assert (answer.status, answer.code) == (status, "bad_request" if status == 400 else "not_found")
    assert words in answer.json["detail"]
    assert world.ask("GET", f"{HELLO}/aliases").json["items"] == []


def test_a_canary_is_set_shown_promoted_and_ended(world: World) -> None:
    shown = world.ask("PUT", f"{HELLO}/canary", json_body=share("1.1", 40)).json
    assert (shown["version"], shown["canary"]) == ("1.2.0", {"version": "1.1.0", "weight": 40})
    listed = {item["version"]: item["weight"] for item in world.ask("GET", f"{HELLO}/versions").json["items"]}
    assert listed == {"1.0.0": 0, "1.1.0": 40, "1.2.0": 60}
    assert versions_called(world, calls=60) == {"1.1.0", "1.2.0"}
    assert versions_called(world, "?version=latest", calls=20) == {"1.2.0"}
    promoted = world.ask("POST", f"{HELLO}/promote").json
    assert (promoted["version"], promoted["canary"]) == ("1.1.0", None)
    nothing = world.ask("POST", f"{HELLO}/promote")
    assert (nothing.status, nothing.code) == (400, "bad_request")
    assert "promote NAME" in nothing.json["hint"]
    assert world.ask("POST", f"{HELLO}/promote", json_body={"version": "1.0.0"}).json["version"] == "1.0.0"
    world.ask("PUT", f"{HELLO}/canary", json_body=share("1.2.0", 1))
    for _ in range(2):  # the second time there is nothing to end, and that is as good
        ended = world.ask("DELETE", f"{HELLO}/canary")
        assert (ended.status, ended.json["canary"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (share("1.0.0", 0), "0 percent"),
        (share("1.0.0", 100), "100 percent"),
        (share("1.2.0", 10), "gets all unpinned calls already"),
        ({"version": "1.0.0"}, "weight"),
        ({"version": "1.0.0", "weight": 2.5}, "weight"),
    ],
)
def test_a_canary_that_can_not_be_is_refused_with_the_reason(world: World, body: dict[str, Any], words: str) -> None:
    answer = world.ask("PUT", f"{HELLO}/canary", json_body=body)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert words in answer.json["detail"]
    assert world.ask("GET", HELLO).json["canary"] is None


def test_an_upload_may_ask_to_be_the_canary(world: World) -> None:
    def upload(canary: str) -> Any:
        return world.ask("POST", f"/deployments?filename=hello.tar.gz&name=admin/hello&canary={canary}", body=b"x")

    taken = upload("20")
    world.run(world.deployments.build(taken.json["id"]))
    assert world.ask("GET", HELLO).json["canary"] == {"version": "1.3.0", "weight": 20}
    for wrong in ("100", "-1", "x", "2.5"):
        assert upload(wrong).code == "bad_request"


def test_the_health_of_a_version_counts_its_own_jobs(world: World) -> None:
    world.ask("POST", f"{HELLO}/run?version=1.0.0", body=b"1")
    world.ask("POST", f"{HELLO}/run", body=b"1")
    world.ask("POST", f"{HELLO}/run", body=b"1")
    current = world.ask("GET", f"{HELLO}/versions/latest/health").json
    assert (current["endpoint"], current["version"], current["jobs"]["succeeded"]) == ("admin/hello", "1.2.0", 2)
    assert current["p50_ms"] is not None
    assert current["since"] is not None
    assert world.ask("GET", f"{HELLO}/versions/1.0.0/health").json["jobs"]["succeeded"] == 1
    untouched = world.ask("GET", f"{HELLO}/versions/1.1.0/health").json
    assert (untouched["jobs"]["succeeded"], untouched["since"], untouched["p50_ms"]) == (0, None, None)
    assert world.ask("GET", f"{HELLO}/versions/9.9.9/health").code == "not_found"


def test_calls_with_the_same_affinity_get_the_same_version_while_the_shares_stand(world: World) -> None:
    world.ask("PUT", f"{HELLO}/canary", json_body=share("1.1.0", 50))
    found = {}
    for user in range(30):
        headers = {"Trivet-Affinity": f"user {user} é"}
        called = [
            world.ask("POST", f"{HELLO}/{verb}", body=b"1", headers=headers) for verb in ("submit", "run", "submit")
        ]
        jobs = [world.ask("GET", f"/jobs/{answer.headers['trivet-job-id']}").json["version"] for answer in called]
        assert len(set(jobs)) == 1
        found[user] = jobs[0]
    assert set(found.values()) == {"1.1.0", "1.2.0"}
