"""Secrets of algorithms over the wire: set, listed without their values, and found by workers."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.wire.algorithmia_management.world import Desk, refused

BODY = {"owner_type": "algorithm", "short_name": "db", "secret_key": "DB_PASSWORD", "secret_value": "s3cret!"}


def ready(desk: Desk) -> tuple[str, dict[str, Any]]:
    """The path of an algorithm's secrets, and the body that sets one, as a client makes it."""
    made = desk.create()
    provider = desk.ask("GET", "/secret-provider").json[0]["id"]
    return f"/algorithms/{made['id']}/secrets", {**BODY, "owner_id": made["id"], "provider_id": provider}


def test_a_secret_is_set_and_its_value_never_comes_back(desk: Desk) -> None:
    path, body = ready(desk)
    made = desk.ask("POST", path, json_body={**body, "description": " "})
    assert made.status == 200
    assert b"s3cret!" not in made.body
    assert made.json["short_name"] == "db"
    assert made.json["secret_key"] == "DB_PASSWORD"
    assert made.json["owner_id"] == body["owner_id"]
    listed = desk.ask("GET", path).json
    assert listed == {"secrets": [made.json], "results": [made.json]}
    by_name = desk.ask("GET", "/algorithms/admin/Hello/secrets").json
    assert by_name == listed


def test_a_worker_finds_the_secrets_of_its_algorithm_and_of_no_other(desk: Desk) -> None:
    path, body = ready(desk)
    desk.ask("POST", path, json_body=body)
    desk.compile()
    desk.create(name="Other")
    desk.compile("admin/Other")
    started = {}
    for name in ("Hello", "Other"):
        endpoint = next(e for e in desk.world.endpoints.all() if e.name == name)
        version = desk.world.endpoints.versions_of(endpoint.id)[0]

        async def start(version: Any = version) -> None:
            desk.world.workers.start(version)
            await asyncio.sleep(0)

        desk.world.run(start())
        started[name] = list(desk.world.runtime.started.values())[-1].secrets
    assert started == {"Hello": {"DB_PASSWORD": "s3cret!"}, "Other": {}}


def test_a_secret_is_changed_and_removed_by_its_id(desk: Desk) -> None:
    path, body = ready(desk)
    made = desk.ask("POST", path, json_body=body).json
    changed = desk.ask("PUT", f"{path}/{made['id']}", json_body={"description": "new", "secret_value": "other"}).json
    assert changed == {**made, "description": "new", "modified": changed["modified"]}
    assert changed["modified"] > made["modified"]
    assert desk.ask("DELETE", f"{path}/{made['id']}").status == 204
    assert refused(desk.ask("DELETE", f"{path}/{made['id']}"))[:2] == (404, 8008)
    assert desk.ask("GET", path).json["secrets"] == []


def test_secrets_that_can_not_be_are_refused(desk: Desk) -> None:
    path, body = ready(desk)
    assert refused(desk.ask("POST", path, json_body={**body, "provider_id": "x"}))[:2] == (400, 8006)
    for change in ({"secret_key": "9"}, {"secret_key": None}, {"secret_key": "PATH"}, {"secret_value": "a\0b"}):
        assert refused(desk.ask("POST", path, json_body={**body, **change}))[:2] == (400, 6001), change
    assert refused(desk.ask("POST", path, json_body={**body, "secret_value": 7}))[0] == 400
    assert desk.ask("POST", path, json_body={**body, "secret_value": "x" * (1 << 17)}).status == 413
    assert desk.ask("GET", path).json["secrets"] == []
