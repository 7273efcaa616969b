"""Accounts: who there is, and the check of a key that every request begins with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from trivet.platform.core import ids
from trivet.platform.core.accounts import ALL_SCOPES, Account, Organization, Principal, Role, Scope
from trivet.platform.core.errors import Conflict, Forbidden, TooLarge, Unauthenticated
from trivet.platform.core.keys import TOKEN_BYTES, ApiKey, JobToken, Token, new_key, why_shut
from trivet.platform.core.limits import KEEP, NO_LIMITS, CallLimits, Keep, held_limits
from trivet.platform.core.templates import check_extras
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.keycache import KeyCache
from trivet.platform.services.owners import check_owns_nothing, organizations_of, remove_belongings

T = TypeVar("T")

FIRST_ACCOUNT = "admin"
LAST_USE_PRECISION = 60.0
"""Seconds between two notes of a key's last use."""
MAX_PUBLIC_KEY = 64 * 1024
"""Bytes of an account's public key, at most."""
_ID_BYTES = 8
_OTHER_KEY = "Use another key, or ask whoever manages the keys of this account: `trivet keys ls` shows how each stands."
_NOBODYS = ApiKey("", "", "", frozenset(), "0" * 64, 0.0)
"""What a secret is compared with where there is no such key, so that this takes as long."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, in full."""

    account: Account
    key: ApiKey
    memberships: tuple[tuple[Organization, Role], ...]


