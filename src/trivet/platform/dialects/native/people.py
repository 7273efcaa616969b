"""Handlers around accounts, keys, organizations and secrets."""

from __future__ import annotations

from typing import TypeVar

from msgspec import UnsetType

from trivet.platform.core.accounts import Role
from trivet.platform.core.keys import ApiKey, Token
from trivet.platform.core.limits import KEEP, Keep
from trivet.platform.dialects.native.context import Call
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.dialects.native.translate import people as translate
from trivet.platform.wire import paging

T = TypeVar("T")

# -- who asks -----------------------------------------------------------------------------------------------------------


async def me(call: Call) -> schemas.Me:
    """Who asks, and what the key may do."""
    return translate.me(await call.services.accounts.me(call.principal), call.principal.scopes, call.services.clock())


# -- accounts -----------------------------------------------------------------------------------------------------------


async def accounts(call: Call) -> Page[schemas.Account]:
    """A page of accounts, by name."""
    found = await call.services.accounts.all(call.principal)
    page, following = paging.cut(found, lambda account: account.name.lower(), call.cursor, call.limit)
    return Page(items=[translate.account(account) for account in page], next=following)


async def create_account(call: Call) -> schemas.Account:
    """Makes an account."""
    wanted = await call.document(schemas.AccountRequest)
    return translate.account(await call.services.accounts.create(call.principal, wanted.name, email=wanted.email))


async def account(call: Call) -> schemas.Account:
    """One account."""
    return translate.account(await call.services.accounts.get(call.principal, call.part("account")))


async def change_account(call: Call) -> schemas.Account:
    """Disables or enables an account, and changes its limits."""
    wanted = await call.document(schemas.AccountChange)
    changed = await call.services.accounts.change(
        call.principal,
        call.part("account"),
        disabled=_or_keep(wanted.disabled),
        rate=_or_keep(wanted.rate),
        concurrent=_or_keep(wanted.concurrent),
        email=_or_keep(wanted.email),
    )
    return translate.account(changed)


async def delete_account(call: Call) -> None:
    """Removes an account."""
    await call.services.accounts.remove(call.principal, call.part("account"))


# -- keys ---------------------------------------------------------------------------------------------------------------


async def keys(call: Call) -> Page[schemas.Key]:
    """A page of keys: one's own, or those of ``account``."""
    found = await call.services.keys.of_account(call.principal, call.query.get("account") or None)
    page, following = paging.cut(found, _newest_first, call.cursor, call.limit)
    now = call.services.clock()
    return Page(items=[translate.key(key, name, now) for key, name in page], next=following)


async def create_key(call: Call) -> schemas.NewKey:
    """Makes a key."""
    wanted = await call.document(schemas.KeyRequest, default=schemas.KeyRequest())
    key, token = await call.services.keys.create(
        call.principal,
        label=wanted.label,
        scopes=wanted.scopes,
        lifetime_days=wanted.expires_days,
        never_expires=wanted.never_expires,
        account_name=wanted.account,
        rate=wanted.rate,
        concurrent=wanted.concurrent,
    )
    return translate.new_key(key, token, wanted.account or call.principal.account_name)


async def limit_key(call: Call) -> schemas.Key:
    """Changes the limits of a key, and disables or enables it."""
    wanted = await call.document(schemas.KeyChange)
    key, account_name = await call.services.keys.change(
        call.principal,
        call.part("key"),
        rate=_or_keep(wanted.rate),
        concurrent=_or_keep(wanted.concurrent),
        disabled=_or_keep(wanted.disabled),
    )
    return translate.key(key, account_name, call.services.clock())


async def rotate_key(call: Call) -> schemas.NewKey:
    """Gives a key a new secret."""
    wanted = await call.document(schemas.Rotation, default=schemas.Rotation())
    key, token = await call.services.keys.rotate(call.principal, call.part("key"), wanted.overlap_hours * 3600)
    return await _with_owner(call, key, token)


async def revoke_key(call: Call) -> None:
    """Ends a key."""
    await call.services.keys.revoke(call.principal, call.part("key"))


async def _with_owner(call: Call, key: ApiKey, token: Token) -> schemas.NewKey:
    if key.account_id == call.principal.account_id:
        return translate.new_key(key, token, call.principal.account_name)
    holders = await call.services.accounts.all(call.principal)  # who rotates another's key is an administrator
    return translate.new_key(key, token, next((a.name for a in holders if a.id == key.account_id), ""))


def _or_keep(value: T | UnsetType) -> T | Keep:
    return KEEP if isinstance(value, UnsetType) else value


def _newest_first(pair: tuple[ApiKey, str]) -> str:
    key = pair[0]
    return f"{10**15 - int(key.created_at * 1000):016d}{key.id}"


# -- organizations ------------------------------------------------------------------------------------------------------


async def organizations(call: Call) -> Page[schemas.Organization]:
    """A page of organizations, by name."""
    found = await call.services.organizations.all(call.principal)
    page, following = paging.cut(found, lambda pair: pair[0].name.lower(), call.cursor, call.limit)
    return Page(items=[translate.organization(org, role) for org, role in page], next=following)


async def create_organization(call: Call) -> schemas.Organization:
    """Makes an organization."""
    wanted = await call.document(schemas.OrganizationRequest)
    made = await call.services.organizations.create(call.principal, wanted.name, public=wanted.public)
    return translate.organization(made, Role.OWNER)


async def organization(call: Call) -> schemas.Organization:
    """An organization with its members."""
    view = await call.services.organizations.get(call.principal, call.part("organization"))
    return translate.organization_with_members(view, call.principal.account_id)


async def delete_organization(call: Call) -> None:
    """Removes an organization."""
    await call.services.organizations.remove(call.principal, call.part("organization"))


async def put_member(call: Call) -> schemas.Organization:
    """Gives an account a role."""
    wanted = await call.document(schemas.MemberRequest)
    view = await call.services.organizations.put_member(
        call.principal, call.part("organization"), call.part("account"), wanted.role
    )
    return translate.organization_with_members(view, call.principal.account_id)


async def remove_member(call: Call) -> None:
    """Takes an account out of an organization."""
    await call.services.organizations.remove_member(call.principal, call.part("organization"), call.part("account"))


# -- secrets ------------------------------------------------------------------------------------------------------------


async def secrets(call: Call) -> Page[schemas.Secret]:
    """A page of the names of secrets."""
    found = await call.services.secrets.names(call.principal, _owner(call))
    page, following = paging.cut(found, str, call.cursor, call.limit)
    return Page(items=[schemas.Secret(name=name) for name in page], next=following)


async def put_secret(call: Call) -> None:
    """Keeps a secret."""
    wanted = await call.document(schemas.SecretRequest)
    await call.services.secrets.put(call.principal, call.part("secret"), wanted.value, _owner(call))


async def delete_secret(call: Call) -> None:
    """Forgets a secret."""
    await call.services.secrets.remove(call.principal, call.part("secret"), _owner(call))


def _owner(call: Call) -> str | None:
    return call.query.get("owner") or None
