"""People as Jaqpot's clients read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trivet.platform.core.accounts import Account, Organization, Principal, Role
from trivet.platform.core.invitations import Invitation
from trivet.platform.core.keys import ApiKey, Token
from trivet.platform.dialects.jaqpot.context import FORMAT, VERSION
from trivet.platform.services.organizations import OrganizationView
from trivet.platform.wire.times import rfc3339

_LEAST_NAME = 3
_LEAST_TEXT = 3
_FILLER = "_"
_TEXTS = ("contactPhone", "website", "address")


# -- keys ---------------------------------------------------------------------------------------------------------------


def key(found: ApiKey) -> dict[str, Any]:
    """A key in a list."""
    return {
        "clientKey": Token(found.id, "").client_key,
        "note": found.label,
        "createdAt": rfc3339(found.created_at),
        "expiresAt": rfc3339(found.expires_at),
        "enabled": not found.disabled,
    }


# -- users --------------------------------------------------------------------------------------------------------------


def user(account: Account, address: str, *, is_known: bool = False, can_edit: bool = False) -> dict[str, Any]:
    """A person.

    Args:
        account: whose.
        address: the API's, as the caller reached it.
        is_known: whether whoever asks may read the e-mail address.
        can_edit: whether whoever asks is that person, or an administrator.
    """
    email = {"email": account.email, "emailVerified": True} if is_known and account.email else {}
    return {
        "id": account.id,
        "username": account.name,
        **email,
        "avatarUrl": picture_url(account, address),
        "canEdit": can_edit,
        "createdAt": rfc3339(account.created_at),
    }


def settings(account: Account, principal: Principal, address: str) -> dict[str, Any]:
    """How somebody likes the web pages."""
    kept = kept_with(account)
    return {
        "darkMode": kept.get("darkMode", False),
        "collapseSidebar": kept.get("collapseSidebar", False),
        "avatarUrl": picture_url(account, address),
        "isAdmin": principal.administers(),
        "isUpciUser": False,
    }


def picture_url(account: Account, address: str) -> str | None:
    """Where an account's picture is; None where it has none. Another picture has another address."""
    return f"{address}/{VERSION}/users/{account.name}/avatar?v={account.picture}" if account.picture else None


# -- organizations ------------------------------------------------------------------------------------------------------


def organization_name(found: Organization) -> str:
    """What an organization is called here. Clients refuse names of fewer than three characters: those are filled up, with what no
    name can end in.
    """
    return found.name.ljust(_LEAST_NAME, _FILLER)


def name_meant(text: str) -> str:
    """The name that `organization_name` has made a text of."""
    return text.rstrip(_FILLER)


def organization(
    found: Organization, role: Role | None = None, *, can_edit: bool = False, creator: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An organization without its members.

    Args:
        found: which.
        role: what whoever asks is in it.
        can_edit: whether whoever asks may change it.
        creator: who has made it, as a `user`.
    """
    kept = kept_with(found)
    description = kept.get("description") or ""
    return {
        "id": found.number,
        "name": organization_name(found),
        "creator": creator,
        "visibility": "PUBLIC" if found.public else "PRIVATE",
        # clients refuse a text of one or two characters
        "description": description if len(description) >= _LEAST_TEXT else None,
        "organizationMembers": [],
        "contactEmail": kept.get("contactEmail", ""),
        **{word: kept.get(word) for word in _TEXTS},
        "canEdit": can_edit,
        "isMember": role is not None,
        "created_at": rfc3339(found.created_at),
    }


def organization_with_members(view: OrganizationView, asker: Principal | None, address: str) -> dict[str, Any]:
    """An organization with its members, as far as whoever asks was told of them."""
    roles = {account.id: role for account, role in view.members}
    role = None if asker is None else roles.get(asker.account_id)
    manages = asker is not None and (asker.administers() or role in (Role.OWNER, Role.ADMIN))
    found = organization(view.organization, role, can_edit=manages, creator=_creator(view, address))
    found["organizationMembers"] = [
        {
            "userId": account.id,
            "username": account.name,
            "email": account.email or None if manages else None,
            "avatarUrl": picture_url(account, address),
            "associationType": association(role),
        }
        for account, role in view.members
    ]
    return found


def association(role: Role) -> str:
    """What a role is called here: an organization's owners are its admins as well."""
    return "MEMBER" if role is Role.MEMBER else "ADMIN"


def invitation(found: Invitation, organization: Organization | str, address: str) -> dict[str, Any]:
    """An invitation, with what whoever invites hands on: nothing is sent from here.

    Args:
        found: which.
        organization: whose, or its name.
        address: the API's, as the caller reached it.
    """
    name = organization if isinstance(organization, str) else organization_name(organization)
    return {
        "id": found.id,
        "userId": found.answered_by,
        "userEmail": found.address,
        "status": found.status.name,
        "expirationDate": rfc3339(found.expires_at),
        # not Jaqpot's: where the answer goes to
        "organizationName": name,
        "url": f"{address}/{VERSION}/organizations/{name}/invitations/{found.id}",
    }


# -- pages --------------------------------------------------------------------------------------------------------------


def page(content: Sequence[object], total: int, number: int, size: int) -> dict[str, Any]:
    """One page of an administrator's list. (Everybody else's have other fields.)

    Args:
        content: what is on it.
        total: how long the whole list is.
        number: which page it is, from 0.
        size: how much a page may hold.
    """
    pages = -(-total // size)
    return {
        "content": list(content),
        "totalElements": total,
        "totalPages": pages,
        "size": size,
        "number": number,
        "numberOfElements": len(content),
        "first": number == 0,
        "last": number >= pages - 1,
        "empty": not content,
    }


def kept_with(found: Account | Organization) -> Mapping[str, Any]:
    """What this dialect keeps with an account or an organization."""
    kept: Mapping[str, Any] = found.extras.get(FORMAT, {})
    return kept


def _creator(view: OrganizationView, address: str) -> dict[str, Any] | None:
    """Who has made an organization, where that one is still an owner; else another owner."""
    owners = [account for account, role in view.members if role is Role.OWNER]
    maker = kept_with(view.organization).get("createdBy")
    found = next((account for account in owners if account.id == maker), owners[0] if owners else None)
    return None if found is None else user(found, address)
