"""What Jaqpot's clients send of people and keys, as structs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=2000)]
Description = Annotated[str, Meta(max_length=50_000)]


class KeyRequest(msgspec.Struct, frozen=True, rename="camel"):
    """The key to make."""

    expiration_time: Literal["THREE_MONTHS", "SIX_MONTHS"]
    note: str | None = None


class KeyChange(msgspec.Struct, frozen=True):
    """What to change about a key; null leaves it."""

    note: str | None = None
    enabled: bool | None = None


class OrganizationRequest(msgspec.Struct, frozen=True, rename="camel"):
    """An organization to make, or what it shall be. What is null, or not there, is left as it is."""

    name: str
    contact_email: Text
    visibility: Literal["PUBLIC", "PRIVATE"]
    description: Description | None = None
    contact_phone: Text | None = None
    website: Text | None = None
    address: Text | None = None


class RoleChange(msgspec.Struct, frozen=True, rename="camel"):
    """What a member shall be."""

    association_type: Literal["ADMIN", "MEMBER"]


class InvitationRequest(msgspec.Struct, frozen=True):
    """Whom to invite: e-mail addresses, or names of accounts that have none."""

    emails: Annotated[list[Text], Meta(min_length=1, max_length=10)]


class InvitationAnswer(msgspec.Struct, frozen=True):
    """An answer. Clients send the whole invitation; all but this is passed over."""

    status: Literal["ACCEPTED", "REJECTED"]


class SettingsChange(msgspec.Struct, frozen=True, rename="camel"):
    """How somebody likes the web pages; what else clients send is not theirs to set."""

    dark_mode: bool | None = None
    collapse_sidebar: bool | None = None
