"""Accounts and organizations, their keys, and their secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class AccountInfo(Model):
    """A person or a program that owns endpoints and keys.

    ``rate`` (``100/min``) and ``concurrent`` (open jobs) are limits for all its keys together; None where it has none of its own.
    ``email`` is an address that an administrator has vouched for.
    """

    name: str
    id: str | None = None
    administrator: bool = False
    disabled: bool = False
    created_at: datetime | None = None
    rate: str | None = None
    concurrent: int | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class KeyInfo(Model):
    """An API key without its secret; ``state`` is active, rotating, disabled, expired or revoked.

    ``rate`` and ``concurrent`` are its own limits, beside those of its account.
    """

    id: str
    label: str | None = None
    account: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    state: str = "active"
    rate: str | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey(Model):
    """A key just made. ``key`` is the whole token; it is shown this once, and hidden in the repr."""

    id: str
    key: str = field(repr=False)
    label: str | None = None
    account: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    rate: str | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class MemberInfo(Model):
    """An account in an organization; ``role`` is owner, admin or member."""

    account: str
    role: str


@dataclass(frozen=True, slots=True)
class OrganizationInfo(Model):
    """A named group of accounts. ``role`` is the asker's own; ``members`` come with `get` only.

    Everybody may know of one that is ``public``, and share endpoints with it. ``number`` is its integer in the Jaqpot dialect.
    """

    name: str
    id: str | None = None
    role: str | None = None
    created_at: datetime | None = None
    members: tuple[MemberInfo, ...] = ()
    number: int | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class SecretInfo(Model):
    """A secret's name; its value never comes back."""

    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Me(Model):
    """Who asks: the account, the key in use, the organizations, and what the key may do."""

    account: AccountInfo
    key: KeyInfo | None = None
    organizations: tuple[OrganizationInfo, ...] = ()
    scopes: tuple[str, ...] = ()
