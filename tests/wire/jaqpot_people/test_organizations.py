"""Organizations: their one odd document, who sees them, who changes them, and who belongs to them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.jaqpot_people.village import PEOPLE, Village

ROUTE = "/organizations"


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


def test_an_organization_is_made_and_its_place_is_told(village: Village) -> None:
    wanted = {"name": "lab", "contactEmail": "a@b.example", "visibility": "PUBLIC", "description": "We test."}
    answer = village.asks("owner", "POST", ROUTE, json_body=wanted)
    assert (answer.status, answer.body) == (201, b"")
    place = {name.lower(): value for name, value in answer.headers.items()}["location"]
    assert place == "http://trivet.test/jaqpot/v1/organizations/lab"
    found = village.said("owner", "GET", f"{ROUTE}/lab")
    assert found == {
        "id": 1,
        "name": "lab",
        "creator": found["organizationMembers"][0] and found["creator"],
        "visibility": "PUBLIC",
        "description": "We test.",
        "organizationMembers": [
            {
                "userId": village.principal(village.tokens["owner"]).account_id,
                "username": "owner",
                "email": None,
                "avatarUrl": None,
                "associationType": "ADMIN",
            }
        ],
        "contactEmail": "a@b.example",
        "contactPhone": None,
        "website": None,
        "address": None,
        "canEdit": True,
        "isMember": True,
        "created_at": found["created_at"],
    }
    assert found["creator"]["username"] == "owner"
    assert found["created_at"].endswith("Z")


def test_a_name_that_is_taken_or_can_not_be_one_is_refused(village: Village) -> None:
    village.lab()
    body = {"contactEmail": "a@b.example", "visibility": "PRIVATE"}
    assert "taken" in village.said("stranger", "POST", ROUTE, 400, json_body={"name": "LAB", **body})
    assert "letters, digits" in village.said("stranger", "POST", ROUTE, 400, json_body={"name": "my lab", **body})
    assert village.said("stranger", "POST", ROUTE, 400, json_body={"name": "other"})


def test_private_organizations_are_for_their_members_and_administrators(village: Village) -> None:
    village.lab()
    for who in ("owner", "manager", "member", "admin"):
        found = village.said(who, "GET", f"{ROUTE}/lab")
        assert (len(found["organizationMembers"]), found["isMember"]) == (3, who != "admin")
        assert found["canEdit"] == (who != "member")
        assert names(village.said(who, "GET", ROUTE)) == ["lab"]
    hidden = village.said("stranger", "GET", f"{ROUTE}/lab", 404)
    assert hidden == village.said("stranger", "GET", f"{ROUTE}/none", 404).replace("none", "lab")
    assert "lab" in village.said(None, "GET", f"{ROUTE}/lab", 404)
    assert village.said("stranger", "GET", ROUTE) == []


def test_public_organizations_are_for_everybody_but_not_their_members(village: Village) -> None:
    village.lab(visibility="PUBLIC")
    for who in ("stranger", None):
        found = village.said(who, "GET", f"{ROUTE}/LAB")
        assert (found["organizationMembers"], found["canEdit"], found["isMember"]) == ([], False, False)
    assert names(village.said("stranger", "GET", ROUTE)) == ["lab"]
    assert village.said("stranger", "GET", "/user/organizations") == []
    village.said(None, "GET", ROUTE, 401)


@pytest.mark.parametrize("who", PEOPLE)
def test_ones_own_organizations_are_those_one_belongs_to(village: Village, who: str) -> None:
    village.lab()
    found = village.said(who, "GET", "/user/organizations")
    assert names(found) == ([] if who == "stranger" else ["lab"])
    assert [each["canEdit"] for each in found] == ([] if who == "stranger" else [who != "member"])


def test_a_name_of_two_letters_is_filled_up_as_clients_refuse_it_and_found_by_that(village: Village) -> None:
    village.run(village.organizations.create(village.principal(village.tokens["owner"]), "ab"))
    (found,) = village.said("owner", "GET", ROUTE)
    assert (found["name"], found["contactEmail"]) == ("ab_", "")
    assert village.said("owner", "GET", f"{ROUTE}/ab_")["id"] == found["id"]
    change = {"name": "ab_", "contactEmail": "x@y.example", "visibility": "PUBLIC"}
    assert village.said("owner", "PATCH", f"{ROUTE}/{found['id']}/partial", json_body=change)["name"] == "ab_"


def test_a_description_that_clients_refuse_is_null(village: Village) -> None:
    assert village.lab(description="")["description"] is None


@pytest.mark.parametrize("who", ["owner", "manager", "admin"])
def test_who_manages_an_organization_changes_it(village: Village, who: str) -> None:
    before = village.lab(website="https://lab.example", description="Before.")
    change = {"name": "lab2", "contactEmail": "new@lab.example", "visibility": "PUBLIC", "description": "After."}
    found = village.said(who, "PATCH", f"{ROUTE}/{before['id']}/partial", json_body=change)
    assert {word: found[word] for word in change} == change
    assert (found["id"], found["website"], found["creator"]) == (before["id"], "https://lab.example", before["creator"])
    assert village.said(None, "GET", f"{ROUTE}/lab2")["description"] == "After."
    village.said("owner", "GET", f"{ROUTE}/lab", 404)


def test_others_do_not_change_it(village: Village) -> None:
    number = village.lab()["id"]
    change = {"name": "lab", "contactEmail": "x@y.example", "visibility": "PUBLIC"}
    village.said("member", "PATCH", f"{ROUTE}/{number}/partial", 403, json_body=change)
    hidden = village.said("stranger", "PATCH", f"{ROUTE}/{number}/partial", 404, json_body=change)
    assert hidden == village.said("stranger", "PATCH", f"{ROUTE}/99/partial", 404, json_body=change).replace("99", "1")
    village.said("owner", "PATCH", f"{ROUTE}/lab/partial", 404, json_body=change)
    village.said(None, "PATCH", f"{ROUTE}/{number}/partial", 401, json_body=change)
    assert village.said("owner", "GET", f"{ROUTE}/lab")["visibility"] == "PRIVATE"


def test_a_name_that_is_taken_is_a_conflict_where_it_is_to_be_changed(village: Village) -> None:
    number = village.lab()["id"]
    change = {"name": "stranger", "contactEmail": "x@y.example", "visibility": "PUBLIC"}
    assert "taken" in village.said("owner", "PATCH", f"{ROUTE}/{number}/partial", 409, json_body=change)


def test_roles_are_given_by_owners_and_members_are_taken_out_by_those_who_manage(village: Village) -> None:
    village.lab()
    member, manager = f"{ROUTE}/lab/members/member", f"{ROUTE}/lab/members/manager"
    village.said("manager", "PATCH", member, 403, json_body={"associationType": "ADMIN"})
    village.said("member", "PATCH", member, 403, json_body={"associationType": "ADMIN"})
    village.said("stranger", "PATCH", member, 404, json_body={"associationType": "ADMIN"})
    found = village.said("owner", "PATCH", member, json_body={"associationType": "ADMIN"})
    types = {each["username"]: each["associationType"] for each in found["organizationMembers"]}
    assert types == {"owner": "ADMIN", "manager": "ADMIN", "member": "ADMIN"}
    found = village.said("owner", "PATCH", manager, json_body={"associationType": "MEMBER"})
    assert {each["username"] for each in found["organizationMembers"] if each["associationType"] == "MEMBER"} == {
        "manager"
    }
    village.said("stranger", "DELETE", manager, 404)
    village.said("manager", "DELETE", member, 403)
    village.said("member", "DELETE", manager, 204)
    village.said("member", "DELETE", member, 204)  # everybody may leave
    assert [each["username"] for each in village.said("owner", "GET", f"{ROUTE}/lab")["organizationMembers"]] == [
        "owner"
    ]
    village.said("member", "GET", f"{ROUTE}/lab", 404)


def test_an_owner_stays_one_who_is_said_to_be_an_admin_and_the_last_one_stays(village: Village) -> None:
    village.lab()
    path = f"{ROUTE}/lab/members/owner"
    village.said("owner", "PATCH", path, json_body={"associationType": "ADMIN"})
    assert "last owner" in village.said("owner", "PATCH", path, 409, json_body={"associationType": "MEMBER"})
    assert "last owner" in village.said("owner", "DELETE", path, 409)
    nobody = village.said(
        "owner", "PATCH", f"{ROUTE}/lab/members/stranger", 404, json_body={"associationType": "ADMIN"}
    )
    assert "Invite them first" in nobody


def test_an_organization_is_removed_by_its_owner(village: Village) -> None:
    village.lab()
    village.said("manager", "DELETE", f"{ROUTE}/lab", 403)
    village.said("member", "DELETE", f"{ROUTE}/lab", 403)
    village.said("stranger", "DELETE", f"{ROUTE}/lab", 404)
    village.said(None, "DELETE", f"{ROUTE}/lab", 401)
    village.said("owner", "DELETE", f"{ROUTE}/lab", 204)
    village.said("owner", "GET", f"{ROUTE}/lab", 404)


def test_a_model_is_shared_with_a_public_organization_for_its_members_alone(village: Village) -> None:
    number = village.lab(visibility="PUBLIC")["id"]
    model = village.model("stranger/fish", owner=village.principal(village.tokens["stranger"]))
    change = {"name": "Fish", "visibility": "ORG_SHARED", "task": "REGRESSION", "sharedWithOrganizationIds": [number]}
    village.account("outsider")
    village.tokens["outsider"] = village.token("outsider")
    found = village.said("stranger", "PATCH", f"/models/{model.model_id}/partial", json_body=change)
    assert [each["id"] for each in found["sharedWithOrganizations"]] == [number]
    for who, status in (
        ("member", 200),
        ("owner", 200),
        ("stranger", 200),
        ("admin", 200),
        ("outsider", 403),
        (None, 401),
    ):
        village.said(who, "GET", f"/models/{model.model_id}", status)
