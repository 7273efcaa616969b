"""Invitations: who may invite, who may answer, and what an answer does."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, check_hidden, run
from trivet.platform.core.accounts import Principal, Role, Within
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound
from trivet.platform.core.invitations import Invitation
from trivet.platform.core.keys import DAY


class Yard(Town):
    """A town with an organization: `m` owns it, `tanner` is an admin, `q` a member; `bond` and `alec` are outside."""

    def __init__(self) -> None:
        super().__init__()
        self.m, self.tanner, self.q, self.bond, self.alec = map(self.account, ("m", "tanner", "q", "bond", "alec"))
        run(self.organizations.create(self.m, "mi6"))
        run(self.organizations.put_member(self.m, "mi6", "tanner", "admin"))
        run(self.organizations.put_member(self.m, "mi6", "q", "member"))

    def invite(self, *addresses: str, by: Principal | None = None) -> list[Invitation]:
        return run(self.invitations.invite(by or self.m, "mi6", addresses))

    def members(self) -> dict[str, Role]:
        return {account.name: role for account, role in run(self.organizations.get(self.admin, "mi6")).members}


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_who_is_invited_and_says_yes_is_a_member_at_once(yard: Yard) -> None:
    (invitation,) = yard.invite("Bond")
    assert [(each.id, organization.name) for each, organization in run(yard.invitations.mine(yard.bond))] == [
        (invitation.id, "mi6")
    ]
    yard.principal(yard.token("bond"))  # remembered, without the role
    answer = run(yard.invitations.answer(yard.bond, "MI6", invitation.id, accepts=True))
    assert (answer.status.name, answer.answered_by) == ("ACCEPTED", yard.bond.account_id)
    assert yard.members()["bond"] is Role.MEMBER
    assert yard.again(yard.bond).roles
    assert run(yard.invitations.mine(yard.bond)) == []
    assert [each.status.name for each in run(yard.invitations.of_organization(yard.m, "mi6"))] == ["ACCEPTED"]


def test_who_says_no_stays_outside_and_can_be_invited_again(yard: Yard) -> None:
    (invitation,) = yard.invite("bond")
    run(yard.invitations.answer(yard.bond, "mi6", invitation.id, accepts=False))
    assert "bond" not in yard.members()
    (again,) = yard.invite("bond")
    assert again.id != invitation.id
    run(yard.invitations.answer(yard.bond, "mi6", again.id, accepts=True))
    assert "bond" in yard.members()


def test_an_e_mail_address_that_an_administrator_has_set_is_what_counts(yard: Yard) -> None:
    (invitation,) = yard.invite("James@MI6.example")
    with pytest.raises(BadRequest, match="'bond'"):
        run(yard.invitations.answer(yard.bond, "mi6", invitation.id, accepts=True))
    with pytest.raises(Forbidden):
        run(yard.accounts.change(yard.bond, "bond", email="james@mi6.example"))
    run(yard.accounts.change(yard.admin, "bond", email="james@mi6.example"))
    run(yard.invitations.answer(yard.bond, "mi6", invitation.id, accepts=True))
    assert "bond" in yard.members()


@pytest.mark.parametrize("who", ["m", "tanner", "admin"])
def test_owners_admins_and_administrators_invite(yard: Yard, who: str) -> None:
    assert len(yard.invite("bond", "a@b.example", by=getattr(yard, who))) == 2


def test_members_do_not_invite_and_strangers_learn_nothing(yard: Yard) -> None:
    with pytest.raises(Forbidden, match="owner or admin"):
        yard.invite("bond", by=yard.q)
    with pytest.raises(Forbidden):
        run(yard.invitations.of_organization(yard.q, "mi6"))
    check_hidden(lambda name: run(yard.invitations.invite(yard.bond, name, ["alec"])), "mi6", "cia")
    check_hidden(lambda name: run(yard.invitations.of_organization(yard.bond, name)), "mi6", "cia")
    with pytest.raises(Forbidden):
        yard.invite("bond", by=yard.with_scopes(yard.m, "read", "call"))


def test_an_invitation_is_one_persons_to_answer(yard: Yard) -> None:
    (invitation,) = yard.invite("bond")
    for other in (yard.alec, yard.admin, yard.m, yard.q):
        with pytest.raises(BadRequest, match="is for 'bond'"):
            run(yard.invitations.answer(other, "mi6", invitation.id, accepts=True))
    assert run(yard.invitations.mine(yard.alec)) == []
    assert "alec" not in yard.members()


def test_a_job_joins_nothing_for_the_account_that_it_acts_for(yard: Yard) -> None:
    (invitation,) = yard.invite("bond")
    job = yard.bond.as_job(Within("job_1", "job_1", "e", "e", yard.bond.account_id, "bond"), 1)
    with pytest.raises(Forbidden):
        run(yard.invitations.answer(job, "mi6", invitation.id, accepts=True))


def test_inviting_somebody_again_renews_what_waits(yard: Yard) -> None:
    (first,) = yard.invite("bond")
    yard.now += 8 * DAY
    assert run(yard.invitations.mine(yard.bond)) == []
    with pytest.raises(BadRequest, match="time to answer"):
        run(yard.invitations.answer(yard.bond, "mi6", first.id, accepts=True))
    (second,) = yard.invite("BOND", "bond ")
    assert (second.id, second.expires_at) == (first.id, yard.now + 7 * DAY)
    yard.now += 6 * DAY
    renewed = run(yard.invitations.renew(yard.tanner, "mi6", first.id))
    assert renewed.expires_at == yard.now + 7 * DAY
    assert len(run(yard.invitations.mine(yard.bond))) == 1


def test_members_are_not_invited(yard: Yard) -> None:
    with pytest.raises(BadRequest, match="q belongs to 'mi6' already"):
        yard.invite("bond", "q")
    assert run(yard.invitations.mine(yard.bond)) == []


def test_a_yes_takes_no_role_away(yard: Yard) -> None:
    (invitation,) = yard.invite("bond")
    run(yard.organizations.put_member(yard.m, "mi6", "bond", "admin"))
    run(yard.invitations.answer(yard.bond, "mi6", invitation.id, accepts=True))
    assert yard.members()["bond"] is Role.ADMIN


@pytest.mark.parametrize("addresses", [[], [f"a{n}@b.example" for n in range(11)], ["not an address"]])
def test_between_one_and_ten_people_are_invited_at_once(yard: Yard, addresses: list[str]) -> None:
    with pytest.raises(BadRequest):
        yard.invite(*addresses)


def test_an_invitation_is_found_in_its_own_organization_only_and_can_be_withdrawn(yard: Yard) -> None:
    (invitation,) = yard.invite("bond")
    run(yard.organizations.create(yard.alec, "janus"))
    assert run(yard.invitations.get(yard.bond, "mi6", invitation.id)) == invitation
    with pytest.raises(NotFound):
        run(yard.invitations.get(yard.alec, "janus", invitation.id))
    with pytest.raises(NotFound):
        run(yard.invitations.withdraw(yard.alec, "janus", invitation.id))
    with pytest.raises(NotFound):
        run(yard.invitations.renew(yard.alec, "janus", invitation.id))
    with pytest.raises(Forbidden):
        run(yard.invitations.withdraw(yard.q, "mi6", invitation.id))
    run(yard.invitations.withdraw(yard.m, "mi6", invitation.id))
    with pytest.raises(NotFound):
        run(yard.invitations.answer(yard.bond, "mi6", invitation.id, accepts=True))


def test_with_an_organization_go_its_invitations(yard: Yard) -> None:
    yard.invite("bond")
    run(yard.organizations.remove(yard.m, "mi6"))
    assert run(yard.invitations.mine(yard.bond)) == []
    run(yard.organizations.create(yard.m, "mi6"))
    assert run(yard.invitations.of_organization(yard.m, "mi6")) == []
