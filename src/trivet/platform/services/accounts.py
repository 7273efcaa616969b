"""Accounts, organizations and API keys: who there is, and the check of a key that every request begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from trivet.platform.core import accounts as rules
from trivet.platform.core import ids
from trivet.platform.core.accounts import (
    ALL_SCOPES,
    Account,
    ApiKey,
    KeyState,
    Membership,
    Organization,
    Principal,
    Role,
    Scope,
    Token,
    hash_secret,
)
from trivet.platform.core.errors import BadRequest, Conflict, NotFound, Unauthenticated
from trivet.platform.core.limits import KEEP, NO_LIMITS, CallLimits, Keep, held_limits
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.services import access
from trivet.platform.services.keycache import KeyCache
from trivet.platform.services.owners import check_owns_nothing, remove_secrets, with_roles

T = TypeVar("T")

FIRST_ACCOUNT = "admin"
LAST_USE_PRECISION = 60.0
"""Seconds between two notes of a key's last use."""
DEFAULT_OVERLAP = rules.DAY
"""Seconds that the old secret goes on counting after a rotation, where nothing else is said."""
_TOKEN_BYTES = 31
_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, in full."""

    account: Account
    key: ApiKey
    memberships: tuple[tuple[Organization, Role], ...]


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization with its members, by name."""

    organization: Organization
    members: tuple[tuple[Account, Role], ...]


