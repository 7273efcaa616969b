"""Keys: which secret opens which key, and when; and what a principal may do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.accounts import Principal, Role, Scope
from trivet.platform.core.keys import ApiKey, KeyState, Token, hash_secret, rotate

KEY = ApiKey("0a1b2c", "acc_q", "", frozenset({Scope.CALL}), hash_secret("first"), created_at=0.0, expires_at=1000.0)
MOMENTS = st.floats(0.0, 2000.0)


def test_a_key_opens_for_its_secret_alone() -> None:
    assert KEY.accepts("first", 10.0)
    assert not KEY.accepts("second", 10.0)
    assert not KEY.accepts("", 10.0)
    assert not KEY.accepts(hash_secret("first"), 10.0)


def test_a_key_is_over_at_its_expiry() -> None:
    assert (KEY.state(999.9), KEY.state(1000.0)) == (KeyState.ACTIVE, KeyState.EXPIRED)
    assert not KEY.accepts("first", 1000.0)
    assert replace(KEY, expires_at=None).accepts("first", 1e12)


def test_a_revoked_key_opens_for_nobody() -> None:
    rotated = rotate(KEY, hash_secret("second"), 10.0, overlap=50.0, lifetime=None)
    revoked = replace(rotated, revoked_at=20.0)
    assert revoked.state(21.0) is KeyState.REVOKED
    assert not revoked.accepts("first", 21.0)
    assert not revoked.accepts("second", 21.0)


def test_while_a_rotation_overlaps_both_secrets_count() -> None:
    rotated = rotate(KEY, hash_secret("second"), 10.0, overlap=50.0, lifetime=500.0)
    assert rotated.state(59.9) is KeyState.ROTATING
    assert rotated.accepts("first", 59.9)
    assert rotated.accepts("second", 10.0)
    assert rotated.state(60.0) is KeyState.ACTIVE
    assert not rotated.accepts("first", 60.0)
    assert rotated.accepts("second", 509.9)
    assert not rotated.accepts("second", 510.0)


def test_a_second_rotation_ends_the_first_secret() -> None:
    twice = rotate(rotate(KEY, hash_secret("second"), 10.0, 50.0, None), hash_secret("third"), 20.0, 50.0, None)
    assert [twice.accepts(secret, 30.0) for secret in ("first", "second", "third")] == [False, True, True]
    assert twice.expires_at is None


@given(
    expires_at=st.none() | MOMENTS,
    previous_until=st.none() | MOMENTS,
    secret=st.sampled_from(["first", "second", "other"]),
    now=MOMENTS,
    later=st.floats(0.0, 500.0),
)
def test_an_answer_holds_until_the_moment_that_is_named(
    expires_at: float | None, previous_until: float | None, secret: str, now: float, later: float
) -> None:
    key = replace(KEY, expires_at=expires_at, previous_hash=hash_secret("second"), previous_until=previous_until)
    until = key.valid_until(now)
    if until is None or now + later < until:
        assert key.accepts(secret, now) == key.accepts(secret, now + later)


def test_secrets_stand_in_no_repr() -> None:
    token = Token("0a1b2c", "topsecret")
    assert "topsecret" not in repr(token)
    assert KEY.secret_hash not in repr(KEY)


@given(entropy=st.binary(min_size=31, max_size=31))
def test_a_token_survives_its_text(entropy: bytes) -> None:
    token = Token.make(entropy)
    assert Token.parse(str(token)) == token
    assert (len(token.key_id), len(token.secret)) == (12, 40)
    assert str(token).startswith(f"{token.client_key}_")
    assert str(token).isascii()


@pytest.mark.parametrize(
    "text",
    ["", "trv", "trv__", "trv_a", "trv_a_", "trv__b", "xyz_a_b", "trv_a_b_c", "TRV_a_b", "trv_ä_b", "trv_a_\ud800"],
)
def test_what_has_not_the_shape_of_a_token_is_none(text: str) -> None:
    assert Token.parse(text) is None


@given(text=st.text(st.characters()) | st.text("trv_a\ud800"))
def test_any_text_can_be_asked_whether_it_is_a_token(text: str) -> None:
    token = Token.parse(text)
    assert token is None or (str(token) == text and not KEY.accepts(token.secret, 10.0))


def principal(**fields: object) -> Principal:
    return replace(Principal("acc_q", "q", "key", frozenset({Scope.CALL})), **fields)  # type: ignore[arg-type]


def test_an_administrator_administers_only_with_a_key_that_has_the_scope() -> None:
    assert not principal(administrator=True).administers()
    assert not principal(scopes=frozenset({Scope.ADMIN})).administers()
    assert principal(administrator=True, scopes=frozenset({Scope.ADMIN})).administers()


@pytest.mark.parametrize(("role", "manages"), [(Role.OWNER, True), (Role.ADMIN, True), (Role.MEMBER, False)])
def test_owners_and_admins_manage_what_their_organization_owns(role: Role, manages: bool) -> None:
    member = principal(roles={"org_mi6": role})
    assert member.manages("org_mi6") is manages
    assert member.owns("org_mi6")
    assert member.manages("acc_q")
    assert not member.manages("acc_bond")
    assert not member.owns("org_cia")
