"""Invitations: made by those who manage an organization, handed on by them, answered by those they are for."""

from __future__ import annotations

import uuid
from operator import itemgetter
from typing import Any

import pytest

from tests.wire.jaqpot_people.village import Village
from trivet.platform.core.keys import DAY

ROUTE = "/organizations/lab/invitations"
BY_ADDRESS = itemgetter("userEmail")
FIELDS = ["id", "userId", "userEmail", "status", "expirationDate", "organizationName", "url"]


def invite(village: Village, who: str = "owner", *emails: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = village.said(who, "POST", ROUTE, 201, json_body={"emails": emails or ("stranger",)})
    return found


@pytest.fixture
def lab(village: Village) -> dict[str, Any]:
    return village.lab()


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("who", ["owner", "manager", "admin"])
def test_who_manages_invites_and_is_given_what_to_hand_on(village: Village, who: str) -> None:
    first, second = invite(village, who, "Stranger", "ada@lab.example")
    assert list(first) == FIELDS
    assert str(uuid.UUID(first["id"])) == first["id"]
    assert first["url"] == f"http://trivet.test/jaqpot/v1{ROUTE}/{first['id']}"
    assert [(each["userEmail"], each["status"]) for each in (first, second)] == [
        ("stranger", "PENDING"),
        ("ada@lab.example", "PENDING"),
    ]
    assert sorted(village.said(who, "GET", ROUTE), key=BY_ADDRESS) == [second, first]


@pytest.mark.usefixtures("lab")
def test_others_do_not_invite_and_do_not_see_who_is_invited(village: Village) -> None:
    invite(village)
    body = {"emails": ["member2"]}
    for method, request in (("GET", {}), ("POST", {"json_body": body})):
        village.said("member", method, ROUTE, 403, **request)
        hidden = village.said("stranger", method, ROUTE, 404, **request)
        assert hidden == village.said("stranger", method, ROUTE.replace("lab", "none"), 404, **request).replace(
            "none", "lab"
        )
        village.said(None, method, ROUTE, 401, **request)


@pytest.mark.usefixtures("lab")
def test_the_one_who_is_invited_sees_it_and_becomes_a_member_by_saying_yes(village: Village) -> None:
    (made,) = invite(village)
    assert village.said("stranger", "GET", "/user/invitations") == [made]
    assert village.said("member", "GET", "/user/invitations") == []
    assert village.said("stranger", "GET", f"{ROUTE}/{made['id']}") == made
    answer = village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", json_body={**made, "status": "ACCEPTED"})
    assert answer["status"] == "ACCEPTED"
    assert answer["userId"] == village.principal(village.tokens["stranger"]).account_id
    found = village.said("stranger", "GET", "/organizations/lab")
    assert {each["username"]: each["associationType"] for each in found["organizationMembers"]}["stranger"] == "MEMBER"
    assert village.said("stranger", "GET", "/user/invitations") == []
    again = village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", 400, json_body={**made, "status": "REJECTED"})
    assert "accepted already" in again


@pytest.mark.usefixtures("lab")
def test_who_says_no_stays_outside(village: Village) -> None:
    (made,) = invite(village)
    village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", json_body={"status": "REJECTED"})
    village.said("stranger", "GET", "/organizations/lab", 404)
    assert [each["status"] for each in village.said("owner", "GET", ROUTE)] == ["REJECTED"]


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("who", ["owner", "member", "admin"])
def test_an_answer_is_for_the_one_who_is_invited_alone(village: Village, who: str) -> None:
    (made,) = invite(village)
    said = village.said(who, "PUT", f"{ROUTE}/{made['id']}", 400, json_body={"status": "ACCEPTED"})
    assert "is for 'stranger'" in said
    village.said(None, "PUT", f"{ROUTE}/{made['id']}", 401, json_body={"status": "ACCEPTED"})
    village.said(None, "GET", f"{ROUTE}/{made['id']}", 401)


@pytest.mark.usefixtures("lab")
def test_an_e_mail_address_counts_once_an_administrator_has_set_it(village: Village) -> None:
    (made,) = invite(village, "owner", "Ada@Lab.example")
    said = village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", 400, json_body={"status": "ACCEPTED"})
    assert "have an administrator set the e-mail address" in said
    village.run(village.accounts.change(village.admin, "stranger", email="ada@lab.example"))
    village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", json_body={"status": "ACCEPTED"})
    emails = {
        each["username"]: each["email"]
        for each in village.said("owner", "GET", "/organizations/lab")["organizationMembers"]
    }
    assert emails["stranger"] == "ada@lab.example"
    found = village.said("member", "GET", "/organizations/lab")["organizationMembers"]
    assert [each["email"] for each in found] == [None] * 4


def test_an_invitation_is_good_for_a_week_and_can_be_renewed(village: Village, lab: dict[str, Any]) -> None:
    (made,) = invite(village)
    village.now += 7 * DAY
    late = village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", 400, json_body={"status": "ACCEPTED"})
    assert "time to answer this invitation is over" in late
    path = f"/organizations/{lab['id']}/invitations/{made['id']}/resend"
    village.said("member", "POST", path, 403)
    village.said("stranger", "POST", path, 404)
    village.said(None, "POST", path, 401)
    assert village.said("manager", "POST", path)["expirationDate"] > made["expirationDate"]
    village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", json_body={"status": "ACCEPTED"})
    assert "accepted already" in village.said("manager", "POST", path, 400)


@pytest.mark.usefixtures("lab")
def test_an_invitation_is_withdrawn(village: Village) -> None:
    (made,) = invite(village)
    village.said("member", "DELETE", f"{ROUTE}/{made['id']}", 403)
    village.said("stranger", "DELETE", f"{ROUTE}/{made['id']}", 404)
    village.said("owner", "DELETE", f"{ROUTE}/{made['id']}", 204)
    village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", 404, json_body={"status": "ACCEPTED"})
    village.said("stranger", "GET", f"{ROUTE}/{uuid.UUID(int=1)}", 404)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    "body",
    [
        {"emails": []},
        {"emails": [f"a{n}@b.example" for n in range(11)]},
        {"emails": ["no address"]},
        {},
        {"emails": ["member"]},
    ],
)
def test_what_can_not_be_invited_is_refused_in_a_sentence(village: Village, body: dict[str, Any]) -> None:
    assert village.said("owner", "POST", ROUTE, 400, json_body=body)
    assert village.said("owner", "GET", ROUTE) == []


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("status", ["PENDING", "accepted", None])
def test_an_answer_is_yes_or_no(village: Village, status: str | None) -> None:
    (made,) = invite(village)
    village.said("stranger", "PUT", f"{ROUTE}/{made['id']}", 400, json_body={"status": status})
