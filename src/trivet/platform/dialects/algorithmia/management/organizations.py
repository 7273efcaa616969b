"""Organizations: of which types there are, who belongs to one, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from trivet.platform.core.accounts import Organization, Role
from trivet.platform.core.errors import Conflict, NotFound
from trivet.platform.dialects.algorithmia.management.context import FORMAT, Call, nothing, reply
from trivet.platform.dialects.algorithmia.management.errors import (
    LAST_OWNER,
    MISSING_FIELDS,
    NO_ORGANIZATION,
    NO_ORGANIZATION_TYPE,
    Refused,
)
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.dialects.algorithmia.management.paging import page_of
from trivet.platform.dialects.algorithmia.management.words import check_name, text_in
from trivet.platform.services.organizations import OrganizationView
from trivet.platform.wire.hot import Answer
from trivet.platform.wire.problems import sentence_of

TYPES = {uuid_of(f"organization-type:{name}"): name for name in ("basic", "legacy", "pro")}
"""Names by id. They make no difference here; clients turn the one into the other."""
_BASIC = next(iter(TYPES))
_LONGEST_NAME = 30
_TEXTS = (
    "org_label",
    "org_contact_name",
    "org_email",
    "org_url",
    "external_admin_group",
    "external_member_group",
    "external_id",
)


async def types(_: Call) -> Answer:
    """The types that an organization can be of."""
    return reply([{"id": id_, "name": name} for id_, name in TYPES.items()])


async def create(call: Call) -> Answer:
    """Makes an organization whose owner is the one who asks."""
    document = call.document()
    if not document.get("org_name"):
        raise Refused(400, MISSING_FIELDS, "An organization needs an 'org_name'.")
    name = check_name("an organization", document["org_name"], _LONGEST_NAME)
    profile = {"type_id": _type(document.get("type_id")), **_profile(document)}
    made = await call.services.organizations.create(call.principal, name, {FORMAT: profile})
    return reply(_document(call, made, [call.principal.account_id]))


async def organizations(call: Call) -> Answer:
    """The organizations of the one who asks, by name; all of them for administrators."""
    found = [organization for organization, _ in await call.services.organizations.all(call.principal)]
    return reply(
        page_of(call, found, lambda each: each.id, lambda each: _document(call, each, None), "/v1/organizations")
    )


async def show(call: Call) -> Answer:
    """An organization."""
    return reply(_view(call, await _organization(call)))


async def by_external_id(call: Call) -> Answer:
    """The organization that is known elsewhere under an id."""
    wanted = call.parts["external"]
    for organization, _ in await call.services.organizations.all(call.principal):
        if organization.extras.get(FORMAT, {}).get("external_id") == wanted:
            return reply(_view(call, await call.services.organizations.get(call.principal, organization.name)))
    raise NotFound.of("organization", wanted)


async def update(call: Call) -> Answer:
    """Changes what an organization says of itself. Its name stays."""
    view = await _organization(call)
    document = call.document()
    profile = {**view.organization.extras.get(FORMAT, {}), **_profile(document)}
    if document.get("type_id") is not None:
        profile["type_id"] = _type(document["type_id"])
    await call.services.organizations.keep(call.principal, view.organization.name, {FORMAT: profile})
    return reply(_view(call, await _organization(call)))


async def remove(call: Call) -> Answer:
    """Removes an organization."""
    await call.services.organizations.remove(call.principal, call.parts["organization"])
    return nothing(204)


async def members(call: Call) -> Answer:
    """Who belongs to an organization, by name."""
    view = await _organization(call)
    return reply(
        [
            {
                "username": account.name,
                "role": "owner" if role is Role.OWNER else "member",
                "user_link": f"{call.address}/v1/users/{account.name}",
                "resource_type": "organization_member",
            }
            for account, role in view.members
        ]
    )


async def invite(call: Call) -> Answer:
    """Makes an account a member at once: 201; who is one already stays what it is: 200."""
    view, user = await _known(call), call.parts["user"]
    if any(account.name.lower() == user.lower() for account, _ in view.members):
        return nothing(200)
    await call.services.organizations.put_member(call.principal, view.organization.name, user, Role.MEMBER)
    return nothing(201)


async def dismiss(call: Call) -> Answer:
    """Takes an account out of an organization."""
    view = await _known(call)
    try:
        await call.services.organizations.remove_member(call.principal, view.organization.name, call.parts["user"])
    except Conflict as error:
        raise Refused(400, LAST_OWNER, sentence_of(error)) from None
    return nothing(204)


async def _organization(call: Call) -> OrganizationView:
    return await call.services.organizations.get(call.principal, call.parts["organization"])


async def _known(call: Call) -> OrganizationView:
    """The organization, where what else may be missing is a user."""
    try:
        return await _organization(call)
    except NotFound as error:
        raise Refused(404, NO_ORGANIZATION, sentence_of(error)) from None


def _type(given: object) -> str:
    if not isinstance(given, str) or given.lower() not in TYPES:
        known = ", ".join(f"{name} ({id_})" for id_, name in TYPES.items())
        raise Refused(400, NO_ORGANIZATION_TYPE, f"There is no such organization type. There are: {known}.")
    return given.lower()


def _profile(document: Mapping[str, Any]) -> dict[str, str]:
    return {word: text_in(document, word) for word in _TEXTS if document.get(word) is not None}


def _view(call: Call, view: OrganizationView) -> dict[str, Any]:
    owners = [account.id for account, role in view.members if role is Role.OWNER]
    return _document(call, view.organization, owners)


def _document(call: Call, organization: Organization, owners: list[str] | None) -> dict[str, Any]:
    profile = organization.extras.get(FORMAT, {})
    made = datetime.fromtimestamp(organization.created_at, UTC)
    return {
        "id": uuid_of(organization.id),
        "org_name": organization.name,
        **{word: profile.get(word) for word in _TEXTS},
        "org_label": profile.get("org_label") or organization.name,
        "org_created_at": made.strftime("%Y-%m-%dT%H:%M:%S"),
        "type_id": profile.get("type_id", _BASIC),
        "owner_ids": None if owners is None else [uuid_of(owner) for owner in owners],
        "stripe_customer_id": None,
        "self_link": f"{call.address}/v1/organizations/{organization.name}",
        "resource_type": "organization",
    }
