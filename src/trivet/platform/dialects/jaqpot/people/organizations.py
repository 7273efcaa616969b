"""Organizations: what they say of themselves, who belongs to them."""

from __future__ import annotations

from typing import Any

import msgspec

from trivet.platform.core.accounts import Organization, Role
from trivet.platform.core.errors import Conflict, Forbidden, NotFound
from trivet.platform.dialects.jaqpot.context import FORMAT, Call, created, nothing, reply, whole
from trivet.platform.dialects.jaqpot.errors import Refused
from trivet.platform.dialects.jaqpot.people import schemas, shapes
from trivet.platform.dialects.jaqpot.people.context import PeopleServices
from trivet.platform.wire.hot import Answer
from trivet.platform.wire.problems import sentence_of

_KEPT = ("contactEmail", "description", "contactPhone", "website", "address")
_MANAGERS = (Role.OWNER, Role.ADMIN)


class OrganizationRoutes:
    """The handlers."""

    def __init__(self, services: PeopleServices) -> None:
        self._organizations = services.organizations

    # -- looking ------------------------------------------------------------------------------------------------------

    async def seen(self, call: Call) -> Answer:
        """All organizations that one may know of: public ones, one's own, all for administrators."""
        principal = call.principal
        roles = {each.id: role for each, role in await self._organizations.all(principal)}
        found = await self._organizations.seen(principal)
        return reply(
            [
                shapes.organization(
                    each,
                    roles.get(each.id),
                    can_edit=principal.administers() or roles.get(each.id) in _MANAGERS,
                )
                for each in found
            ]
        )

    async def own(self, call: Call) -> Answer:
        """The organizations that one belongs to."""
        found = await self._organizations.all(call.principal)
        return reply(
            [
                shapes.organization(each, role, can_edit=role in _MANAGERS or call.principal.administers())
                for each, role in found
                if role is not None
            ]
        )

    async def show(self, call: Call) -> Answer:
        """One organization; public ones are for everybody. Its members are for themselves and administrators."""
        view = await self._organizations.look(call.asker, shapes.name_meant(call.parts["name"]))
        return reply(shapes.organization_with_members(view, call.asker, call.address))

    # -- changing -----------------------------------------------------------------------------------------------------

    async def create(self, call: Call) -> Answer:
        """Makes an organization whose owner is the one who asks."""
        wanted = call.document(schemas.OrganizationRequest)
        kept = {"createdBy": call.principal.account_id, **_kept(wanted)}
        try:
            made = await self._organizations.create(
                call.principal, wanted.name, {FORMAT: kept}, public=wanted.visibility == "PUBLIC"
            )
        except Conflict as error:
            raise Refused(400, sentence_of(error)) from None
        return created(call.address, f"organizations/{shapes.organization_name(made)}")

    async def change(self, call: Call) -> Answer:
        """Changes what an organization says of itself, its name, and who may know of it."""
        wanted, organization = call.document(schemas.OrganizationRequest), await self.numbered(call)
        name = shapes.name_meant(wanted.name) if wanted.name != organization.name else organization.name
        changed = await self._organizations.change(
            call.principal,
            organization.name,
            new_name=name,
            public=wanted.visibility == "PUBLIC",
            extras={FORMAT: {**shapes.kept_with(organization), **_kept(wanted)}},
        )
        view = await self._organizations.look(call.principal, changed.name)
        return reply(shapes.organization_with_members(view, call.principal, call.address))

    async def remove(self, call: Call) -> Answer:
        """Removes an organization; models that were shared with it are so no longer."""
        await self._organizations.remove(call.principal, shapes.name_meant(call.parts["name"]))
        return nothing(204)

    # -- members ------------------------------------------------------------------------------------------------------

    async def change_member(self, call: Call) -> Answer:
        """Makes a member an admin, or an admin a plain member. Who is an owner is an admin already."""
        wanted = call.document(schemas.RoleChange)
        name, user = shapes.name_meant(call.parts["name"]), call.parts["user"]
        view = await self._organizations.look(call.principal, name)
        before = next((role for account, role in view.members if account.name.lower() == user.lower()), None)
        if view.members and before is None:
            raise NotFound(f"{user[:80]!r} is no member of {name!r}.", hint="Invite them first.")
        if not (before is Role.OWNER and wanted.association_type == "ADMIN"):
            role = Role.ADMIN if wanted.association_type == "ADMIN" else Role.MEMBER
            view = await self._organizations.put_member(call.principal, name, user, role)
        return reply(shapes.organization_with_members(view, call.principal, call.address))

    async def remove_member(self, call: Call) -> Answer:
        """Takes somebody out of an organization. Everybody may leave."""
        await self._organizations.remove_member(
            call.principal, shapes.name_meant(call.parts["name"]), call.parts["user"]
        )
        return nothing(204)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def numbered(self, call: Call) -> Organization:
        """The organization that the path names by its integer.

        Raises:
            NotFound: there is none that the one who asks may know of.
        """
        text = call.parts["id"]
        number = whole(text)
        if number is None:
            raise NotFound(
                f"{text[:40]!r} is not the integer of an organization.", hint="Organizations show it as `id`."
            )
        try:
            (found,) = await self._organizations.numbered(call.principal, [number])
        except Forbidden as error:
            raise NotFound(error.detail, hint=error.hint) from None
        return found


def _kept(wanted: schemas.OrganizationRequest) -> dict[str, Any]:
    """What an organization says of itself, in Jaqpot's words; what was not sent is not there."""
    said: dict[str, Any] = msgspec.to_builtins(wanted)
    return {word: said[word] for word in _KEPT if said[word] is not None}