class Accounts:
    """The use cases around people and their keys.

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
        self.on_organization_removed: Callable[[str], None] = lambda _: None
        """Told an organization's id once it is gone."""
        self.on_limits_changed: Callable[[str], None] = lambda _: None
        """Told the id of a key or an account once its limits have changed, or it is gone."""

    # -- the check of a key -------------------------------------------------------------------------------------------

    def authenticate(self, token_text: str) -> Principal | None:
        """The principal of a token that was looked up lately; None where `resolve` has to look. Costs about a microsecond."""
        return self._cache.get(token_text)

    async def resolve(self, token_text: str) -> Principal:
        """The principal of a token. Notes that its key was used, at most once a minute, without waiting for the disk.

        Raises:
            Unauthenticated: it is no token, or its key is unknown, expired, revoked, or of a disabled account. The answer
                does not tell which.
        """
        known = self._cache.get(token_text)
        if known is not None:
            return known
        token = Token.parse(token_text) if token_text.isascii() else None
        if token is None:
            raise Unauthenticated
        generation = self._cache.generation
        found = await self._store.read(lambda tx: _holder(tx, token.key_id, self._default_limits))
        now = self._clock()
        if found is None or not found[0].accepts(token.secret, now):
            raise Unauthenticated
        key, principal = found
        self._cache.put(token_text, principal, key.valid_until(now), generation)
        if key.last_used_at is None or now - key.last_used_at >= LAST_USE_PRECISION:
            self._store.write_behind(lambda tx: tx.keys.touch(token.key_id, now))
        return principal

    async def bootstrap(self) -> tuple[Account, Token] | None:
        """Lets the operator in: makes the first administrator on an empty store, and a key where no administrator has one.

        Keys expire and are revoked; who may start the platform on its data folder is not locked out by that.

        Returns:
            The account and its new key; None where some administrator has a key that counts.
        """
        now = self._clock()
        first = Account(self._id("acc", now), FIRST_ACCOUNT, now, administrator=True)
        lifetime = access.key_lifetime(None, never_expires=False)
        key, token = self._new_key(first.id, "first key", ALL_SCOPES, lifetime, now)

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
        """The account, key and organizations of the one who asks. Any key will do."""

        def unit(tx: Transaction) -> Me:
            account, key = tx.accounts.get(principal.account_id), tx.keys.get(principal.key_id)
            if account is None or key is None:
                raise Unauthenticated
            return Me(account, key, _organizations_of(tx, account.id))

        return await self._store.read(unit)

    async def create(self, principal: Principal, name: str) -> Account:
        """Makes an account. For administrators.

        Raises:
            BadRequest: the name can't be one.
            Conflict: an account or an organization has it.
        """
        access.require_administrator(principal)
        access.check_name("account", name)
        now = self._clock()
        account = Account(self._id("acc", now), name, now)
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
    ) -> Account:
        """Changes what is named of an account. For administrators.

        Args:
            principal: who asks.
            name: whose account.
            disabled: whether the account's keys stop to count, from that moment on.
            rate: how often all its keys together may call, such as ``100/min``; None: as often as the platform's default.
            concurrent: how many jobs they may have open; None: as many as the platform's default.

        Raises:
            BadRequest: a limit can't be read, or is out of range.
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
            )
            tx.accounts.save(changed)
            return changed

        account = await self._change(unit)
        if (rate, concurrent) != (KEEP, KEEP):
            self.on_limits_changed(account.id)
        return account

    async def remove(self, principal: Principal, name: str) -> Account:
        """Removes an account with its keys, roles and secrets. For administrators.

        Raises:
            Conflict: it owns endpoints, is the last owner of an organization, or the last administrator.
        """

        def unit(tx: Transaction) -> tuple[Account, list[ApiKey]]:
            account = access.require_account(principal, tx.accounts.named(name), Scope.ADMIN, name)
            _check_administrator_stays(tx, account)
            check_owns_nothing(tx, account)
            for organization, _ in _organizations_of(tx, account.id):
                members = tx.accounts.members_of(organization.id)
                access.check_member_change(principal, organization, account, members, None)
            remove_secrets(tx, account.id)
            keys = tx.keys.of_account(account.id)
            tx.accounts.remove(account.id)
            return account, keys

        account, keys = await self._change(unit)
        for gone in (account.id, *(key.id for key in keys)):
            self.on_limits_changed(gone)
        return account

    # -- keys ---------------------------------------------------------------------------------------------------------

    async def create_key(
        self,
        principal: Principal,
        *,
        label: str = "",
        scopes: Iterable[str] | None = None,
        lifetime_days: float | None = None,
        never_expires: bool = False,
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
        fresh, token = self._new_key("", label, frozenset(), lifetime, now)

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

    async def keys(self, principal: Principal, account_name: str | None = None) -> list[tuple[ApiKey, str]]:
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

    async def rotate_key(
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
            Conflict: the key is revoked or has expired.
        """
        now = self._clock()
        spare = Token.make(self._entropy(_TOKEN_BYTES))

        def unit(tx: Transaction) -> ApiKey:
            key = _key(tx, principal, key_id)
            if key.account_id == principal.account_id:
                access.check_reach(principal, key.scopes)
            if key.id != principal.key_id:
                access.check_may_loosen(principal)
            state = key.state(now)
            if state in (KeyState.REVOKED, KeyState.EXPIRED):
                raise Conflict(
                    f"The key {key_id!r} is {state.value} and can't be rotated.",
                    hint="Make a new one: `trivet keys create`.",
                )
            overlap = access.rotation_overlap(key, overlap_seconds, now)
            rotated = rules.rotate(key, hash_secret(spare.secret), now, overlap, access.rotated_lifetime(key))
            tx.keys.save(rotated)
            return rotated

        key = await self._change(unit)
        return key, Token(key.id, spare.secret)

    async def limit_key(
        self,
        principal: Principal,
        key_id: str,
        *,
        rate: str | Keep | None = KEEP,
        concurrent: int | Keep | None = KEEP,
    ) -> tuple[ApiKey, str]:
        """Changes the limits of a key; those of its account go on to apply as well. Returns the key and its account's name.

        Args:
            principal: who asks; needs the scope ``deploy``, for somebody else's account an administrator's ``admin``.
            key_id: which key.
            rate: how often it may call, such as ``100/min``; None: as often as its account.
            concurrent: how many jobs it may have open; None: as many as its account.

        Raises:
            BadRequest: a limit can't be read, or is out of range.
            Forbidden: the key that asks has limits of its own.
        """

        def unit(tx: Transaction) -> tuple[ApiKey, str]:
            key = tx.keys.get(key_id)
            holder = None if key is None else tx.accounts.get(key.account_id)
            account = access.require_account(principal, holder, Scope.DEPLOY, key_id, "key")
            if key is None:
                raise NotFound.of("key", key_id)
            access.check_may_loosen(principal)
            changed = replace(key, limits=access.wanted_limits(rate, concurrent, key.limits))
            tx.keys.save(changed)
            return changed, account.name

        found = await self._change(unit)
        self.on_limits_changed(key_id)
        return found

    async def revoke_key(self, principal: Principal, key_id: str) -> ApiKey:
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

    # -- organizations ------------------------------------------------------------------------------------------------

    async def create_organization(self, principal: Principal, name: str) -> Organization:
        """Makes an organization whose owner is the one who asks. Takes the scope ``deploy``.

        Raises:
            BadRequest: the name can't be one.
            Conflict: an account or an organization has it.
        """
        access.require(principal, Scope.DEPLOY)
        access.check_name("organization", name)
        now = self._clock()
        organization = Organization(self._id("org", now), name, now)

        def unit(tx: Transaction) -> Organization:
            tx.accounts.add_organization(organization)
            tx.accounts.put_membership(Membership(organization.id, principal.account_id, Role.OWNER))
            return organization

        return await self._change(unit)

    async def organizations(self, principal: Principal) -> list[tuple[Organization, Role | None]]:
        """One's organizations with one's role, by name; all of them for administrators. Takes the scope ``read``."""
        access.require(principal, Scope.READ)

        def unit(tx: Transaction) -> list[tuple[Organization, Role | None]]:
            mine = _organizations_of(tx, principal.account_id)
            if not principal.administers():
                return list(mine)
            roles = {organization.id: role for organization, role in mine}
            return [(organization, roles.get(organization.id)) for organization in tx.accounts.organizations()]

        found = await self._store.read(unit)
        return sorted(found, key=lambda pair: pair[0].name.lower())

    async def organization(self, principal: Principal, name: str) -> OrganizationView:
        """An organization with its members. For its members (scope ``read``) and administrators."""

        def unit(tx: Transaction) -> OrganizationView:
            current = with_roles(tx, principal)
            organization = access.require_organization(current, tx.accounts.organization_named(name), name)
            access.require(principal, Scope.READ)
            return _organization_view(tx, organization)

        return await self._store.read(unit)

    async def put_member(self, principal: Principal, organization: str, account: str, role: str) -> OrganizationView:
        """Gives an account a role in an organization. Its owners may give any; its admins may add plain members.

        Args:
            principal: who asks; needs the scope ``deploy``.
            organization: its name.
            account: the account's name.
            role: ``owner``, ``admin`` or ``member``.

        Raises:
            Conflict: the organization would be left without an owner.
        """
        try:
            wanted = Role(role)
        except ValueError:
            raise BadRequest(f"There is no role {role[:40]!r}.", hint=f"The roles are: {', '.join(Role)}.") from None
        return await self._change_member(principal, organization, account, wanted)

    async def remove_member(self, principal: Principal, organization: str, account: str) -> OrganizationView:
        """Takes an account out of an organization. Its owners and admins may do that, and everybody may leave.

        Raises:
            Conflict: it is the last owner.
        """
        return await self._change_member(principal, organization, account, None)

    async def _change_member(
        self, principal: Principal, organization_name: str, account_name: str, role: Role | None
    ) -> OrganizationView:
        def unit(tx: Transaction) -> OrganizationView:
            current = with_roles(tx, principal)
            found = tx.accounts.organization_named(organization_name)
            organization = access.require_organization(current, found, organization_name)
            account = tx.accounts.named(account_name)
            leaves = role is None and account is not None and account.id == principal.account_id
            if not leaves:  # before anything is told about whether the account exists
                access.require_manager(current, organization)
            if account is None:
                raise NotFound.of("account", account_name)
            members = tx.accounts.members_of(organization.id)
            access.check_member_change(current, organization, account, members, role)
            if role is None:
                tx.accounts.remove_membership(organization.id, account.id)
            else:
                tx.accounts.put_membership(Membership(organization.id, account.id, role))
            return _organization_view(tx, organization)

        return await self._change(unit)

    async def remove_organization(self, principal: Principal, name: str) -> Organization:
        """Removes an organization with its memberships and secrets; what was shared with it is so no longer.

        For its owners (scope ``deploy``) and administrators.

        Raises:
            Conflict: it owns endpoints.
        """

        def unit(tx: Transaction) -> Organization:
            current = with_roles(tx, principal)
            organization = access.require_organization(current, tx.accounts.organization_named(name), name)
            access.require_manager(current, organization, Role.OWNER)
            check_owns_nothing(tx, organization)
            for endpoint in tx.endpoints.all():
                if organization.id in endpoint.shared_with:
                    tx.endpoints.save(replace(endpoint, shared_with=endpoint.shared_with - {organization.id}))
            remove_secrets(tx, organization.id)
            tx.accounts.remove_organization(organization.id)
            return organization

        removed = await self._change(unit)
        self.on_organization_removed(removed.id)
        return removed

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _change(self, unit: Callable[[Transaction], T]) -> T:
        """Applies a change after which some answer of the key check may be another."""
        try:
            return await self._store.write(unit)
        finally:
            self._cache.drop()

    def _id(self, prefix: str, now: float) -> str:
        return ids.make(prefix, now, self._entropy(_ID_BYTES))

    def _new_key(
        self, account_id: str, label: str, scopes: frozenset[Scope], lifetime: float | None, now: float
    ) -> tuple[ApiKey, Token]:
        token = Token.make(self._entropy(_TOKEN_BYTES))
        expires_at = None if lifetime is None else now + lifetime
        return ApiKey(token.key_id, account_id, label, scopes, hash_secret(token.secret), now, expires_at), token


