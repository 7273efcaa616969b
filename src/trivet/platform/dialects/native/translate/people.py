"""Accounts, keys and organizations as documents."""

from __future__ import annotations

from trivet.platform.core import accounts, keys
from trivet.platform.core.accounts import Role
from trivet.platform.core.keys import KeyState, Token
from trivet.platform.core.limits import CallLimits
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.services.accounts import Me
from trivet.platform.services.organizations import OrganizationView
from trivet.platform.wire.times import rfc3339


def account(value: accounts.Account) -> schemas.Account:
    """An account's document."""
    return schemas.Account(
        id=value.id,
        name=value.name,
        administrator=value.administrator,
        disabled=value.disabled,
        created_at=rfc3339(value.created_at),
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
        email=value.email or None,
    )


def _rate(limits: CallLimits) -> str | None:
    return None if limits.rate is None else str(limits.rate)


def key(value: keys.ApiKey, account_name: str, now: float) -> schemas.Key:
    """A key's document."""
    state: KeyState = value.state(now)
    return schemas.Key(
        id=value.id,
        label=value.label,
        account=account_name,
        scopes=sorted(value.scopes),
        created_at=rfc3339(value.created_at),
        expires_at=rfc3339(value.expires_at),
        last_used_at=rfc3339(value.last_used_at),
        revoked_at=rfc3339(value.revoked_at),
        state=state.value,
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
    )


def new_key(value: keys.ApiKey, token: Token, account_name: str) -> schemas.NewKey:
    """A key just made, with its secret."""
    return schemas.NewKey(
        id=value.id,
        key=str(token),
        secret=token.secret,
        label=value.label,
        account=account_name,
        scopes=sorted(value.scopes),
        created_at=rfc3339(value.created_at),
        expires_at=rfc3339(value.expires_at),
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
    )


def me(value: Me, scopes: frozenset[accounts.Scope], now: float) -> schemas.Me:
    """Who asks."""
    return schemas.Me(
        account=account(value.account),
        key=key(value.key, value.account.name, now),
        organizations=[schemas.Membership(name=org.name, role=role.value) for org, role in value.memberships],
        scopes=sorted(scopes),
    )


def organization(value: accounts.Organization, role: Role | None) -> schemas.Organization:
    """An organization in a listing."""
    return schemas.Organization(
        id=value.id,
        name=value.name,
        created_at=rfc3339(value.created_at),
        number=value.number,
        public=value.public,
        role=None if role is None else role.value,
    )


def organization_with_members(view: OrganizationView, account_id: str) -> schemas.Organization:
    """An organization with its members, as the account ``account_id`` sees it."""
    return schemas.Organization(
        id=view.organization.id,
        name=view.organization.name,
        created_at=rfc3339(view.organization.created_at),
        number=view.organization.number,
        public=view.organization.public,
        role=next((role.value for member, role in view.members if member.id == account_id), None),
        members=[schemas.Member(account=member.name, role=role.value) for member, role in view.members],
    )
