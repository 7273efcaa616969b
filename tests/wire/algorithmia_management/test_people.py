"""Users and organizations over the wire, in Algorithmia's words."""

from __future__ import annotations

import re

import pytest

from tests.wire.algorithmia_management.world import Desk, refused

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def basic(desk: Desk) -> str:
    types = desk.ask("GET", "/organization/types").json
    assert [each["name"] for each in types] == ["basic", "legacy", "pro"]
    return str(types[0]["id"])


def test_a_user_is_made_looked_at_changed_and_removed(desk: Desk) -> None:
    body = {
        "username": "jane",
        "email": "jane@example.io",
        "fullname": "Jane",
        "company_name": "",
        "passwordHash": "x",
        "shouldCreateHello": False,
    }
    made = desk.ask("POST", "/users", json_body=body).json
    assert made == {
        "id": made["id"],
        "username": "jane",
        "email": "jane@example.io",
        "fullname": "Jane",
        "company_name": "",
        "company_role": "",
        "self_link": "http://trivet.test/algorithmia/v1/users/jane",
        "resource_type": "user",
    }
    assert desk.ask("GET", "/users/jane").json == desk.ask("GET", f"/users/{made['id']}").json == made
    assert desk.ask("PUT", "/users/jane", json_body={"fullname": "Jane Doe"}).json == {**made, "fullname": "Jane Doe"}
    names = [user["username"] for user in desk.ask("GET", "/users").json["results"]]
    assert names == ["admin", "jane"]
    assert desk.ask("DELETE", "/users/jane").status == 204
    assert refused(desk.ask("GET", "/users/jane"))[:2] == (404, 3000)


def test_users_that_can_not_be_are_refused(desk: Desk) -> None:
    assert refused(desk.ask("POST", "/users", json_body={}))[:2] == (400, 3005)
    for name in ("9lives", "x" * 31, "a-b", ["jane"]):
        assert refused(desk.ask("POST", "/users", json_body={"username": name}))[:2] == (400, 6001)
    assert refused(desk.ask("POST", "/users", json_body={"username": "Admin"}))[:2] == (400, 3003)
    assert refused(desk.ask("POST", "/users", json_body={"username": "jo", "email": 7}))[:2] == (400, 6001)


def test_users_are_for_administrators_and_oneself(desk: Desk) -> None:
    desk.world.account("ann")
    desk.world.account("ben")
    ann = desk.world.token("ann")
    mine = desk.ask("GET", "/users/ann", token=ann)
    assert mine.status == 200
    assert desk.ask("GET", f"/users/{mine.json['id']}", token=ann).json == mine.json
    ben = desk.ask("GET", "/users/ben").json["id"]
    for there, missing in (("/users/ben", "/users/nobody"), (f"/users/{ben}", "/users/" + "0" * 8 + ben[8:])):
        found, unknown = (refused(desk.ask("GET", path, token=ann)) for path in (there, missing))
        assert found == (404, 3000, unknown[2].replace(missing[7:], there[7:]))
    assert refused(desk.ask("PUT", "/users/ben", token=ann, json_body={"email": "x"}))[:2] == (404, 3000)
    assert refused(desk.ask("DELETE", "/users/ann", token=ann))[:2] == (403, 2001)
    assert refused(desk.ask("GET", "/users", token=ann))[:2] == (403, 2001)
    assert refused(desk.ask("POST", "/users", token=ann, json_body={"username": "jo"}))[:2] == (403, 2001)


def test_the_algorithms_of_an_owner_are_those_that_one_may_see(desk: Desk) -> None:
    made = desk.create()
    desk.world.account("ann")
    expected = [{"id": made["id"], "username": "admin", "algoname": "Hello"}]
    assert desk.ask("GET", "/users/admin/algorithms").json == expected
    assert desk.ask("GET", "/users/admin/algorithms", token=desk.world.token("ann")).json == []


