"""Why a key does not count is for those who have its secret; everybody else gets one and the same answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.services.town import Town, refusal, run, words
from trivet.platform.core.errors import Conflict, Forbidden, Unauthenticated
from trivet.platform.core.keys import DAY, Token


def expire(town: Town, token: Token) -> None:
    town.now += 183 * DAY


def disable(town: Town, token: Token) -> None:
    run(town.keys.change(town.admin, token.key_id, disabled=True))


def revoke(town: Town, token: Token) -> None:
    run(town.keys.revoke(town.admin, token.key_id))


def disable_account(town: Town, token: Token) -> None:
    run(town.accounts.change(town.admin, "bond", disabled=True))


WAYS = [
    (expire, "API key expired on 1970-07-13."),
    (disable, "API key disabled."),
    (revoke, "API key revoked on 1970-01-12."),
    (disable_account, "The account of this API key is disabled."),
]


@pytest.fixture
def town() -> Town:
    town = Town()
    run(town.accounts.create(town.admin, "bond"))
    return town


@pytest.mark.parametrize(("way", "said"), WAYS)
def test_who_has_the_secret_is_told_why_the_key_does_not_count(
    town: Town, way: Callable[[Town, Token], None], said: str
) -> None:
    token = town.token("bond")
    assert town.principal(token).account_name == "bond"  # and the answer is remembered
    way(town, token)
    assert town.accounts.authenticate(str(token)) is None
    error = refusal(lambda: town.principal(token))
    assert (type(error), error.detail) == (Unauthenticated, said)
    assert str(token) not in error.hint


@pytest.mark.parametrize(("way", "_"), WAYS)
def test_without_the_secret_nothing_tells_such_a_key_from_one_that_there_is_not(
    town: Town, way: Callable[[Town, Token], None], _: str
) -> None:
    token = town.token("bond")
    wrong, missing = Token(token.key_id, "x" * 40), Token("0" * 12, token.secret)
    before = words(refusal(lambda: town.principal(wrong)))
    way(town, token)
    assert words(refusal(lambda: town.principal(wrong))) == before == words(refusal(lambda: town.principal(missing)))


def test_an_old_secret_whose_time_is_over_is_a_wrong_one(town: Town) -> None:
    token = town.token("bond")
    run(town.keys.rotate(town.admin, token.key_id, 60.0))
    town.now += 61.0
    run(town.keys.change(town.admin, token.key_id, disabled=True))
    generic = words(refusal(lambda: town.principal(Token("0" * 12, "x"))))
    assert words(refusal(lambda: town.principal(token))) == generic


def test_a_disabled_key_counts_again_once_it_is_enabled(town: Town) -> None:
    token = town.token("bond", "deploy", "read")
    bond = town.principal(town.token("bond"))
    key, name = run(town.keys.change(bond, token.key_id, disabled=True, label="laptop"))
    assert (key.disabled, key.label, name) == (True, "laptop", "bond")
    with pytest.raises(Unauthenticated):
        town.principal(token)
    with pytest.raises(Conflict, match="disabled"):
        run(town.keys.rotate(bond, token.key_id))
    run(town.keys.change(bond, token.key_id, disabled=False))
    assert town.principal(token).key_id == token.key_id


def test_a_revoked_key_is_never_enabled(town: Town) -> None:
    token = town.token("bond")
    revoke(town, token)
    with pytest.raises(Conflict, match="for ever"):
        run(town.keys.change(town.admin, token.key_id, disabled=False))


def test_a_key_with_limits_of_its_own_switches_keys_off_and_none_on(town: Town) -> None:
    _, slow = run(town.keys.create(town.admin, account_name="bond", rate="1/s"))
    other = town.token("bond")
    asker = town.principal(slow)
    run(town.keys.change(asker, other.key_id, disabled=True))
    with pytest.raises(Forbidden, match="limits of its own"):
        run(town.keys.change(asker, other.key_id, disabled=False))


def test_a_platform_whose_administrators_keys_are_all_disabled_makes_one_at_its_start(town: Town) -> None:
    assert run(town.accounts.bootstrap()) is None
    run(town.keys.change(town.admin, town.admin_token.key_id, disabled=True))
    made = run(town.accounts.bootstrap())
    assert made is not None
    assert town.principal(made[1]).administers()


def test_a_key_for_some_months_works_until_the_end_of_its_last_day(town: Town) -> None:
    bond = town.principal(town.token("bond"))
    key, token = run(town.keys.create(bond, months=3))
    assert key.expires_at == pytest.approx(102 * DAY - 0.001)  # made on 12 January, it ends with 12 April
    town.now = 102 * DAY - 0.01
    assert town.principal(token).account_name == "bond"
    town.now = 102 * DAY
    assert refusal(lambda: town.principal(token)).detail == "API key expired on 1970-04-12."