class Accounts:
    """The use cases around people.

    Every method but those that read a token takes the `Principal` first, and raises `NotFound` or `Forbidden` by the one
    rule of access (see `services.access`).

    Args:
        store: where they are kept.
        clock: tells the time.
        entropy: gives ids and secrets.
        default_limits: count for each account where it has none of its own.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, default_limits: CallLimits = NO_LIMITS) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._default_limits = default_limits
        self._cache = KeyCache(clock)
        self.resolve_job: Callable[[JobToken], Awaitable[Principal]] = _no_jobs
        """Tells whom the token of a job stands for; raises `Unauthenticated`."""
        self.on_limits_changed: Callable[[str], None] = lambda _: None
        """Told the id of an account once its limits have changed, or it is gone, and of the keys that went with it."""

    # -- the check of a key -------------------------------------------------------------------------------------------

    def authenticate(self, token_text: str) -> Principal | None:
        """The principal of a token that was looked up lately; None where `resolve` has to look. Costs about a microsecond."""
        return self._cache.get(token_text)

    async def resolve(self, token_text: str) -> Principal:
        """The principal of a token. Notes that its key was used, at most once a minute, without waiting for the disk.

        Raises:
            Unauthenticated: it is no token, or its key is unknown or has another secret: the answer does not tell which. Or the
                key does not count: it is expired, disabled, revoked, or of a disabled account. Who has its secret is told so.
        """
        known = self._cache.get(token_text)
        if known is not None:
            return known
        token = Token.parse(token_text) if token_text.isascii() else None
        if token is None:
            job_token = JobToken.parse(token_text)
            if job_token is None:
                raise Unauthenticated
            return await self.resolve_job(job_token)
        generation = self._cache.generation
        found = await self._store.read(lambda tx: _holder(tx, token.key_id, self._default_limits))
        now = self._clock()
        is_proved = (_NOBODYS if found is None else found.key).is_proved(token.secret, now)
        if found is None or not is_proved:
            raise Unauthenticated
        key, principal = found.key, found.principal
        reason = why_shut(key, found.account, now)
        if reason:
            raise Unauthenticated(reason, hint=_OTHER_KEY)
        self._cache.put(token_text, principal, key.valid_until(now), generation)
        if key.last_used_at is None or now - key.last_used_at >= LAST_USE_PRECISION:
            self._store.write_behind(lambda tx: tx.keys.touch(token.key_id, now))
        return principal

    async def holder_of(self, key_id: str) -> Principal:
        """The principal of a key that somebody has shown before.

        Raises:
            Unauthenticated: the key does not count any more.
        """
        found = await self._store.read(lambda tx: _holder(tx, key_id, self._default_limits))
        if found is None or why_shut(found.key, found.account, self._clock()):
            raise Unauthenticated
        return found.principal

    def look_up_anew(self) -> None:
        """What the check of a key goes by has changed elsewhere: no answer of before counts any more."""
        self._cache.drop()

    async def bootstrap(self) -> tuple[Account, Token] | None:
        """Lets the operator in: makes the first administrator on an empty store, and a key where no administrator has one.

        Keys expire and are revoked; who may start the platform on its data folder is not locked out by that.

        Returns:
            The account and its new key; None where some administrator has a key that counts.
        """
        now = self._clock()
        first = Account(self._id("acc", now), FIRST_ACCOUNT, now, administrator=True)
        lifetime = access.key_lifetime(None, never_expires=False)
        key, token = new_key(first.id, "first key", ALL_SCOPES, lifetime, now=now, entropy=self._entropy(TOKEN_BYTES))

        def unit(tx: Transaction) -> Account | None:
            everybody = tx.accounts.all()
            if not everybody:
                tx.accounts.add(first)
                tx.keys.add(key)
                return first
            administrators = [each for each in everybody if each.administrator and not each.disabled]
            if not administrators or any(_opens_all(tx, each, now) for each in administrators):
                return None
            oldest = min(administrators, key=lambda each: each.created_at)
            tx.keys.add(replace(key, account_id=oldest.id, label="made at a start: no other counted"))
            return oldest

        account = await self._store.write(unit)
        return None if account is None else (account, token)

    # -- accounts -----------------------------------------------------------------------------------------------------

    async def me(self, principal: Principal) -> Me:
        """The account, key and organizations of the one who asks. Any key will do, but no job: its code is often another's."""
        if principal.within is not None:
            raise Forbidden("A job may not look at the account that it acts for.")

        def unit(tx: Transaction) -> Me:
            account, key = tx.accounts.get(principal.account_id), tx.keys.get(principal.key_id)
            if account is None or key is None:
                raise Unauthenticated
            return Me(account, key, organizations_of(tx, account.id))

        return await self._store.read(unit)

    async def create(
        self, principal: Principal, name: str, extras: Mapping[str, Any] | None = None, *, email: str = ""
    ) -> Account:
        """Makes an account. For administrators.

        Args:
            principal: who asks.
            name: the account's.
            extras: what a dialect keeps with it, in its own words.
            email: an address that the administrator vouches for; empty: none.

        Raises:
            BadRequest, TooLarge: the name or the address can't be one, or the extras are over their limit.
            Conflict: an account or an organization has it.
        """
        access.require_administrator(principal)
        access.check_name("account", name)
        now = self._clock()
        account = Account(
            self._id("acc", now), name, now, extras=check_extras(extras or {}), email=access.check_email(email)
        )
        await self._store.write(lambda tx: tx.accounts.add(account))
        return account

    async def all(self, principal: Principal) -> list[Account]:
        """All accounts, by name. For administrators."""
        access.require_administrator(principal)
        return await self._store.read(lambda tx: tx.accounts.all())

    async def get(self, principal: Principal, name: str) -> Account:
        """One account: one's own (scope ``read``), or anybody's for administrators."""
        found = await self._store.read(lambda tx: tx.accounts.named(name))
        return access.require_account(principal, found, Scope.READ, name)

    async def change(
        self,
        principal: Principal,
        name: str,
        *,
        disabled: bool | Keep = KEEP,
        rate: str | Keep | None = KEEP,
        concurrent: int | Keep | None = KEEP,
        email: str | Keep = KEEP,
    ) -> Account:
        """Changes what is named of an account. For administrators.

        Args:
            principal: who asks.
            name: whose account.
            disabled: whether the account's keys stop to count, from that moment on.
            rate: how often all its keys together may call, such as ``100/min``; None: as often as the platform's default.
            concurrent: how many jobs they may have open; None: as many as the platform's default.
            email: an address that the administrator vouches for; empty: none.

        Raises:
            BadRequest: a limit can't be read, or is out of range; or the address can't be one.
            Conflict: nobody could administer the platform any more.
        """

        def unit(tx: Transaction) -> Account:
            account = access.require_account(principal, tx.accounts.named(name), Scope.ADMIN, name)
            if disabled is True:
                _check_administrator_stays(tx, account)
            changed = replace(
                account,
                disabled=account.disabled if isinstance(disabled, Keep) else disabled,
                limits=access.wanted_limits(rate, concurrent, account.limits),
                email=account.email if isinstance(email, Keep) else access.check_email(email),
            )
            tx.accounts.save(changed)
            return changed

        account = await self._change(unit)
        if (rate, concurrent) != (KEEP, KEEP):
            self.on_limits_changed(account.id)
        return account

    async def set_public_key(self, principal: Principal, text: str) -> Account:
        """Keeps a public key with one's own account, in place of the one before. Takes the scope ``deploy``.

        Args:
            principal: who asks.
            text: up to 64 KiB; the platform does nothing with it but keep it.

        Raises:
            TooLarge: it is over its limit.
        """
        access.require(principal, Scope.DEPLOY)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > MAX_PUBLIC_KEY:
            raise TooLarge(f"The public key has {size} bytes; at most {MAX_PUBLIC_KEY} may be.", limit=MAX_PUBLIC_KEY)

        def unit(tx: Transaction) -> Account:
            account = tx.accounts.get(principal.account_id)
            if account is None:
                raise Unauthenticated
            changed = replace(account, public_key=text)
            tx.accounts.save(changed)
            return changed

        return await self._store.write(unit)

    async def keep(self, principal: Principal, name: str, extras: Mapping[str, Any]) -> Account:
        """Keeps what dialects say of an account, each under its own name, beside what others keep.

        One's own (scope ``deploy``), or anybody's for administrators.

        Raises:
            TooLarge: it is over its limit.
        """

        def unit(tx: Transaction) -> Account:
            account = access.require_account(principal, tx.accounts.named(name), Scope.DEPLOY, name)
            changed = replace(account, extras=check_extras({**account.extras, **extras}))
            tx.accounts.save(changed)
            return changed

        return await self._store.write(unit)

    async def remove(self, principal: Principal, name: str) -> Account:
        """Removes an account with its keys, roles, secrets, images and templates. For administrators.

        Raises:
            Conflict: it owns endpoints, is the last owner of an organization, or the last administrator.
        """

        def unit(tx: Transaction) -> tuple[Account, list[ApiKey]]:
            account = access.require_account(principal, tx.accounts.named(name), Scope.ADMIN, name)
            _check_administrator_stays(tx, account)
            check_owns_nothing(tx, account)
            for organization, _ in organizations_of(tx, account.id):
                members = tx.accounts.members_of(organization.id)
                access.check_member_change(principal, organization, account, members, None)
            remove_belongings(tx, account.id)
            keys = tx.keys.of_account(account.id)
            tx.accounts.remove(account.id)
            return account, keys

        account, keys = await self._change(unit)
        for gone in (account.id, *(key.id for key in keys)):
            self.on_limits_changed(gone)
        return account

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _change(self, unit: Callable[[Transaction], T]) -> T:
        """Applies a change after which some answer of the key check may be another."""
        try:
            return await self._store.write(unit)
        finally:
            self._cache.drop()

    def _id(self, prefix: str, now: float) -> str:
        return ids.make(prefix, now, self._entropy(_ID_BYTES))


