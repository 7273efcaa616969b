"""Accounts, organizations, memberships and keys: the same in every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.contract.conftest import Driver
from tests.contract.values import account, key, organization
from trivet.platform.core.accounts import Membership, Role, Scope
from trivet.platform.core.errors import Conflict
from trivet.platform.core.invitations import Invitation, InvitationStatus
from trivet.platform.core.limits import CallLimits, RateLimit
from trivet.platform.core.pictures import Picture


def test_an_account_comes_back_as_it_was_put(driver: Driver) -> None:
    kept = account(administrator=True, disabled=True)
    driver.write(lambda tx: tx.accounts.add(kept))
    assert driver.read(lambda tx: tx.accounts.get(kept.id)) == kept
    assert driver.read(lambda tx: tx.accounts.get("acc_nobody")) is None


def test_an_account_is_found_by_its_name_whatever_the_case(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account("Bond")))
    assert driver.read(lambda tx: tx.accounts.named("bOnD")) == account("Bond")
    assert driver.read(lambda tx: tx.accounts.named("bon")) is None


def test_accounts_are_listed_by_name(driver: Driver) -> None:
    for name in ("moneypenny", "Bond", "q", "a-b", "a_b"):
        driver.write(lambda tx, name=name: tx.accounts.add(account(name)))  # type: ignore[misc]
    assert [a.name for a in driver.read(lambda tx: tx.accounts.all())] == ["a-b", "a_b", "Bond", "moneypenny", "q"]


@pytest.mark.parametrize("taken", ["bond", "BOND"])
def test_a_name_is_given_once_among_accounts_and_organizations(driver: Driver, taken: str) -> None:
    driver.write(lambda tx: tx.accounts.add(account("Bond")))
    with pytest.raises(Conflict, match=taken):
        driver.write(lambda tx: tx.accounts.add(replace(account(taken), id="acc_other")))
    with pytest.raises(Conflict, match=taken):
        driver.write(lambda tx: tx.accounts.add_organization(organization(taken)))
    driver.write(lambda tx: tx.accounts.add_organization(organization("MI6")))
    with pytest.raises(Conflict, match="mi6"):
        driver.write(lambda tx: tx.accounts.add(account("mi6")))
    assert len(driver.read(lambda tx: tx.accounts.all())) == 1


def test_an_id_is_given_once_among_accounts_and_organizations(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account("bond")))
    with pytest.raises(Conflict, match="acc_bond"):
        driver.write(lambda tx: tx.accounts.add(replace(account("other"), id="acc_bond")))
    with pytest.raises(Conflict, match="acc_bond"):
        driver.write(lambda tx: tx.accounts.add_organization(replace(organization(), id="acc_bond")))


def test_what_dialects_keep_of_people_comes_back(driver: Driver) -> None:
    kept = account(extras={"algorithmia": {"fullname": "Джеймс"}})
    driver.write(lambda tx: tx.accounts.add(kept))
    driver.write(lambda tx: tx.accounts.add_organization(replace(organization(), extras={"a": {"b": "c"}})))
    assert driver.read(lambda tx: tx.accounts.get(kept.id)) == kept
    assert driver.read(lambda tx: tx.accounts.organization_named("mi6")) == replace(
        organization(), extras={"a": {"b": "c"}}
    )
    driver.write(lambda tx: tx.accounts.save(replace(kept, extras={})))
    changed = replace(organization(), name="other", extras={"x": 1}, public=True)
    driver.write(lambda tx: tx.accounts.save_organization(replace(changed, number=8, created_at=1.0)))
    driver.write(lambda tx: tx.accounts.save_organization(replace(organization("six"), extras={"x": 1})))
    assert driver.read(lambda tx: tx.accounts.all()) == [account()]
    assert driver.read(lambda tx: tx.accounts.organizations()) == [changed]


def test_a_saved_account_keeps_its_new_values(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    changed = replace(account(), name="James", administrator=True, disabled=True)
    driver.write(lambda tx: tx.accounts.save(changed))
    assert driver.read(lambda tx: tx.accounts.all()) == [changed]


def test_saving_what_is_not_there_changes_nothing(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.save(account()))
    driver.write(lambda tx: tx.keys.save(key()))
    assert driver.read(lambda tx: (tx.accounts.all(), tx.keys.all())) == ([], [])


def test_an_account_can_not_be_renamed_to_a_name_that_is_taken(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account("bond")))
    driver.write(lambda tx: tx.accounts.add(account("q")))
    with pytest.raises(Conflict, match="BOND"):
        driver.write(lambda tx: tx.accounts.save(replace(account("q"), name="BOND")))
    assert driver.read(lambda tx: tx.accounts.get("acc_q")) == account("q")


def test_a_removed_account_takes_its_keys_and_memberships_along(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        for name in ("bond", "q"):
            tx.accounts.add(account(name))
        tx.accounts.add_organization(organization())
        tx.keys.add(key("k1", "acc_bond"))
        tx.keys.add(key("k2", "acc_q"))
        tx.accounts.put_membership(Membership("org_mi6", "acc_bond", Role.OWNER))
        tx.accounts.put_membership(Membership("org_mi6", "acc_q", Role.MEMBER))

    driver.write(prepare)
    driver.write(lambda tx: tx.accounts.remove("acc_bond"))
    assert driver.read(lambda tx: tx.accounts.get("acc_bond")) is None
    assert [k.id for k in driver.read(lambda tx: tx.keys.all())] == ["k2"]
    assert [m.account_id for m in driver.read(lambda tx: tx.accounts.members_of("org_mi6"))] == ["acc_q"]
    driver.write(lambda tx: tx.accounts.add(account("bond")))
    driver.write(lambda tx: tx.accounts.remove("acc_nobody"))


def test_an_organization_comes_back_and_goes_with_its_memberships(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.accounts.add(account())
        for name in ("mi6", "CIA"):
            tx.accounts.add_organization(organization(name))
            tx.accounts.put_membership(Membership(f"org_{name}", "acc_bond", Role.ADMIN))

    driver.write(prepare)
    assert driver.read(lambda tx: tx.accounts.organization("org_mi6")) == organization("mi6")
    assert driver.read(lambda tx: tx.accounts.organization_named("MI6")) == organization("mi6")
    assert driver.read(lambda tx: tx.accounts.organization_named("bond")) is None
    assert driver.read(lambda tx: tx.accounts.named("mi6")) is None
    assert driver.read(lambda tx: tx.accounts.get("org_mi6")) is None
    assert driver.read(lambda tx: tx.accounts.organization("acc_bond")) is None
    assert driver.read(lambda tx: tx.accounts.organizations()) == [organization("CIA"), organization("mi6")]
    driver.write(lambda tx: tx.accounts.remove("org_mi6"))  # no account of that id
    driver.write(lambda tx: tx.accounts.remove_organization("org_mi6"))
    assert driver.read(lambda tx: tx.accounts.organizations()) == [organization("CIA")]
    assert [m.organization_id for m in driver.read(lambda tx: tx.accounts.memberships_of("acc_bond"))] == ["org_CIA"]


def test_a_membership_is_put_changed_and_removed(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.accounts.add(account("bond"))
        tx.accounts.add(account("alec"))
        tx.accounts.add_organization(organization())
        for name in ("bond", "alec"):
            tx.accounts.put_membership(Membership("org_mi6", f"acc_{name}", Role.MEMBER))

    driver.write(prepare)
    driver.write(lambda tx: tx.accounts.put_membership(Membership("org_mi6", "acc_bond", Role.OWNER)))
    assert driver.read(lambda tx: tx.accounts.members_of("org_mi6")) == [
        Membership("org_mi6", "acc_alec", Role.MEMBER),
        Membership("org_mi6", "acc_bond", Role.OWNER),
    ]
    driver.write(lambda tx: tx.accounts.remove_membership("org_mi6", "acc_alec"))
    driver.write(lambda tx: tx.accounts.remove_membership("org_mi6", "acc_alec"))
    assert driver.read(lambda tx: tx.accounts.memberships_of("acc_alec")) == []
    assert driver.read(lambda tx: tx.accounts.memberships_of("acc_bond")) == [
        Membership("org_mi6", "acc_bond", Role.OWNER)
    ]


@pytest.mark.parametrize(
    ("organization_id", "account_id"), [("org_none", "acc_bond"), ("org_mi6", "acc_none"), ("acc_bond", "org_mi6")]
)
def test_a_membership_needs_both_its_ends(driver: Driver, organization_id: str, account_id: str) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.accounts.add_organization(organization()))
    with pytest.raises(Conflict):
        driver.write(lambda tx: tx.accounts.put_membership(Membership(organization_id, account_id, Role.OWNER)))
    assert driver.read(lambda tx: tx.accounts.members_of(organization_id)) == []


def test_a_key_comes_back_as_it_was_put(driver: Driver) -> None:
    bare = key("k2", expires_at=None, last_used_at=None, revoked_at=None, previous_hash=None, previous_until=None)
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.keys.add(key("k1")))
    driver.write(lambda tx: tx.keys.add(replace(bare, scopes=frozenset())))
    assert driver.read(lambda tx: tx.keys.get("k1")) == key("k1")
    assert driver.read(lambda tx: tx.keys.get("k2")) == replace(bare, scopes=frozenset())
    assert driver.read(lambda tx: tx.keys.get("k3")) is None


def test_a_key_id_is_given_once_and_its_account_must_be_there(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.keys.add(key("k1")))
    with pytest.raises(Conflict, match="k1"):
        driver.write(lambda tx: tx.keys.add(key("k1", label="another")))
    with pytest.raises(Conflict, match="acc_nobody"):
        driver.write(lambda tx: tx.keys.add(key("k2", "acc_nobody")))
    assert driver.read(lambda tx: tx.keys.all()) == [key("k1")]


def test_keys_are_listed_oldest_first(driver: Driver) -> None:
    def prepare(tx):  # type: ignore[no-untyped-def]
        tx.accounts.add(account("bond"))
        tx.accounts.add(account("q"))
        for name, owner, at in (("k1", "acc_bond", 30.0), ("k2", "acc_q", 20.0), ("k3", "acc_bond", 10.0)):
            tx.keys.add(key(name, owner, created_at=at))

    driver.write(prepare)
    assert [k.id for k in driver.read(lambda tx: tx.keys.all())] == ["k3", "k2", "k1"]
    assert [k.id for k in driver.read(lambda tx: tx.keys.of_account("acc_bond"))] == ["k3", "k1"]


def test_a_key_is_saved_and_touched(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.keys.add(key()))
    changed = key(scopes=frozenset(Scope), secret_hash="00" * 32, revoked_at=None)
    driver.write(lambda tx: tx.keys.save(changed))
    assert driver.read(lambda tx: tx.keys.get("k1")) == changed
    driver.write(lambda tx: tx.keys.touch("k1", 1999.0))
    driver.write(lambda tx: tx.keys.touch("k9", 1999.0))
    assert driver.read(lambda tx: tx.keys.all()) == [replace(changed, last_used_at=1999.0)]


@pytest.mark.parametrize(
    "limits",
    [
        CallLimits(RateLimit(100, 60), 10),
        CallLimits(RateLimit(0, 90)),
        CallLimits(concurrent=0),
        CallLimits(RateLimit(10**9, 86_400), 10**9),
    ],
)
def test_limits_of_accounts_and_keys_come_back_and_go_again(driver: Driver, limits: CallLimits) -> None:
    driver.write(lambda tx: tx.accounts.add(account(limits=limits)))
    driver.write(lambda tx: tx.keys.add(key(limits=limits)))
    assert driver.read(lambda tx: tx.accounts.all()) == [account(limits=limits)]
    assert driver.read(lambda tx: tx.keys.all()) == [key(limits=limits)]
    driver.write(lambda tx: tx.accounts.save(account()))
    driver.write(lambda tx: tx.keys.save(key()))
    driver.write(lambda tx: tx.keys.touch("k1", 1500.0))
    assert driver.read(lambda tx: (tx.accounts.get("acc_bond"), tx.keys.get("k1"))) == (account(), key())


def test_a_disabled_key_an_address_and_a_picture_come_back(driver: Driver) -> None:
    kept = account(email="bond@mi6.example", picture="0a1b")
    driver.write(lambda tx: tx.accounts.add(kept))
    driver.write(lambda tx: tx.keys.add(key(disabled=True)))
    assert driver.read(lambda tx: tx.accounts.named("bond")) == kept
    assert driver.read(lambda tx: tx.keys.get("k1")) == key(disabled=True)
    driver.write(lambda tx: tx.accounts.save(account()))
    driver.write(lambda tx: tx.keys.save(key()))
    assert driver.read(lambda tx: tx.accounts.all()) == [account()]
    assert driver.read(lambda tx: tx.keys.all()) == [key()]


def test_an_account_has_one_picture_which_goes_with_it(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.accounts.put_picture("acc_bond", Picture("image/png", b"\x89PNG\x00\xff")))
    driver.write(lambda tx: tx.accounts.put_picture("acc_bond", Picture("image/jpeg", b"\xff\xd8")))
    assert driver.read(lambda tx: tx.accounts.picture("acc_bond")) == Picture("image/jpeg", b"\xff\xd8")
    assert driver.read(lambda tx: tx.accounts.picture("acc_q")) is None
    driver.write(lambda tx: tx.accounts.remove_picture("acc_bond"))
    driver.write(lambda tx: tx.accounts.remove_picture("acc_bond"))
    assert driver.read(lambda tx: tx.accounts.picture("acc_bond")) is None
    driver.write(lambda tx: tx.accounts.put_picture("acc_bond", Picture("image/png", b"1")))
    driver.write(lambda tx: tx.accounts.remove("acc_bond"))
    assert driver.read(lambda tx: tx.accounts.picture("acc_bond")) is None


@pytest.mark.parametrize("account_id", ["acc_none", "org_mi6"])
def test_only_accounts_have_pictures(driver: Driver, account_id: str) -> None:
    driver.write(lambda tx: tx.accounts.add_organization(organization()))
    with pytest.raises(Conflict):
        driver.write(lambda tx: tx.accounts.put_picture(account_id, Picture("image/png", b"1")))


def test_an_organization_is_found_by_its_integer_which_is_given_once(driver: Driver) -> None:
    numbered = replace(organization(), number=7, public=True)
    driver.write(lambda tx: tx.accounts.add_organization(numbered))
    for name in ("a", "b"):  # those without one are not in each other's way
        driver.write(lambda tx, name=name: tx.accounts.add_organization(organization(name)))  # type: ignore[misc]
    assert driver.read(lambda tx: tx.accounts.organization_numbered(7)) == numbered
    assert driver.read(lambda tx: tx.accounts.organization_numbered(0)) is None
    assert driver.read(lambda tx: tx.accounts.organization_numbered(8)) is None
    with pytest.raises(Conflict, match="7"):
        driver.write(lambda tx: tx.accounts.add_organization(replace(organization("cia"), number=7)))


def test_an_organization_takes_no_name_that_is_taken(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add(account()))
    driver.write(lambda tx: tx.accounts.add_organization(organization()))
    driver.write(lambda tx: tx.accounts.save_organization(replace(organization(), name="MI6")))
    with pytest.raises(Conflict, match="BOND"):
        driver.write(lambda tx: tx.accounts.save_organization(replace(organization(), name="BOND")))
    assert [each.name for each in driver.read(lambda tx: tx.accounts.organizations())] == ["MI6"]


# -- invitations --------------------------------------------------------------------------------------------------------

INVITATION = Invitation("inv_1", "org_mi6", "bond@mi6.example", 10.0, 20.5, "acc_m")
ANSWERED = replace(INVITATION, status=InvitationStatus.REJECTED, answered_by="acc_bond", answered_at=15.25)


def test_an_invitation_comes_back_as_it_was_put_and_goes(driver: Driver) -> None:
    driver.write(lambda tx: tx.accounts.add_organization(organization()))
    driver.write(lambda tx: tx.invitations.put(INVITATION))
    assert driver.read(lambda tx: tx.invitations.get("inv_1")) == INVITATION
    driver.write(lambda tx: tx.invitations.put(ANSWERED))
    assert driver.read(lambda tx: tx.invitations.get("inv_1")) == ANSWERED
    assert driver.read(lambda tx: tx.invitations.of_organization("org_mi6")) == [ANSWERED]
    driver.write(lambda tx: tx.invitations.remove("inv_1"))
    driver.write(lambda tx: tx.invitations.remove("inv_1"))
    assert driver.read(lambda tx: tx.invitations.get("inv_1")) is None


def test_invitations_are_found_by_organization_and_those_without_an_answer_by_address(driver: Driver) -> None:
    later = replace(INVITATION, id="inv_0", created_at=11.0)
    other = replace(INVITATION, id="inv_2", organization_id="org_cia", created_at=9.0)
    somebody = replace(INVITATION, id="inv_3", address="q", created_at=12.0)

    def prepare(tx):  # type: ignore[no-untyped-def]
        for name in ("mi6", "cia"):
            tx.accounts.add_organization(organization(name))
        for each in (later, INVITATION, other, somebody, replace(ANSWERED, id="inv_4", created_at=13.0)):
            tx.invitations.put(each)

    driver.write(prepare)
    found = driver.read(lambda tx: tx.invitations.of_organization("org_mi6"))
    assert [each.id for each in found] == ["inv_1", "inv_0", "inv_3", "inv_4"]
    assert driver.read(lambda tx: tx.invitations.pending("bond@mi6.example")) == [other, INVITATION, later]
    assert driver.read(lambda tx: tx.invitations.pending("Bond@mi6.example")) == []


def test_an_invitation_needs_its_organization_and_goes_with_it(driver: Driver) -> None:
    with pytest.raises(Conflict, match="org_mi6"):
        driver.write(lambda tx: tx.invitations.put(INVITATION))
    driver.write(lambda tx: tx.accounts.add_organization(organization()))
    driver.write(lambda tx: tx.invitations.put(INVITATION))
    driver.write(lambda tx: tx.accounts.remove_organization("org_mi6"))
    assert driver.read(lambda tx: tx.invitations.get("inv_1")) is None
    assert driver.read(lambda tx: tx.invitations.pending(INVITATION.address)) == []