def test_an_organization_is_made_looked_at_changed_and_removed(desk: Desk) -> None:
    type_id = basic(desk)
    body = {
        "org_name": "acme",
        "org_label": "Acme",
        "org_contact_name": "Jane",
        "org_email": "it@example.io",
        "type_id": type_id,
        "external_id": "x-1",
    }
    made = desk.ask("POST", "/organizations", json_body=body).json
    assert body.items() <= made.items()
    assert TIME.fullmatch(made["org_created_at"])
    assert made["resource_type"] == "organization"
    assert made["org_url"] is None
    assert desk.ask("GET", "/organizations/acme").json == made
    assert desk.ask("GET", "/organizations/externalId/x-1").json == made
    assert [each["org_name"] for each in desk.ask("GET", "/organizations").json["results"]] == ["acme"]
    changed = desk.ask("PUT", "/organizations/acme", json_body={**body, "org_url": "http://acme.example"}).json
    assert changed == {**made, "org_url": "http://acme.example"} == desk.ask("GET", "/organizations/acme").json
    assert desk.ask("DELETE", "/organizations/acme").status == 204
    assert refused(desk.ask("GET", "/organizations/acme"))[:2] == (404, 3100)


@pytest.mark.parametrize("type_id", ["", None, "basic", "34343434-0000-4000-8000-000000000000", 7])
def test_an_organization_needs_a_type_that_is_there(desk: Desk, type_id: object) -> None:
    body = {"org_name": "acme", "type_id": type_id}
    assert refused(desk.ask("POST", "/organizations", json_body=body))[:2] == (400, 3108)
    assert desk.ask("GET", "/organizations").json["results"] == []


def test_an_organization_needs_a_name_that_is_free(desk: Desk) -> None:
    type_id = basic(desk)
    assert refused(desk.ask("POST", "/organizations", json_body={"type_id": type_id}))[:2] == (400, 3005)
    for name, code in (("a-b", 6001), ("admin", 3101)):
        body = {"org_name": name, "type_id": type_id}
        assert refused(desk.ask("POST", "/organizations", json_body=body))[:2] == (400, code)


def test_members_come_and_go(desk: Desk) -> None:
    desk.ask("POST", "/organizations", json_body={"org_name": "acme", "type_id": basic(desk)})
    desk.world.account("ann")
    added = desk.ask("PUT", "/organizations/acme/members/ann")
    assert (added.status, added.body) == (201, b"")
    again = desk.ask("PUT", "/organizations/acme/members/ann")
    assert (again.status, again.body) == (200, b"")
    found = desk.ask("GET", "/organizations/acme/members", token=desk.world.token("ann")).json
    assert [(each["username"], each["role"]) for each in found] == [("admin", "owner"), ("ann", "member")]
    assert refused(desk.ask("PUT", "/organizations/acme/members/nobody"))[:2] == (404, 3000)
    assert refused(desk.ask("PUT", "/organizations/nowhere/members/ann"))[:2] == (404, 3100)
    assert refused(desk.ask("DELETE", "/organizations/acme/members/admin"))[:2] == (400, 3102)
    assert desk.ask("DELETE", "/organizations/acme/members/ann").status == 204


def test_an_owner_who_is_invited_stays_one(desk: Desk) -> None:
    desk.ask("POST", "/organizations", json_body={"org_name": "acme", "type_id": basic(desk)})
    assert desk.ask("PUT", "/organizations/acme/members/admin").status == 200
    assert desk.ask("GET", "/organizations/acme/members").json[0]["role"] == "owner"


def test_an_organization_owns_algorithms(desk: Desk) -> None:
    desk.ask("POST", "/organizations", json_body={"org_name": "acme", "type_id": basic(desk)})
    desk.world.account("ann")
    ann = desk.world.token("ann")
    body = {"name": "Hello", "details": {}, "settings": {}}
    assert refused(desk.ask("POST", "/algorithms/acme", json_body=body, token=ann))[:2] == (404, 3000)
    desk.ask("PUT", "/organizations/acme/members/ann")
    ann = desk.world.token("ann")
    assert refused(desk.ask("POST", "/algorithms/acme", json_body=body, token=ann))[:2] == (403, 2001)
    made = desk.ask("POST", "/algorithms/acme", json_body=body).json
    listed = desk.ask("GET", "/organizations/acme/utility-algorithms", token=ann).json
    assert listed == [{"id": made["id"], "username": "acme", "algoname": "Hello"}]


def test_a_member_may_not_change_what_the_organization_says(desk: Desk) -> None:
    desk.ask("POST", "/organizations", json_body={"org_name": "acme", "type_id": basic(desk)})
    desk.world.account("ann")
    desk.ask("PUT", "/organizations/acme/members/ann")
    ann = desk.world.token("ann")
    assert refused(desk.ask("PUT", "/organizations/acme", token=ann, json_body={"org_label": "x"}))[:2] == (403, 2001)
