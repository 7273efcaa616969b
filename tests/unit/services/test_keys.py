"""API keys: made, listed, rotated, revoked; and what they can't give on."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, check_hidden, refusal, run
from trivet.platform.core.accounts import DEFAULT_SCOPES, Scope
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, Unauthenticated
from trivet.platform.core.keys import DAY, KeyState


def test_a_key_has_the_usual_scopes_and_six_months_unless_told_otherwise() -> None:
    town = Town()
    key, token = run(town.keys.create(town.admin, label="  laptop "))
    assert (key.scopes, key.label) == (DEFAULT_SCOPES, "laptop")
    assert key.expires_at == town.now + 182 * DAY
    assert town.principal(token).key_id == key.id


def test_a_key_without_expiry_is_made_only_where_that_is_asked_for() -> None:
    town = Town()
    key, _ = run(town.keys.create(town.admin, never_expires=True))
    assert key.expires_at is None
    with pytest.raises(BadRequest):
        run(town.keys.create(town.admin, lifetime_days=0))
    with pytest.raises(BadRequest):
        run(town.keys.create(town.admin, lifetime_days=3, never_expires=True))


@pytest.mark.parametrize("days", [-1.0, 0.0, 1e9, float("nan"), float("inf")])
def test_a_lifetime_that_can_not_be_is_refused(days: float) -> None:
    with pytest.raises(BadRequest):
        run(Town().keys.create(Town().admin, lifetime_days=days))


@pytest.mark.parametrize("scopes", [[], ["everything"], ["call", ""]])
def test_scopes_that_are_none_are_refused_with_a_list_of_those_there_are(scopes: list[str]) -> None:
    town = Town()
    refused = refusal(lambda: run(town.keys.create(town.admin, scopes=scopes)))
    assert isinstance(refused, BadRequest)
    assert "call, read, deploy, data, work, admin" in refused.hint


@pytest.mark.parametrize("label", ["x" * 101, "a\nb", "\x1b[31m"])
def test_a_label_is_short_and_printable(label: str) -> None:
    town = Town()
    with pytest.raises(BadRequest):
        run(town.keys.create(town.admin, label=label))


def test_a_key_gives_no_more_than_it_has() -> None:
    town = Town()
    bond = town.account("bond")
    narrow = town.with_scopes(bond, "deploy", "call")
    with pytest.raises(Forbidden, match="'read'"):
        run(town.keys.create(narrow, scopes=["call", "read"]))
    key, _ = run(town.keys.create(narrow))
    assert key.scopes == {Scope.CALL, Scope.DEPLOY}


def test_a_key_that_may_only_call_makes_no_keys_and_ends_no_others() -> None:
    town = Town()
    bond = town.account("bond")
    caller = town.with_scopes(bond, "call")
    for work in (
        lambda: run(town.keys.create(caller, scopes=["call"])),
        lambda: run(town.keys.of_account(caller)),
        lambda: run(town.keys.rotate(caller, bond.key_id)),
        lambda: run(town.keys.revoke(caller, bond.key_id)),
    ):
        assert isinstance(refusal(work), Forbidden)


def test_a_rotation_does_not_hand_out_scopes_that_the_asker_lacks() -> None:
    town = Town()
    bond = town.account("bond")
    narrow = town.with_scopes(bond, "deploy")
    with pytest.raises(Forbidden):
        run(town.keys.rotate(narrow, bond.key_id))
    run(town.keys.revoke(narrow, bond.key_id))


def test_every_key_may_rotate_and_revoke_itself() -> None:
    town = Town()
    caller = town.with_scopes(town.account("bond"), "call")
    key, token = run(town.keys.rotate(caller, caller.key_id))
    assert town.principal(token).key_id == key.id
    assert run(town.keys.revoke(caller, caller.key_id)).revoked_at == town.now


def test_an_administrator_equips_others_but_not_beyond_what_they_may_have() -> None:
    town = Town()
    bond = town.account("bond")
    keeper = town.with_scopes(town.admin, "admin")
    key, _ = run(town.keys.create(keeper, account_name="Bond", scopes=["call", "read"]))
    assert (key.account_id, key.scopes) == (bond.account_id, {Scope.CALL, Scope.READ})
    with pytest.raises(BadRequest, match="administrators"):
        run(town.keys.create(town.admin, account_name="bond", scopes=["admin"]))
    with pytest.raises(Forbidden):
        run(town.keys.create(keeper, scopes=["call"]))


def test_a_disabled_account_gets_no_key() -> None:
    town = Town()
    town.account("bond")
    run(town.accounts.change(town.admin, "bond", disabled=True))
    with pytest.raises(Conflict, match="disabled"):
        run(town.keys.create(town.admin, account_name="bond"))


def test_keys_are_listed_newest_first_with_their_account() -> None:
    town = Town()
    bond = town.account("bond")
    town.now += 1
    newest, _ = run(town.keys.create(bond, label="new"))
    listed = run(town.keys.of_account(bond))
    assert listed[0] == (newest, "bond")
    assert [key.id for key, _ in run(town.keys.of_account(town.admin, "bond"))] == [key.id for key, _ in listed]
    assert {name for _, name in run(town.keys.of_account(town.admin))} == {"admin"}


def test_both_secrets_count_while_a_rotation_overlaps_and_only_the_new_one_after() -> None:
    town = Town()
    key, old = run(town.keys.create(town.admin))
    rotated, new = run(town.keys.rotate(town.admin, key.id, 60.0))
    assert rotated.state(town.now) is KeyState.ROTATING
    assert town.principal(old).key_id == town.principal(new).key_id == key.id
    town.now += 60.0
    assert town.accounts.authenticate(str(old)) is None
    with pytest.raises(Unauthenticated):
        run(town.accounts.resolve(str(old)))
    assert town.principal(new).key_id == key.id


def test_a_rotation_without_overlap_ends_the_old_secret_at_once_though_it_is_cached() -> None:
    town = Town()
    key, old = run(town.keys.create(town.admin))
    town.principal(old)
    run(town.keys.rotate(town.admin, key.id, 0.0))
    assert town.accounts.authenticate(str(old)) is None
    with pytest.raises(Unauthenticated):
        run(town.accounts.resolve(str(old)))


def test_an_old_secret_never_outlives_the_expiry_that_it_had() -> None:
    town = Town()
    key, old = run(town.keys.create(town.admin, lifetime_days=1))
    town.now += DAY - 10
    rotated, _ = run(town.keys.rotate(town.admin, key.id, 3600.0))
    assert rotated.previous_until == town.now + 10
    assert rotated.expires_at == town.now + DAY
    town.now += 10
    with pytest.raises(Unauthenticated):
        run(town.accounts.resolve(str(old)))


def test_rotation_keeps_for_ever_for_ever_and_long_lives_within_six_months() -> None:
    town = Town()
    eternal, _ = run(town.keys.create(town.admin, never_expires=True))
    long, _ = run(town.keys.create(town.admin, lifetime_days=1000))
    assert run(town.keys.rotate(town.admin, eternal.id))[0].expires_at is None
    assert run(town.keys.rotate(town.admin, long.id))[0].expires_at == town.now + 182 * DAY


@pytest.mark.parametrize("overlap", [-1.0, float("nan"), 31 * DAY])
def test_an_overlap_that_can_not_be_is_refused(overlap: float) -> None:
    town = Town()
    with pytest.raises(BadRequest):
        run(town.keys.rotate(town.admin, town.admin.key_id, overlap))


def test_a_revoked_key_does_not_count_from_that_moment_and_can_not_be_rotated() -> None:
    town = Town()
    key, token = run(town.keys.create(town.admin))
    town.principal(token)
    run(town.keys.revoke(town.admin, key.id))
    assert town.accounts.authenticate(str(token)) is None
    with pytest.raises(Unauthenticated):
        run(town.accounts.resolve(str(token)))
    with pytest.raises(Conflict, match="revoked"):
        run(town.keys.rotate(town.admin, key.id))


def test_revoking_twice_keeps_the_first_moment() -> None:
    town = Town()
    key, _ = run(town.keys.create(town.admin))
    first = run(town.keys.revoke(town.admin, key.id)).revoked_at
    town.now += 5
    assert run(town.keys.revoke(town.admin, key.id)).revoked_at == first


def test_an_expired_key_can_not_be_rotated() -> None:
    town = Town()
    key, _ = run(town.keys.create(town.admin, lifetime_days=1))
    town.now += DAY
    with pytest.raises(Conflict, match="expired"):
        run(town.keys.rotate(town.admin, key.id))


def test_anothers_key_looks_like_one_that_does_not_exist() -> None:
    town = Town()
    bond, q = town.account("bond"), town.account("q")
    for work in (
        lambda key_id: run(town.keys.rotate(bond, key_id)),
        lambda key_id: run(town.keys.revoke(bond, key_id)),
    ):
        check_hidden(work, q.key_id, "f" * 12)
    assert run(town.keys.revoke(town.admin, q.key_id)).revoked_at is not None
