"""API keys: made, listed, limited, given a new secret, ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from trivet.platform.core import keys as rules
from trivet.platform.core.accounts import Account, Principal, Scope
from trivet.platform.core.errors import Conflict, NotFound
from trivet.platform.core.keys import TOKEN_BYTES, ApiKey, KeyState, Token, hash_secret, new_key
from trivet.platform.core.limits import KEEP, NO_LIMITS, Keep
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access

T = TypeVar("T")

DEFAULT_OVERLAP = rules.DAY
"""Seconds that the old secret goes on counting after a rotation, where nothing else is said."""


class Keys:
    """The use cases around API keys.

    Every method takes the `Principal` first, and raises `NotFound` or `Forbidden` by the one rule of access (see
    `services.access`).

    Args:
        store: where they are kept.
        clock: tells the time.
        entropy: gives ids and secrets.
        keys_changed: told after each change of a key that was there before.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, keys_changed: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._keys_changed = keys_changed
        self.on_limits_changed: Callable[[str], None] = lambda _: None
        """Told the id of a key once its limits have changed, or it was revoked."""

    async def create(
        self,
        principal: Principal,
        *,
        label: str = "",
        scopes: Iterable[str] | None = None,
        lifetime_days: float | None = None,
        never_expires: bool = False,
        months: int | None = None,
        account_name: str | None = None,
        rate: str | None = None,
        concurrent: int | None = None,
    ) -> tuple[ApiKey, Token]:
        """Makes a key. The token is given here and never again.

        Args:
            principal: who asks; needs the scope ``deploy``, for somebody else's account an administrator's ``admin``.
            label: what the key is for, up to 100 characters.
            scopes: what it may be used for; None: the usual ones, as far as the maker's key has them.
            lifetime_days: days until it expires; None: six months.
            never_expires: that it never expires has to be asked for.
            months: calendar months, in place of days; it counts until the end of the day (UTC) that lies so far ahead.
            account_name: whose it is; None: the maker's own.
            rate: how often it may call, such as ``100/min``; None: as often as its account.
            concurrent: how many jobs it may have open; None: as many as its account.

        Raises:
            BadRequest: an unknown scope, or a lifetime or a limit that can't be.
            Forbidden: scopes beyond those of the maker's key, or that has limits of its own.
            Conflict: the account is disabled.
        """
        label = access.check_label(label)
        lifetime = access.key_lifetime(lifetime_days, never_expires=never_expires)
        limits = access.wanted_limits(rate, concurrent, NO_LIMITS)
        access.check_may_loosen(principal)
        wanted = None if scopes is None else list(scopes)
        now = self._clock()
        fresh, token = new_key("", label, frozenset(), lifetime, now=now, entropy=self._entropy(TOKEN_BYTES))
        if months is not None:
            fresh = replace(fresh, expires_at=rules.end_of_day_in(months, now))

        def unit(tx: Transaction) -> ApiKey:
            account = _account(tx, principal, account_name, Scope.DEPLOY)
            if account.disabled:
                raise Conflict(
                    f"The account {account.name!r} is disabled, so that a key of it would not count.",
                    hint=f"Enable it first: `trivet accounts enable {account.name}`.",
                )
            scopes = access.key_scopes(principal, account, wanted)
            key = replace(fresh, account_id=account.id, scopes=scopes, limits=limits)
            tx.keys.add(key)
            return key

        return await self._store.write(unit), token

    async def of_account(self, principal: Principal, account_name: str | None = None) -> list[tuple[ApiKey, str]]:
        """The keys of an account with its name, newest first.

        Args:
            principal: who asks; needs the scope ``read``, for somebody else's account an administrator's ``admin``.
            account_name: whose; None: one's own.
        """

        def unit(tx: Transaction) -> list[tuple[ApiKey, str]]:
            account = _account(tx, principal, account_name, Scope.READ)
            found = sorted(tx.keys.of_account(account.id), key=lambda key: key.created_at, reverse=True)
            return [(key, account.name) for key in found]

        return await self._store.read(unit)

    async def rotate(
        self, principal: Principal, key_id: str, overlap_seconds: float = DEFAULT_OVERLAP
    ) -> tuple[ApiKey, Token]:
        """Gives a key a new secret; the old one goes on counting for the overlap, the one before it no longer.

        A key may always rotate itself; others of the account take the scope ``deploy``, no scopes beyond one's own, and no
        limits on the key that one uses.

        Args:
            principal: who asks.
            key_id: which key.
            overlap_seconds: how long the old secret goes on counting; never beyond the expiry that it had.

        Raises:
            Conflict: the key does not count: it is revoked, disabled or has expired.
        """
        now = self._clock()
        spare = Token.make(self._entropy(TOKEN_BYTES))

        def unit(tx: Transaction) -> ApiKey:
            key = _key(tx, principal, key_id)
            if key.account_id == principal.account_id:
                access.check_reach(principal, key.scopes)
            if key.id != principal.key_id:
                access.check_may_loosen(principal)
            state = key.state(now)
            if not state.counts:
                again = f"Enable it first: `trivet keys enable {key_id}`."
                raise Conflict(
                    f"The key {key_id!r} is {state.value} and can't be rotated.",
                    hint=again if state is KeyState.DISABLED else "Make a new one: `trivet keys create`.",
                )
            overlap = access.rotation_overlap(key, overlap_seconds, now)
            rotated = rules.rotate(key, hash_secret(spare.secret), now, overlap, access.rotated_lifetime(key))
            tx.keys.save(rotated)
            return rotated

        key = await self._change(unit)
        return key, Token(key.id, spare.secret)

    async def is_foreign(self, principal: Principal, key_id: str) -> bool:
        """Whether there is such a key, and it is somebody else's. Ids are random: who asks knows it, or it does not exist."""
        found = await self._store.read(lambda tx: tx.keys.get(key_id))
        return found is not None and found.account_id != principal.account_id

    async def change(
        self,
        principal: Principal,
        key_id: str,
        *,
        rate: str | Keep | None = KEEP,
        concurrent: int | Keep | None = KEEP,
        disabled: bool | Keep = KEEP,
        label: str | Keep = KEEP,
    ) -> tuple[ApiKey, str]:
        """Changes what is named of a key. Returns the key and its account's name.

        Args:
            principal: who asks; needs the scope ``deploy``, for somebody else's account an administrator's ``admin``.
            key_id: which key.
            rate: how often it may call, such as ``100/min``; None: as often as its account. The account's limits apply as well.
            concurrent: how many jobs it may have open; None: as many as its account.
            disabled: whether it stops to count, from that moment on and until it is enabled again.
            label: what the key is for, up to 100 characters.

        Raises:
            BadRequest: a limit can't be read, or is out of range.
            Conflict: the key is revoked, and would have to be enabled.
            Forbidden: the key that asks has limits of its own, and limits or a key that is disabled shall be lifted.
        """
        limits_wanted = (rate, concurrent) != (KEEP, KEEP)

        def unit(tx: Transaction) -> tuple[ApiKey, str]:
            key = tx.keys.get(key_id)
            holder = None if key is None else tx.accounts.get(key.account_id)
            account = access.require_account(principal, holder, Scope.DEPLOY, key_id, "key")
            if key is None:
                raise NotFound.of("key", key_id)
            if limits_wanted or disabled is False:
                access.check_may_loosen(principal)
            if disabled is False and key.revoked_at is not None:
                raise Conflict(f"The key {key_id!r} is revoked for ever.", hint="Make a new one: `trivet keys create`.")
            changed = replace(
                key,
                limits=access.wanted_limits(rate, concurrent, key.limits),
                disabled=key.disabled if isinstance(disabled, Keep) else disabled,
                label=key.label if isinstance(label, Keep) else access.check_label(label),
            )
            tx.keys.save(changed)
            return changed, account.name

        found = await self._change(unit)
        if limits_wanted:
            self.on_limits_changed(key_id)
        return found

    async def revoke(self, principal: Principal, key_id: str) -> ApiKey:
        """Ends a key: it does not count from the moment this returns. Nothing happens where it was revoked before.

        A key may always revoke itself; others of the account take the scope ``deploy``.
        """
        now = self._clock()

        def unit(tx: Transaction) -> ApiKey:
            key = access.revoked(_key(tx, principal, key_id), now)
            tx.keys.save(key)
            return key

        key = await self._change(unit)
        self.on_limits_changed(key_id)
        return key

    async def _change(self, unit: Callable[[Transaction], T]) -> T:
        """Applies a change of keys. Where it fails that is told as well: it might have taken."""
        try:
            return await self._store.write(unit)
        finally:
            self._keys_changed()


def _account(tx: Transaction, principal: Principal, name: str | None, scope: Scope) -> Account:
    found = tx.accounts.get(principal.account_id) if name is None else tx.accounts.named(name)
    return access.require_account(principal, found, scope, name or principal.account_name)


def _key(tx: Transaction, principal: Principal, key_id: str) -> ApiKey:
    """A key that the principal may change."""
    key = tx.keys.get(key_id)
    if key is None:
        access.require_account(principal, None, Scope.DEPLOY, key_id, "key")
        raise NotFound.of("key", key_id)
    if key_id != principal.key_id:
        access.require_account(principal, tx.accounts.get(key.account_id), Scope.DEPLOY, key_id, "key")
    return key
