"""Invitations: for whom they are, how long they can be answered, and what an answer makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trivet.platform.core.accounts import Account
from trivet.platform.core.errors import BadRequest, Conflict
from trivet.platform.core.invitations import (
    LIFETIME,
    MOST_PENDING,
    Invitation,
    InvitationStatus,
    address_of,
    answered,
    check_invitee,
    check_pending,
    is_address,
    renewed,
)

INVITATION = Invitation("1", "org_mi6", "bond@mi6.example", 100.0, 100.0 + LIFETIME, "acc_m")
BOND = Account("acc_bond", "Bond", 0.0, email="Bond@MI6.example")
NAMED = Account("acc_q", "Q", 0.0)


def test_an_invitation_can_be_answered_for_a_week() -> None:
    assert LIFETIME == 7 * 24 * 3600
    assert INVITATION.is_open(100.0 + LIFETIME - 1)
    assert not INVITATION.is_open(100.0 + LIFETIME)
    with pytest.raises(BadRequest, match="time to answer"):
        answered(INVITATION, BOND, 100.0 + LIFETIME, accepts=True)


@pytest.mark.parametrize(("accepts", "status"), [(True, "ACCEPTED"), (False, "REJECTED")])
def test_an_answer_is_kept_and_is_the_last_one(accepts: bool, status: str) -> None:
    found = answered(INVITATION, BOND, 200.0, accepts=accepts)
    assert (found.status.name, found.answered_by, found.answered_at) == (status, "acc_bond", 200.0)
    assert not found.is_open(201.0)
    with pytest.raises(BadRequest, match=found.status.value):
        answered(found, BOND, 201.0, accepts=True)
    with pytest.raises(BadRequest, match=found.status.value):
        renewed(found, 201.0)


def test_an_invitation_is_for_an_e_mail_address_whatever_its_case_or_for_a_name_where_there_is_none() -> None:
    assert (address_of(BOND), address_of(NAMED)) == ("bond@mi6.example", "q")
    assert answered(replace(INVITATION, address="q"), NAMED, 200.0, accepts=True).answered_by == "acc_q"


@pytest.mark.parametrize(
    "account",
    [
        NAMED,
        Account("acc_x", "x", 0.0, email="bond@mi6.example.evil"),
        Account("acc_n", "bond", 0.0),
        Account("acc_e", "bond@mi6.example".replace("@", "-"), 0.0, email="q@mi6.example"),
    ],
)
def test_an_invitation_is_for_nobody_else(account: Account) -> None:
    with pytest.raises(BadRequest, match=r"is for 'bond@mi6\.example'"):
        answered(INVITATION, account, 200.0, accepts=True)


def test_who_has_an_address_is_not_reached_by_name() -> None:
    with pytest.raises(BadRequest):
        answered(replace(INVITATION, address="bond"), BOND, 200.0, accepts=True)


def test_an_invitation_that_is_over_can_be_renewed() -> None:
    late = INVITATION.expires_at + 5.0
    found = renewed(INVITATION, late)
    assert found.expires_at == late + LIFETIME
    assert answered(found, BOND, late, accepts=True).status is InvitationStatus.ACCEPTED


@pytest.mark.parametrize("text", ["ada@lab.example", " Ada@Lab.example\n", "ada", "a.b+c@d"])
def test_addresses_and_names_can_be_invited(text: str) -> None:
    assert check_invitee(text) == text.strip().lower()


@pytest.mark.parametrize("text", ["", "@", "a@", "@b", "a b@c", "a@b@c", "ada lovelace", "x" * 300, "<a@b>"])
def test_anything_else_can_not(text: str) -> None:
    assert not is_address(text)
    with pytest.raises(BadRequest):
        check_invitee(text)


def test_an_organization_has_only_so_many_invitations_waiting() -> None:
    check_pending(MOST_PENDING)
    with pytest.raises(Conflict, match=str(MOST_PENDING)):
        check_pending(MOST_PENDING + 1)
