"""Keys that can be switched off, the day on which they end, and what may be said of one that opens nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from trivet.platform.core.accounts import Account, Scope
from trivet.platform.core.keys import ApiKey, KeyState, end_of_day_in, hash_secret, why_shut

KEY = ApiKey("0a1b2c", "acc_q", "", frozenset({Scope.CALL}), hash_secret("first"), created_at=0.0)
Q = Account("acc_q", "q", 0.0)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_disabled_key_opens_nothing_until_it_is_enabled_again() -> None:
    disabled = replace(KEY, disabled=True)
    assert disabled.state(1.0) is KeyState.DISABLED
    assert not disabled.accepts("first", 1.0)
    assert disabled.is_proved("first", 1.0)
    assert not disabled.is_proved("second", 1.0)
    assert replace(disabled, disabled=False).accepts("first", 1.0)


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (replace(KEY, disabled=True, expires_at=1.0), KeyState.DISABLED),
        (replace(KEY, disabled=True, revoked_at=1.0), KeyState.REVOKED),
        (replace(KEY, expires_at=1.0), KeyState.EXPIRED),
        (replace(KEY, previous_hash="x", previous_until=9.0), KeyState.ROTATING),
        (KEY, KeyState.ACTIVE),
    ],
)
def test_only_two_states_count(key: ApiKey, state: KeyState) -> None:
    assert key.state(2.0) is state
    assert state.counts == (state in (KeyState.ACTIVE, KeyState.ROTATING))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expires_at": at("2026-05-01T23:59:59.999")}, "API key expired on 2026-05-01."),
        ({"revoked_at": at("2026-04-30T00:00:00")}, "API key revoked on 2026-04-30."),
        ({"disabled": True}, "API key disabled."),
        ({"disabled": True, "expires_at": 1.0}, "API key disabled."),
        ({}, ""),
    ],
)
def test_why_a_key_opens_nothing_is_said_in_a_sentence(changes: dict[str, Any], said: str) -> None:
    assert why_shut(replace(KEY, **changes), Q, at("2026-05-02T00:00:00")) == said


def test_a_key_of_a_disabled_account_opens_nothing() -> None:
    assert why_shut(KEY, replace(Q, disabled=True), 1.0) == "The account of this API key is disabled."


@pytest.mark.parametrize(
    ("now", "months", "end"),
    [
        ("2026-02-01T10:00:00", 3, "2026-05-01T23:59:59.999"),
        ("2026-11-30T23:59:59", 3, "2027-02-28T23:59:59.999"),
        ("2026-08-31T00:00:00", 6, "2027-02-28T23:59:59.999"),
        ("2027-08-31T00:00:00", 6, "2028-02-29T23:59:59.999"),
        ("2026-07-01T12:00:00", 6, "2027-01-01T23:59:59.999"),
    ],
)
def test_a_day_some_months_ahead_ends_with_its_last_moment(now: str, months: int, end: str) -> None:
    assert end_of_day_in(months, at(now)) == pytest.approx(at(end), abs=1e-6)
