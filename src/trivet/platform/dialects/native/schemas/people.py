"""Documents of accounts, keys, organizations and secrets."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from trivet.platform.dialects.native.schemas.document import Document, Request


class Account(Document):
    """A person or a program that owns endpoints and keys. `rate` (`100/min`) and `concurrent` (open jobs) are limits for all its
    keys together; null: as the platform's default is. `email` is an address that an administrator has vouched for.
    """

    id: str
    name: str
    administrator: bool
    disabled: bool
    created_at: str
    rate: str | None = None
    concurrent: int | None = None
    email: str | None = None


class AccountRequest(Request):
    """The account to make. `email` is an address that you vouch for: invitations to organizations reach the account under it."""

    name: str
    email: str = ""


class AccountChange(Request):
    """What to change; a field that is not there stays as it is. `disabled`: whether the account's keys stop to count. `rate` and
    `concurrent` are limits for all its keys together; null takes a limit away. `email` is an address that you vouch for; an empty
    text takes it away.
    """

    disabled: bool | UnsetType = UNSET
    rate: str | UnsetType | None = UNSET
    concurrent: int | UnsetType | None = UNSET
    email: str | UnsetType = UNSET


class Key(Document):
    """An API key, without its secret. `rate` and `concurrent` are its own limits, beside those of its account."""

    id: str
    label: str
    account: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    state: Literal["active", "disabled", "expired", "revoked", "rotating"]
    rate: str | None = None
    concurrent: int | None = None


class NewKey(Document):
    """A key just made. `key` is the whole token and `secret` its secret half: shown this once, kept only as a hash."""

    id: str
    key: str
    secret: str
    label: str
    account: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    rate: str | None = None
    concurrent: int | None = None


class KeyRequest(Request):
    """The key to make. Left out, `scopes` are the usual ones and `expires_days` is 182.

    A key that never expires has to be asked for in so many words. `account` is for administrators. `rate` (`100/min`) says how
    often it may call, `concurrent` how many jobs it may have open.
    """

    label: str = ""
    scopes: list[str] | None = None
    expires_days: float | None = None
    never_expires: bool = False
    account: str | None = None
    rate: str | None = None
    concurrent: int | None = None


class KeyChange(Request):
    """What to change; a field that is not there stays as it is. Null takes a limit away. `disabled`: whether the key stops to
    count, until it is enabled again.
    """

    rate: str | UnsetType | None = UNSET
    concurrent: int | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class Rotation(Request):
    """How long the old secret goes on counting."""

    overlap_hours: float = 24.0


class Membership(Document):
    """An organization, and what one is in it."""

    name: str
    role: str


class Me(Document):
    """Who asks, and what the key may do."""

    account: Account
    key: Key
    organizations: list[Membership]
    scopes: list[str]


class Member(Document):
    """An account in an organization."""

    account: str
    role: Literal["owner", "admin", "member"]


class Organization(Document):
    """A group of accounts that can own endpoints. `role` is one's own; `members` come with a single organization. Everybody may
    know of one that is `public`, and share endpoints with it; what is shared with it is for its members alone. `number` is its
    integer, for callers of the Jaqpot dialect.
    """

    id: str
    name: str
    created_at: str
    number: int
    public: bool
    role: str | None = None
    members: list[Member] | UnsetType = UNSET


class OrganizationRequest(Request):
    """The organization to make. `public`: whether everybody may know of it, and share endpoints with it."""

    name: str
    public: bool = False


class MemberRequest(Request):
    """The role to give."""

    role: Literal["owner", "admin", "member"]


class Secret(Document):
    """A secret's name. Its value never comes back."""

    name: str


class SecretRequest(Request):
    """The value to keep, encrypted."""

    value: str
