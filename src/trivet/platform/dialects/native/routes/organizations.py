"""Organizations and their members."""

from __future__ import annotations

from trivet.platform.dialects.native import people
from trivet.platform.dialects.native.routes.route import PAGING, Access, Route
from trivet.platform.dialects.native.schemas import people as schemas
from trivet.platform.dialects.native.schemas.document import Page

ORGANIZATIONS: tuple[Route, ...] = (
    Route(
        name="list_organizations",
        method="GET",
        path="/orgs",
        tag="People",
        summary="List organizations",
        access=Access.READ,
        handler=people.organizations,
        response=Page[schemas.Organization],
        queries=PAGING,
    ),
    Route(
        name="create_organization",
        method="POST",
        path="/orgs",
        tag="People",
        summary="Make an organization",
        access=Access.DEPLOY,
        handler=people.create_organization,
        request=schemas.OrganizationRequest,
        response=schemas.Organization,
        status=201,
    ),
    Route(
        name="get_organization",
        method="GET",
        path="/orgs/{organization}",
        tag="People",
        summary="Look at an organization and its members",
        access=Access.READ,
        handler=people.organization,
        response=schemas.Organization,
    ),
    Route(
        name="delete_organization",
        method="DELETE",
        path="/orgs/{organization}",
        tag="People",
        summary="Delete an organization",
        access=Access.DEPLOY,
        handler=people.delete_organization,
        status=204,
        detail="For its owners.",
    ),
    Route(
        name="put_member",
        method="PUT",
        path="/orgs/{organization}/members/{account}",
        tag="People",
        summary="Give an account a role",
        access=Access.DEPLOY,
        handler=people.put_member,
        request=schemas.MemberRequest,
        response=schemas.Organization,
        detail="Owners may give any role; admins may add plain members.",
    ),
    Route(
        name="remove_member",
        method="DELETE",
        path="/orgs/{organization}/members/{account}",
        tag="People",
        summary="Take an account out",
        access=Access.DEPLOY,
        handler=people.remove_member,
        status=204,
        detail="Everybody may leave; the last owner stays.",
    ),
)
