"""Who may do what to people and keys: decisions only, no store.

One rule holds everywhere. What the principal may not know of is `NotFound`, in the words used for what does not exist; what it
may know of but not do is `Forbidden`. The scope ``read`` is for looking, ``deploy`` for changing what is one's own, ``admin``
for what is others'. `core.endpoints.refusal` is the same rule for endpoints.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from trivet.platform.core.accounts import DEFAULT_SCOPES, Account, Membership, Organization, Principal, Role, Scope
from trivet.platform.core.errors import BadRequest, Conflict, Forbidden, NotFound
from trivet.platform.core.ids import is_name
from trivet.platform.core.invitations import is_address
from trivet.platform.core.keys import DAY, DEFAULT_KEY_DAYS, ApiKey
from trivet.platform.core.limits import MAX_CONCURRENT, CallLimits, Keep, RateLimit

MAX_KEY_DAYS = 3650.0
"""The longest life of a key that expires."""
MAX_OVERLAP = 30 * DAY
"""Seconds that an old secret may go on counting after a rotation, at most."""
MAX_LABEL = 100


# -- scopes and roles ---------------------------------------------------------------------------------------------------


def require(principal: Principal, scope: Scope) -> None:
    """Raises `Forbidden` where the key lacks ``scope``."""
    if not principal.has(scope):
        raise Forbidden.without(scope.value)


def require_administrator(principal: Principal) -> None:
    """Raises `Forbidden` where the principal may not look after everybody's accounts."""
    if not principal.administrator:
        raise Forbidden(
            f"Only an administrator may do that, and {principal.account_name!r} is none.",
            hint="Ask whoever runs this platform.",
        )
    require(principal, Scope.ADMIN)


def require_account(
    principal: Principal, account: Account | None, scope: Scope, reference: str, noun: str = "account"
) -> Account:
    """The account, where the principal may act on it: its own with ``scope``, anybody's as an administrator.

    Args:
        principal: who asks.
        account: what the reference leads to, None where to nothing.
        scope: what it takes on one's own account.
        reference: what the caller wrote.
        noun: what the reference names, where that is a thing of the account.

    Raises:
        NotFound: it does not exist, or is another's.
        Forbidden: the key lacks the scope.
    """
    if account is not None and account.id == principal.account_id:
        if scope is Scope.ADMIN:
            require_administrator(principal)
        require(principal, scope)
        return account
    if principal.administrator:
        require(principal, Scope.ADMIN)
        if account is not None:
            return account
    raise NotFound.of(noun, reference)


def require_organization(principal: Principal, organization: Organization | None, reference: str) -> Organization:
    """The organization, where the principal may know of it: its members and administrators do.

    Raises:
        NotFound: it does not exist, or the principal is no member.
    """
    if organization is None or not (organization.id in principal.roles or principal.administers()):
        raise NotFound.of("organization", reference)
    return organization


def require_known(principal: Principal, organization: Organization | None, reference: str) -> Organization:
    """The organization, where the principal may know that there is one of that name (see `may_share_with`).

    Raises:
        NotFound: it does not exist, or is not for the principal.
    """
    if organization is None or not may_share_with(principal, organization):
        raise NotFound.of("organization", reference)
    return organization


def require_managed(
    principal: Principal, organization: Organization | None, reference: str, *roles: Role
) -> Organization:
    """The organization, where the principal has one of ``roles`` (owner, admin) in it or is an administrator.

    Raises:
        NotFound: it does not exist, or the principal may not know of it.
        Forbidden: its role, or its key, does not reach so far.
    """
    found = require_known(principal, organization, reference)
    require_manager(principal, found, *roles)
    return found


def require_manager(principal: Principal, organization: Organization, *roles: Role) -> None:
    """Raises `Forbidden` where the principal has none of ``roles`` (owner, admin) in it and is no administrator."""
    if principal.administers():
        return
    require(principal, Scope.DEPLOY)
    wanted = roles or (Role.OWNER, Role.ADMIN)
    if principal.roles.get(organization.id) not in wanted:
        raise Forbidden(
            f"Only an {' or '.join(wanted)} of {organization.name!r} may do that.", hint="Ask one of its owners."
        )