def _opens_all(tx: Transaction, account: Account, now: float) -> bool:
    """Whether the account has a key that counts and administers."""
    ended = (KeyState.REVOKED, KeyState.EXPIRED)
    return any(Scope.ADMIN in key.scopes and key.state(now) not in ended for key in tx.keys.of_account(account.id))


def _holder(tx: Transaction, key_id: str, default: CallLimits) -> tuple[ApiKey, Principal] | None:
    """A key and whom it stands for; None where there is no such key or its account is disabled. ``default``: an account's limits
    where it has none.
    """
    key = tx.keys.get(key_id)
    account = tx.accounts.get(key.account_id) if key is not None else None
    if key is None or account is None or account.disabled:
        return None
    roles = {m.organization_id: m.role for m in tx.accounts.memberships_of(account.id)}
    limits = held_limits(key.id, key.limits, account.id, account.name, account.limits.or_else(default))
    return key, Principal(account.id, account.name, key.id, key.scopes, roles, account.administrator, limits)


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


def _check_administrator_stays(tx: Transaction, account: Account) -> None:
    others = (a for a in tx.accounts.all() if a.administrator and not a.disabled and a.id != account.id)
    if account.administrator and not any(others):
        raise Conflict(
            f"{account.name!r} is the last administrator; without it nobody could look after the platform.",
        )


def _organizations_of(tx: Transaction, account_id: str) -> tuple[tuple[Organization, Role], ...]:
    found = [(tx.accounts.organization(m.organization_id), m.role) for m in tx.accounts.memberships_of(account_id)]
    known = [(organization, role) for organization, role in found if organization is not None]
    return tuple(sorted(known, key=lambda pair: pair[0].name.lower()))


def _organization_view(tx: Transaction, organization: Organization) -> OrganizationView:
    found = [(tx.accounts.get(m.account_id), m.role) for m in tx.accounts.members_of(organization.id)]
    known = [(account, role) for account, role in found if account is not None]
    return OrganizationView(organization, tuple(sorted(known, key=lambda pair: pair[0].name.lower())))