def _opens_all(tx: Transaction, account: Account, now: float) -> bool:
    """Whether the account has a key that counts and administers."""
    return any(Scope.ADMIN in key.scopes and key.state(now).counts for key in tx.keys.of_account(account.id))


@dataclass(frozen=True, slots=True)
class _Holder:
    """A key, whose it is, and whom it stands for where it counts."""

    key: ApiKey
    account: Account
    principal: Principal


def _holder(tx: Transaction, key_id: str, default: CallLimits) -> _Holder | None:
    """A key and whom it stands for, be it that it counts or not; None where there is no such key.

    Args:
        tx: where it is looked for.
        key_id: the key's.
        default: an account's limits where it has none.
    """
    key = tx.keys.get(key_id)
    account = tx.accounts.get(key.account_id) if key is not None else None
    if key is None or account is None:
        return None
    roles = {m.organization_id: m.role for m in tx.accounts.memberships_of(account.id)}
    limits = held_limits(key.id, key.limits, account.id, account.name, account.limits.or_else(default))
    principal = Principal(account.id, account.name, key.id, key.scopes, roles, account.administrator, limits)
    return _Holder(key, account, principal)


def _check_administrator_stays(tx: Transaction, account: Account) -> None:
    others = (a for a in tx.accounts.all() if a.administrator and not a.disabled and a.id != account.id)
    if account.administrator and not any(others):
        raise Conflict(
            f"{account.name!r} is the last administrator; without it nobody could look after the platform.",
        )


async def _no_jobs(_: JobToken) -> Principal:
    """Knows no jobs, until somebody else does."""
    raise Unauthenticated