def check_member_change(
    principal: Principal,
    organization: Organization,
    account: Account,
    members: Iterable[Membership],
    role: Role | None,
) -> None:
    """Decides whether the account may get ``role`` in the organization; None takes it out.

    Owners may do all; admins add and remove plain members; everybody may leave; the last owner stays.

    Raises:
        Forbidden: the principal's role does not reach so far.
        NotFound: the account is to be taken out and is not in.
        Conflict: the organization would be left without an owner.
    """
    roles = {m.account_id: m.role for m in members}
    before = roles.get(account.id)
    plain = before in (None, Role.MEMBER) and role in (None, Role.MEMBER)
    if role is None and account.id == principal.account_id:
        require(principal, Scope.DEPLOY)
    elif plain:
        require_manager(principal, organization)
    else:
        require_manager(principal, organization, Role.OWNER)
    if role is None and before is None:
        raise NotFound(f"{account.name!r} is no member of {organization.name!r}.")
    owners = [account_id for account_id, held in roles.items() if held is Role.OWNER]
    if role is not Role.OWNER and owners == [account.id]:
        raise Conflict(
            f"{account.name!r} is the last owner of {organization.name!r}.",
            hint="Make another member an owner first, or remove the organization.",
        )


def check_name(noun: str, name: str) -> str:
    """The name itself. Raises `BadRequest` where it can't name an account, an organization or an endpoint."""
    if not is_name(name):
        raise BadRequest(
            f"{name[:80]!r} can't be the name of an {noun}.",
            hint="A name has 1 to 63 letters, digits, `-` and `_`; it begins and ends with a letter or a digit.",
        )
    return name


def check_email(text: str) -> str:
    """An e-mail address, trimmed; empty where ``text`` is. Raises `BadRequest` where it can't be one."""
    address = text.strip()
    if address and not is_address(address):
        raise BadRequest(f"{address[:80]!r} is no e-mail address.", hint="It looks like `ada@lab.example`.")
    return address


def may_share_with(principal: Principal, organization: Organization) -> bool:
    """Whether the principal may know of an organization, and so share endpoints with it: its members, administrators, and
    everybody where it is public. What is shared with it is for its members alone.
    """
    return organization.public or organization.id in principal.roles or principal.administers()


# -- keys ---------------------------------------------------------------------------------------------------------------


def check_label(label: str) -> str:
    """The label, trimmed. Raises `BadRequest` where it is too long or holds control characters."""
    trimmed = label.strip()
    if len(trimmed) > MAX_LABEL or not trimmed.isprintable():
        raise BadRequest(f"A key's label has at most {MAX_LABEL} printable characters.")
    return trimmed


def key_scopes(principal: Principal, account: Account, wanted: Iterable[str] | None) -> frozenset[Scope]:
    """The scopes of a new key; those that are usual where ``wanted`` is None.

    A key never gives more than it has, except that an administrator may equip somebody else.

    Raises:
        BadRequest: an unknown scope, none at all, or ``admin`` for an account that is no administrator.
        Forbidden: more than the principal's own key has.
    """
    for_another = account.id != principal.account_id and principal.administers()
    if wanted is None:
        return DEFAULT_SCOPES if for_another else _some(DEFAULT_SCOPES & principal.scopes)
    scopes = _some(frozenset(_scope(text) for text in wanted))
    if Scope.ADMIN in scopes and not account.administrator:
        raise BadRequest(f"The scope 'admin' is for administrators, and {account.name!r} is none.")
    if not for_another:
        check_reach(principal, scopes)
    return scopes


