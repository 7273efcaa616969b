"""Secrets: set by those who manage their owner, sealed in the store, given to workers only."""

from __future__ import annotations

import pytest

from tests.unit.services.town import Town, check_hidden, refusal, run
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound, TooLarge
from trivet.platform.services.secrets import MAX_SECRETS, MAX_VALUE


def test_a_secret_is_named_to_its_owner_and_told_to_workers_only() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.secrets.put(bond, "WORD", "shaken"))
    run(town.secrets.put(bond, "A_WORD", "stirred"))
    assert run(town.secrets.names(bond)) == ["A_WORD", "WORD"]
    assert run(town.secrets.of_owner(bond.account_id, ["WORD"])) == {"WORD": "shaken"}
    assert run(town.secrets.names(town.admin)) == []


def test_a_secret_lies_sealed_in_the_store() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.secrets.put(bond, "WORD", "shaken"))
    (stored,) = run(town.store.read(lambda tx: tx.deployments.secrets_of(bond.account_id)))
    assert b"shaken" not in stored.sealed
    assert "sealed" not in repr(stored)


def test_setting_again_takes_the_place_and_removing_forgets() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.secrets.put(bond, "WORD", "shaken"))
    run(town.secrets.put(bond, "WORD", "stirred"))
    assert run(town.secrets.of_owner(bond.account_id, ["WORD"])) == {"WORD": "stirred"}
    run(town.secrets.remove(bond, "WORD"))
    assert run(town.secrets.names(bond)) == []
    with pytest.raises(NotFound):
        run(town.secrets.remove(bond, "WORD"))


def test_a_fresh_secret_takes_nobodys_place() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.secrets.put(bond, "WORD", "shaken", fresh=True))
    with pytest.raises(Conflict, match="secret 'WORD' already"):
        run(town.secrets.put(bond, "WORD", "stirred", fresh=True))
    assert run(town.secrets.of_owner(bond.account_id, ["WORD"])) == {"WORD": "shaken"}


def test_all_secrets_that_are_missing_are_named_at_once_with_what_to_do() -> None:
    town = Town()
    bond = town.account("bond")
    run(town.secrets.put(bond, "WORD", "shaken"))
    with pytest.raises(NotFound, match=r"secrets A, B of bond are not set: `trivet secrets set A --owner bond`"):
        run(town.secrets.of_owner(bond.account_id, ["A", "WORD", "B", "A"]))


def test_an_organizations_secrets_belong_to_those_who_manage_it() -> None:
    town = Town()
    owner, member, stranger = town.account("m"), town.account("bond"), town.account("blofeld")
    organization = run(town.organizations.create(owner, "mi6"))
    owner = town.again(owner)
    run(town.organizations.put_member(owner, "mi6", "bond", "member"))
    member = town.again(member)
    run(town.secrets.put(owner, "WORD", "shaken", "MI6"))
    run(town.secrets.put(town.admin, "OTHER", "stirred", "mi6"))
    assert run(town.secrets.names(owner, "mi6")) == ["OTHER", "WORD"]
    assert run(town.secrets.of_owner(organization.id, ["WORD"])) == {"WORD": "shaken"}
    with pytest.raises(Forbidden):
        run(town.secrets.names(member, "mi6"))
    check_hidden(lambda name: run(town.secrets.names(stranger, name)), "mi6", "kgb")
    with pytest.raises(NotFound):
        run(town.secrets.put(stranger, "WORD", "x", "bond"))


@pytest.mark.parametrize("scope", ["call", "read", "data"])
def test_secrets_take_the_scope_deploy(scope: str) -> None:
    town = Town()
    weak = town.with_scopes(town.account("bond"), scope)
    for work in (
        lambda: run(town.secrets.names(weak)),
        lambda: run(town.secrets.put(weak, "WORD", "x")),
        lambda: run(town.secrets.remove(weak, "WORD")),
    ):
        assert isinstance(refusal(work), Forbidden)


@pytest.mark.parametrize(
    "name",
    ["", "1A", "A-B", "A B", "A=B", "ä", "A" * 129, "A\n", "PATH", "TRIVET_LINK", "LD_PRELOAD", "PYTHONPATH", "home"],
)
def test_a_name_that_no_environment_can_hold_or_that_would_break_a_worker_is_refused(name: str) -> None:
    town = Town()
    with pytest.raises(BadRequest):
        run(town.secrets.put(town.admin, name, "x"))


def test_a_value_is_bounded_and_holds_no_nul() -> None:
    town = Town()
    run(town.secrets.put(town.admin, "WORD", "x" * MAX_VALUE))
    refused = refusal(lambda: run(town.secrets.put(town.admin, "WORD", "ä" * (MAX_VALUE // 2 + 1))))
    assert isinstance(refused, TooLarge)
    assert refused.limit == MAX_VALUE
    with pytest.raises(BadRequest):
        run(town.secrets.put(town.admin, "WORD", "a\0b"))


def test_an_owner_has_a_bounded_number_of_secrets_and_may_still_change_them() -> None:
    town = Town()
    for number in range(MAX_SECRETS):
        run(town.secrets.put(town.admin, f"S{number}", "x"))
    with pytest.raises(Conflict):
        run(town.secrets.put(town.admin, "ONE_MORE", "x"))
    run(town.secrets.put(town.admin, "S0", "y"))
    assert run(town.secrets.of_owner(town.admin.account_id, ["S0"])) == {"S0": "y"}
