"""Limits on keys and accounts: who may set them, what a caller gets of them, and that nobody rids itself of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.unit.services.town import Town, check_hidden, refusal, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound
from trivet.platform.core.keys import Token
from trivet.platform.core.limits import NO_LIMITS, CallLimits, RateLimit
from trivet.platform.services.accounts import Accounts

HUNDRED = RateLimit(100, 60)


def limited(town: Town, who: Principal, **limits: Any) -> tuple[Principal, Token]:
    """A key of the one who asks, with limits, as a caller uses it."""
    _, token = run(town.keys.create(who, scopes=sorted(who.scopes), **limits))
    return town.principal(token), token


def told(principal: Principal) -> list[tuple[str, str, CallLimits]]:
    return [(held.holder.value, held.id, held.limits) for held in principal.limits]


def test_a_caller_has_the_limits_of_its_key_and_of_its_account() -> None:
    town = Town()
    bond = town.account("bond")
    assert bond.limits == ()
    run(town.accounts.change(town.admin, "bond", rate="1000/h", concurrent=7))
    key, token = run(town.keys.create(bond, rate="100/min"))
    assert key.limits == CallLimits(HUNDRED)
    assert told(town.principal(token)) == [
        ("key", key.id, CallLimits(HUNDRED)),
        ("account", bond.account_id, CallLimits(RateLimit(1000, 3600), 7)),
    ]


def test_a_change_of_limits_counts_from_the_next_request_on() -> None:
    town = Town()
    bond = town.account("bond")
    key, token = run(town.keys.create(bond))
    assert town.accounts.authenticate(str(token)) is None
    assert run(town.accounts.resolve(str(token))).limits == ()
    run(town.keys.change(bond, key.id, concurrent=3))
    assert town.accounts.authenticate(str(token)) is None
    assert told(run(town.accounts.resolve(str(token)))) == [("key", key.id, CallLimits(concurrent=3))]
    run(town.keys.change(bond, key.id, concurrent=None))
    assert run(town.accounts.resolve(str(token))).limits == ()


def test_what_is_not_named_stays_as_it_is() -> None:
    town = Town()
    bond = town.account("bond")
    key, _ = run(town.keys.create(bond, rate="100/min", concurrent=3))
    assert run(town.keys.change(bond, key.id, concurrent=5))[0].limits == CallLimits(HUNDRED, 5)
    assert run(town.keys.change(bond, key.id, rate=None)) == (
        run(town.keys.of_account(bond))[0][0],
        "bond",
    )
    assert run(town.accounts.change(town.admin, "bond", rate="100/min")).limits == CallLimits(HUNDRED)
    changed = run(town.accounts.change(town.admin, "bond", disabled=True))
    assert (changed.disabled, changed.limits) == (True, CallLimits(HUNDRED))
    assert run(town.accounts.change(town.admin, "bond", rate=None)).disabled


def test_the_platforms_default_counts_for_an_account_that_has_no_limit_of_its_own() -> None:
    town = Town()
    bond = town.account("bond")
    _, token = run(town.keys.create(bond))
    town.accounts = Accounts(town.store, town.clock, town.entropy, CallLimits(HUNDRED, 10))
    assert told(town.principal(token)) == [("account", bond.account_id, CallLimits(HUNDRED, 10))]
    run(town.accounts.change(town.admin, "bond", rate="5000/s"))
    assert told(town.principal(token)) == [("account", bond.account_id, CallLimits(RateLimit(5000, 1), 10))]
    run(town.accounts.change(town.admin, "bond", rate=None))
    assert told(town.principal(token)) == [("account", bond.account_id, CallLimits(HUNDRED, 10))]


@pytest.mark.parametrize("rate", ["fast", "100", "-1/s", "100/year", ""])
def test_a_rate_that_can_not_be_read_is_refused_everywhere(rate: str) -> None:
    town = Town()
    key, _ = run(town.keys.create(town.admin))
    ways: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: town.keys.create(town.admin, rate=rate),
        lambda: town.keys.change(town.admin, key.id, rate=rate),
        lambda: town.accounts.change(town.admin, "admin", rate=rate),
    ]
    for way in ways:
        error = refusal(lambda way=way: run(way()))  # type: ignore[misc]
        assert isinstance(error, BadRequest)
        assert "100/min" in error.detail


@pytest.mark.parametrize("concurrent", [-1, 10**9 + 1])
def test_a_number_of_open_jobs_out_of_range_is_refused(concurrent: int) -> None:
    town = Town()
    with pytest.raises(BadRequest):
        run(town.keys.create(town.admin, concurrent=concurrent))


def test_only_administrators_limit_accounts() -> None:
    town = Town()
    bond = town.account("bond")
    town.account("q")
    error = refusal(lambda: run(town.accounts.change(bond, "bond", rate="100/min")))
    assert isinstance(error, Forbidden)
    check_hidden(lambda name: run(town.accounts.change(bond, name, concurrent=5)), "q", "nobody")
    assert run(town.accounts.get(bond, "bond")).limits == NO_LIMITS


def test_an_account_limits_its_own_keys_and_knows_of_no_others() -> None:
    town = Town()
    bond, q = town.account("bond"), town.account("q")
    key, _ = run(town.keys.create(q))
    check_hidden(lambda key_id: run(town.keys.change(bond, key_id, concurrent=0)), key.id, "5f3c9a7be2d4")
    assert run(town.keys.change(q, key.id, concurrent=0))[0].limits == CallLimits(concurrent=0)
    assert run(town.keys.change(town.admin, key.id, concurrent=None)) == (key, "q")


def test_limits_of_a_key_take_the_scope_deploy_even_for_the_key_itself() -> None:
    town = Town()
    bond = town.account("bond")
    key, token = run(town.keys.create(bond, scopes=["call", "read"]))
    error = refusal(lambda: run(town.keys.change(town.principal(token), key.id, concurrent=5)))
    assert isinstance(error, Forbidden)
    assert "deploy" in error.detail


def test_a_key_with_limits_can_not_rid_itself_of_them() -> None:
    town = Town()
    bond = town.account("bond")
    free, _ = run(town.keys.create(bond))
    slow, _ = limited(town, bond, rate="100/min")
    ways: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: town.keys.change(slow, slow.key_id, rate=None),
        lambda: town.keys.change(slow, free.id, rate="1/s"),
        lambda: town.keys.create(slow),
        lambda: town.keys.create(slow, rate="100/min"),
        lambda: town.keys.rotate(slow, free.id),
    ]
    for way in ways:
        error = refusal(lambda way=way: run(way()))  # type: ignore[misc]
        assert isinstance(error, Forbidden)
        assert "limits of its own" in error.detail
    assert len(run(town.keys.of_account(bond))) == 3


def test_a_key_with_limits_may_rotate_itself_and_keeps_them() -> None:
    town = Town()
    bond = town.account("bond")
    slow, _ = limited(town, bond, concurrent=4)
    key, token = run(town.keys.rotate(slow, slow.key_id))
    assert key.limits == CallLimits(concurrent=4)
    assert told(town.principal(token)) == [("key", slow.key_id, CallLimits(concurrent=4))]


def test_limits_of_the_account_alone_do_not_keep_it_from_managing_its_keys() -> None:
    town = Town()
    bond = town.account("bond")
    key, token = run(town.keys.create(bond))
    run(town.accounts.change(town.admin, "bond", concurrent=0))
    assert run(town.keys.change(town.principal(token), key.id, rate="5/s"))[0].limits == CallLimits(RateLimit(5, 1))


def test_an_administrator_is_never_locked_out_by_a_limit() -> None:
    town = Town()
    run(town.keys.change(town.admin, town.admin.key_id, rate="0/s"))
    again = town.principal(town.admin_token)
    assert again.holds_limits()
    run(town.keys.change(again, again.key_id, rate=None))
    assert town.principal(town.admin_token).limits == ()


def test_whoever_counts_is_told_whose_limits_have_changed() -> None:
    town = Town()
    bond = town.account("bond")
    changed: list[str] = []
    town.accounts.on_limits_changed = town.keys.on_limits_changed = changed.append
    key, _ = run(town.keys.create(bond))
    run(town.accounts.change(town.admin, "bond", disabled=True))
    run(town.accounts.change(town.admin, "bond", disabled=False))
    assert changed == []
    run(town.keys.change(bond, key.id, rate="1/s"))
    run(town.accounts.change(town.admin, "bond", concurrent=1))
    assert changed == [key.id, bond.account_id]
    changed.clear()
    with pytest.raises(NotFound):
        run(town.keys.change(bond, "5f3c9a7be2d4", rate="1/s"))
    assert changed == []
    run(town.keys.revoke(bond, key.id))
    run(town.accounts.remove(town.admin, "bond"))
    assert changed[:2] == [key.id, bond.account_id]
    assert sorted(changed[2:]) == sorted([bond.key_id, key.id])