def check_reach(principal: Principal, scopes: frozenset[Scope]) -> None:
    """Raises `Forbidden` where ``scopes`` go beyond those of the principal's key. Who may deploy a handler may also run it."""
    given = principal.scopes | {Scope.WORK} if principal.has(Scope.DEPLOY) else principal.scopes
    beyond = sorted(scopes - given)
    if beyond:
        raise Forbidden(
            f"This key lacks {', '.join(map(repr, map(str, beyond)))}, so it can't give that on.",
            hint="Use a key that has all the scopes of the new one.",
        )


def key_lifetime(days: float | None, *, never_expires: bool) -> float | None:
    """Seconds that a new key counts; None: for ever.

    Args:
        days: None takes the usual six months.
        never_expires: must be said where that is meant; then ``days`` is None or 0.

    Raises:
        BadRequest: the two contradict each other, or ``days`` is out of range.
    """
    if never_expires:
        if days:
            raise BadRequest("A key either expires after some days or never; both were asked for.")
        return None
    if days is None:
        return DEFAULT_KEY_DAYS * DAY
    if not (math.isfinite(days) and 0 < days <= MAX_KEY_DAYS):
        raise BadRequest(
            f"A key can't expire after {days:g} days.",
            hint=f"Choose more than 0 and at most {MAX_KEY_DAYS:g} days, or say that it never expires.",
        )
    return days * DAY


def rotated_lifetime(key: ApiKey) -> float | None:
    """Seconds that a key counts after a rotation: as many as it was given at first, at most six months; None: for ever."""
    if key.expires_at is None:
        return None
    return min(key.expires_at - key.created_at, DEFAULT_KEY_DAYS * DAY)


def rotation_overlap(key: ApiKey, wanted: float, now: float) -> float:
    """Seconds that the old secret goes on counting: as many as wanted, but not beyond the key's own expiry.

    Raises:
        BadRequest: ``wanted`` is out of range.
    """
    if not (math.isfinite(wanted) and 0 <= wanted <= MAX_OVERLAP):
        raise BadRequest(f"The overlap must lie between 0 and {MAX_OVERLAP / 3600:g} hours.")
    return wanted if key.expires_at is None else min(wanted, key.expires_at - now)


def check_may_loosen(principal: Principal) -> None:
    """Raises `Forbidden` where the principal's key has limits of its own and is no administrator's.

    Such a key makes no keys, gives no other key a new secret, and changes no limits: else it could rid itself of its own.
    """
    if principal.holds_limits() and not principal.administers():
        raise Forbidden(
            "This key has limits of its own, so it can't make keys, rotate others or change limits.",
            hint="Use a key of the account that has none; an administrator can change the limits as well.",
        )


def wanted_limits(rate: str | Keep | None, concurrent: int | Keep | None, before: CallLimits) -> CallLimits:
    """The limits after a change.

    Args:
        rate: such as ``100/min``; None takes the limit away.
        concurrent: how many jobs may be open; None takes the limit away.
        before: the limits as they are.

    Raises:
        BadRequest: the rate can't be read, or one of them is out of range.
    """
    if isinstance(concurrent, int) and not 0 <= concurrent <= MAX_CONCURRENT:
        raise BadRequest(
            f"{concurrent} can't be a number of open jobs.", hint=f"Choose one from 0 to {MAX_CONCURRENT}, or none."
        )
    return before.changed(_rate(rate) if isinstance(rate, str) else rate, concurrent)


def _rate(text: str) -> RateLimit:
    try:
        return RateLimit.parse(text)
    except ValueError as error:
        raise BadRequest(str(error)) from None


def revoked(key: ApiKey, now: float) -> ApiKey:
    """The key, revoked at ``now`` unless it was before."""
    return key if key.revoked_at is not None else replace(key, revoked_at=now)


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        known = ", ".join(Scope)
        raise BadRequest(f"There is no scope {text[:40]!r}.", hint=f"The scopes are: {known}.") from None


def _some(scopes: frozenset[Scope]) -> frozenset[Scope]:
    if not scopes:
        raise BadRequest("A key needs at least one scope.", hint=f"The scopes are: {', '.join(Scope)}.")
    return scopes
