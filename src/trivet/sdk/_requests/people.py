"""Accounts and organizations, their keys, and their secrets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import API, segment, with_json, with_query


def me() -> Request:
    """Who asks."""
    return Request("GET", f"{API}/me")


def accounts(*, cursor: str | None = None) -> Request:
    """A page of accounts."""
    return Request("GET", with_query(f"{API}/accounts", {"cursor": cursor}))


def account_create(name: str, *, email: str = "") -> Request:
    """Make an account."""
    return with_json("POST", f"{API}/accounts", {"name": name} | ({"email": email} if email else {}))


def account(name: str) -> Request:
    """One account."""
    return Request("GET", f"{API}/accounts/{segment(name, 'account')}")


def account_update(
    name: str,
    *,
    disabled: bool | None = None,
    rate: str | None = None,
    concurrent: int | Literal["none"] | None = None,
    email: str | None = None,
) -> Request:
    """Disable or enable an account, or change its limits or its address."""
    said = {"disabled": disabled, "email": email}
    changes = {name: value for name, value in said.items() if value is not None} | _limits(rate, concurrent)
    return with_json("PATCH", f"{API}/accounts/{segment(name, 'account')}", changes)


def account_delete(name: str) -> Request:
    """Delete an account."""
    return Request("DELETE", f"{API}/accounts/{segment(name, 'account')}")


def keys(*, account: str | None = None, cursor: str | None = None) -> Request:
    """A page of keys: the asker's own, or those of ``account``."""
    return Request("GET", with_query(f"{API}/keys", {"account": account, "cursor": cursor}))


def key_create(
    *,
    label: str = "",
    scopes: Iterable[str] | None = None,
    expires_days: float | None = None,
    never_expires: bool = False,
    account: str | None = None,
    rate: str | None = None,
    concurrent: int | None = None,
) -> Request:
    """Make a key; what is not given is the server's to choose."""
    fields = {
        "label": label,
        "scopes": list(scopes) if scopes is not None else None,
        "expires_days": expires_days,
        "never_expires": True if never_expires else None,
        "account": account,
        "rate": rate,
        "concurrent": concurrent,
    }
    return with_json("POST", f"{API}/keys", {name: value for name, value in fields.items() if value is not None})


def key_limit(key_id: str, *, rate: str | None = None, concurrent: int | Literal["none"] | None = None) -> Request:
    """Change a key's limits."""
    return with_json("PATCH", f"{API}/keys/{segment(key_id, 'key')}", _limits(rate, concurrent))


def key_switch(key_id: str, *, disabled: bool) -> Request:
    """Disable a key, or enable it again."""
    return with_json("PATCH", f"{API}/keys/{segment(key_id, 'key')}", {"disabled": disabled})


def key_rotate(key_id: str, *, overlap_hours: float) -> Request:
    """A new secret for a key; the old one counts for the overlap."""
    return with_json("POST", f"{API}/keys/{segment(key_id, 'key')}/rotate", {"overlap_hours": overlap_hours})


def key_revoke(key_id: str) -> Request:
    """End a key."""
    return Request("DELETE", f"{API}/keys/{segment(key_id, 'key')}")


def organizations(*, cursor: str | None = None) -> Request:
    """A page of organizations."""
    return Request("GET", with_query(f"{API}/orgs", {"cursor": cursor}))


def organization_create(name: str, *, public: bool = False) -> Request:
    """Make an organization."""
    return with_json("POST", f"{API}/orgs", {"name": name} | ({"public": True} if public else {}))


def organization(name: str) -> Request:
    """One organization with its members."""
    return Request("GET", f"{API}/orgs/{segment(name, 'organization')}")


def organization_delete(name: str) -> Request:
    """Delete an organization."""
    return Request("DELETE", f"{API}/orgs/{segment(name, 'organization')}")


def member_put(organization: str, account: str, role: str) -> Request:
    """Give an account a role in an organization."""
    return with_json("PUT", _member(organization, account), {"role": role})


def member_delete(organization: str, account: str) -> Request:
    """Take an account out of an organization."""
    return Request("DELETE", _member(organization, account))


def secrets(owner: str | None = None, *, cursor: str | None = None) -> Request:
    """A page of the names of an owner's secrets."""
    return Request("GET", with_query(f"{API}/secrets", {"owner": owner, "cursor": cursor}))


def secret_put(name: str, value: str, owner: str | None = None) -> Request:
    """Store a secret of an owner."""
    return with_json("PUT", with_query(_secret(name), {"owner": owner}), {"value": value})


def secret_delete(name: str, owner: str | None = None) -> Request:
    """Delete a secret of an owner."""
    return Request("DELETE", with_query(_secret(name), {"owner": owner}))


def _secret(name: str) -> str:
    return f"{API}/secrets/{segment(name, 'secret')}"


def _member(organization: str, account: str) -> str:
    return f"{API}/orgs/{segment(organization, 'organization')}/members/{segment(account, 'account')}"


def _limits(rate: str | None, concurrent: int | Literal["none"] | None) -> dict[str, Any]:
    """The change of limits: ``none`` takes one away, None leaves it as it is."""
    wanted = {"rate": rate, "concurrent": concurrent}
    return {name: None if value == "none" else value for name, value in wanted.items() if value is not None}
