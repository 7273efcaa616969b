"""Invitations to organizations. Nothing is sent: whoever invites is given what to hand on."""

from __future__ import annotations

from trivet.platform.core.errors import Conflict
from trivet.platform.dialects.jaqpot.context import Call, nothing, reply
from trivet.platform.dialects.jaqpot.errors import Refused
from trivet.platform.dialects.jaqpot.people import schemas, shapes
from trivet.platform.dialects.jaqpot.people.context import PeopleServices
from trivet.platform.dialects.jaqpot.people.organizations import OrganizationRoutes
from trivet.platform.wire.hot import Answer
from trivet.platform.wire.problems import sentence_of


class InvitationRoutes:
    """The handlers.

    Args:
        services: what they speak for.
        organizations: finds organizations by their integers.
    """

    def __init__(self, services: PeopleServices, organizations: OrganizationRoutes) -> None:
        self._invitations = services.invitations
        self._organizations = organizations

    async def of_organization(self, call: Call) -> Answer:
        """The invitations of an organization; for those who manage it."""
        found = await self._invitations.of_organization(call.principal, _name(call))
        return reply([shapes.invitation(each, call.parts["name"], call.address) for each in found])

    async def invite(self, call: Call) -> Answer:
        """Invites people; for those who manage the organization. The answer has what to hand on to each."""
        wanted = call.document(schemas.InvitationRequest)
        try:
            made = await self._invitations.invite(call.principal, _name(call), wanted.emails)
        except Conflict as error:
            raise Refused(400, sentence_of(error)) from None
        return reply([shapes.invitation(each, call.parts["name"], call.address) for each in made], 201)

    async def own(self, call: Call) -> Answer:
        """The invitations that one can answer."""
        found = await self._invitations.mine(call.principal)
        return reply([shapes.invitation(each, organization, call.address) for each, organization in found])

    async def show(self, call: Call) -> Answer:
        """One invitation, for whoever was given its id."""
        found = await self._invitations.get(call.principal, _name(call), call.parts["invitation"])
        return reply(shapes.invitation(found, call.parts["name"], call.address))

    async def answer(self, call: Call) -> Answer:
        """Answers an invitation that is for oneself."""
        accepts = call.document(schemas.InvitationAnswer).status == "ACCEPTED"
        found = await self._invitations.answer(call.principal, _name(call), call.parts["invitation"], accepts=accepts)
        return reply(shapes.invitation(found, call.parts["name"], call.address))

    async def resend(self, call: Call) -> Answer:
        """Gives an invitation a week more; for those who manage the organization."""
        organization = await self._organizations.numbered(call)
        found = await self._invitations.renew(call.principal, organization.name, call.parts["invitation"])
        return reply(shapes.invitation(found, organization, call.address))

    async def withdraw(self, call: Call) -> Answer:
        """Forgets an invitation; for those who manage the organization."""
        await self._invitations.withdraw(call.principal, _name(call), call.parts["invitation"])
        return nothing(204)


def _name(call: Call) -> str:
    return shapes.name_meant(call.parts["name"])
