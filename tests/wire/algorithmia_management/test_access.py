"""Who may do what, on every route there is: walked without a key, with a wrong one, and as somebody else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.algorithmia_management.world import Desk, refused
from trivet.platform.core.accounts import Token
from trivet.platform.dialects.algorithmia.errors import NOT_IMPLEMENTED
from trivet.platform.dialects.algorithmia.management.routes import ROUTES, Route
from trivet.platform.services.keys import Keys

TAKES_NOTHING = {
    "scms",
    "secret-provider",
    "organization/types",
    "users/{owner}/algorithms",
    "users/{owner}/errors",
    "organizations",
    "organizations/{owner}/utility-algorithms",
    "organizations/{owner}/errors",
}
"""Paths that say the same to everybody, or tell each of its own: an empty list to a stranger."""
BODY = {
    "name": "Mine",
    "username": "jo",
    "org_name": "other",
    "secret_key": "A",
    "secret_value": "b",
    "description": "x",
}


def paths(routes: list[Route]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("route", routes, ids=[f"{route.method} {route.path}" for route in routes])


def filled(path: str, parts: dict[str, str]) -> str:
    for name, value in parts.items():
        path = path.replace(f"{{{name}}}", value)
    return f"/{path}"


@pytest.fixture
def parts(desk: Desk) -> dict[str, str]:
    """One of everything, all of it the administrator's."""
    desk.create()
    compiled = desk.compile()
    desk.publish()
    secret = desk.ask("POST", "/algorithms/admin/Hello/secrets", json_body=BODY).json
    types = desk.ask("GET", "/organization/types").json
    desk.ask("POST", "/organizations", json_body={"org_name": "acme", "type_id": types[0]["id"], "external_id": "x1"})
    desk.world.account("ben")
    return {
        "algorithm": "admin/Hello",
        "owner": "admin",
        "version": compiled["version_info"]["git_hash"],
        "build": compiled["build"]["build_id"],
        "secret": secret["id"],
        "user": "admin",
        "organization": "acme",
        "external": "x1",
        "language": "python3",
        "specification": "none",
    }


MISSING = {"algorithm": "nobody/Hello", "owner": "nobody", "user": "nobody", "organization": "noone", "external": "x9"}


def ask(desk: Desk, route: Route, parts: dict[str, str], token: Token | str | None) -> Any:
    body = None if route.method in ("GET", "DELETE") else BODY
    return desk.ask(route.method, filled(route.path, parts), token=token, json_body=body)


@paths([route for route in ROUTES if not route.is_open])
def test_nobody_gets_anywhere_without_a_key_that_counts(desk: Desk, parts: dict[str, str], route: Route) -> None:
    for token in (None, "", "wrong", "Bearer trv_000000000000_aaaa"):
        assert refused(ask(desk, route, parts, token))[:2] == (401, 2002)


@paths(
    [
        route
        for route in ROUTES
        if not route.is_open
        and any(f"{{{name}}}" in route.path for name in MISSING)
        and route.path not in TAKES_NOTHING
        and "keys" not in route.path
        and "event-listeners" not in route.path
        and not route.path.endswith("/log")
    ]
)
def test_a_stranger_can_not_tell_what_is_there_from_what_is_not(
    desk: Desk, parts: dict[str, str], route: Route
) -> None:
    ben = desk.world.token("ben")
    there, not_there = {**parts, "user": "admin"}, {**parts, **MISSING}
    found, unknown = ask(desk, route, there, ben), ask(desk, route, not_there, ben)
    if route.path == "users/{user}" and route.method == "DELETE":
        assert found.status == unknown.status == 404
    said = unknown.json["error"]["message"]
    for name, value in MISSING.items():
        said = said.replace(repr(value), repr(there[name]))
    assert refused(found) == (404, unknown.json["error"]["code"], said)
    assert found.status == unknown.status


@paths([route for route in ROUTES if route.path in TAKES_NOTHING and route.method == "GET"])
def test_a_stranger_finds_nothing_of_others_in_lists(desk: Desk, parts: dict[str, str], route: Route) -> None:
    answer = ask(desk, route, parts, desk.world.token("ben"))
    assert answer.status == 200
    assert b"Hello" not in answer.body
    assert b"acme" not in answer.body


def test_what_a_stranger_tried_has_changed_nothing(desk: Desk, parts: dict[str, str]) -> None:
    before = desk.ask("GET", "/algorithms/admin/Hello").json
    ben = desk.world.token("ben")
    for route in ROUTES:
        if "{algorithm}" in route.path:
            answer = ask(desk, route, parts, ben)
            assert answer.status in (404, 501), route
    assert desk.ask("GET", "/algorithms/admin/Hello").json == before
    names = desk.world.run(desk.world.secrets.of_endpoint(before["id"]))
    assert names == {"A": "b"}


def test_keys_count_however_they_are_sent(desk: Desk) -> None:
    token = str(desk.token)
    for header in (token, f"Simple {token}", f"Bearer {token}", f"bearer {token}"):
        assert desk.ask("GET", "/scms", token=None, headers={"authorization": header}).status == 200


def test_a_revoked_key_counts_no_more(desk: Desk) -> None:
    token = desk.world.token("admin")
    keys: Keys = desk.world.keys
    assert desk.ask("GET", "/scms", token=token).status == 200
    desk.world.run(keys.revoke(desk.world.admin, token.key_id))
    assert refused(desk.ask("GET", "/scms", token=token))[:2] == (401, 2002)


def test_a_public_algorithm_is_changed_by_its_owner_alone(desk: Desk, parts: dict[str, str]) -> None:
    desk.ask("PUT", "/algorithms/admin/Hello", json_body={"settings": {"algorithm_callability": "public"}})
    ben = desk.world.token("ben")
    for route in ROUTES:
        if "{algorithm}" not in route.path or route.path.endswith(("/log", "/versions/{version}")):
            continue
        if route.method == "GET" and route.path in ("algorithms/{algorithm}", "algorithms/{algorithm}/versions"):
            continue
        assert refused(ask(desk, route, parts, ben))[:2] == (403, 2001), route.path
    assert desk.ask("GET", "/algorithms/admin/Hello").json["version_info"]["semantic_version"] == "0.1.0"


def test_not_implemented_is_told_to_keys_alone(desk: Desk) -> None:
    assert refused(desk.ask("GET", "/admin/usage"))[:2] == (501, NOT_IMPLEMENTED)
    assert refused(desk.ask("GET", "/admin/usage", token=None))[:2] == (401, 2002)
