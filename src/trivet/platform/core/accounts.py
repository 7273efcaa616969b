"""People: accounts and organizations, who asks, and what that one may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from trivet.platform.core.limits import NO_LIMITS, CallLimits, HeldLimits, Holder


class Scope(StrEnum):
    """What a key may be used for. ``work`` is for workers that live elsewhere: they serve the endpoints its account manages."""

    CALL = "call"
    READ = "read"
    DEPLOY = "deploy"
    DATA = "data"
    WORK = "work"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)
JOB_SCOPES = frozenset({Scope.CALL, Scope.DATA})
"""What a job may do on its caller's behalf, where the caller's key may."""
DEFAULT_SCOPES = frozenset({Scope.CALL, Scope.READ, Scope.DEPLOY, Scope.DATA})


class Role(StrEnum):
    """What a member is in an organization."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


MANAGERS = frozenset({Role.OWNER, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Account:
    """A person or a program that owns endpoints and keys. ``administrator`` may look after everybody's.

    ``limits`` are its own, for all its keys together; the platform may have others for who has none. ``public_key`` is text that
    the account keeps here, for machines that are to know it; the platform does nothing with it. ``extras`` is what dialects keep
    in their own words, each under its own name: a JSON object. ``email`` is the address that an administrator has vouched for;
    empty where none has. ``picture`` tells its `Picture` from others; empty where it has none.
    """

    id: str
    name: str
    created_at: float
    administrator: bool = False
    disabled: bool = False
    limits: CallLimits = NO_LIMITS
    public_key: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)
    email: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """A named group of accounts that can own endpoints. Accounts and organizations share one space of names.

    ``extras`` is what dialects keep in their own words, each under its own name: a JSON object. ``number`` is an integer of its
    own, for callers who know it by one. Of one that is ``public`` everybody may know, and share endpoints with it; what is shared
    with it is still for its members alone.
    """

    id: str
    name: str
    created_at: float
    extras: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    public: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """An account's role in an organization."""

    organization_id: str
    account_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class Within:
    """The job that asks, where a job does: its endpoint and whose that is. ``root_id`` is the job at the top of the tree of calls
    that it belongs to, ``depth`` how many calls lie between the two.
    """

    job_id: str
    root_id: str
    endpoint_id: str
    endpoint_name: str
    owner_id: str
    owner_name: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks now: the one value that goes into every service.

    ``roles`` maps organization ids to the account's role there. ``limits`` are all that its calls have to keep: those of the
    key and those of the account. Empty, as it is for most, it is all that a call costs which has none. ``within``: the job that
    asks, on behalf of the account that has called it.
    """

    account_id: str
    account_name: str
    key_id: str
    scopes: frozenset[Scope]
    roles: Mapping[str, Role] = field(default_factory=dict)
    administrator: bool = False
    limits: tuple[HeldLimits, ...] = ()
    within: Within | None = None

    def as_job(self, within: Within, most_open: int) -> Principal:
        """The same account as one of its jobs acts for it: it calls and reads data, and looks after nothing.

        Args:
            within: the job.
            most_open: how many jobs the whole tree below its root may have open.
        """
        tree = HeldLimits(Holder.TREE, within.root_id, within.root_id, CallLimits(concurrent=most_open))
        return replace(
            self, scopes=self.scopes & JOB_SCOPES, administrator=False, within=within, limits=(*self.limits, tree)
        )

    def has(self, scope: Scope) -> bool:
        """Whether the key carries ``scope``."""
        return scope in self.scopes

    def holds_limits(self) -> bool:
        """Whether the key itself has limits, beside those of its account."""
        return any(held.holder is Holder.KEY for held in self.limits)

    def owns(self, owner_id: str) -> bool:
        """Whether ``owner_id`` is this account or an organization it belongs to."""
        return owner_id == self.account_id or owner_id in self.roles

    def manages(self, owner_id: str) -> bool:
        """Whether this account may change what ``owner_id`` owns."""
        return self.administers() or owner_id == self.account_id or self.roles.get(owner_id) in MANAGERS

    def administers(self) -> bool:
        """Whether this is an administrator using a key with the scope for it."""
        return self.administrator and Scope.ADMIN in self.scopes
