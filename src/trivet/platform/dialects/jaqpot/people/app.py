"""From a path to what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from starlette.types import Receive, Scope

from trivet.platform.core.accounts import Principal
from trivet.platform.core.pictures import MAX_PICTURE
from trivet.platform.dialects.jaqpot import errors
from trivet.platform.dialects.jaqpot.context import Call, address, query_of
from trivet.platform.dialects.jaqpot.paths import nobody
from trivet.platform.dialects.jaqpot.people.context import PeopleServices, Summaries
from trivet.platform.dialects.jaqpot.people.invitations import InvitationRoutes
from trivet.platform.dialects.jaqpot.people.keys import KeyRoutes
from trivet.platform.dialects.jaqpot.people.multipart import part_named
from trivet.platform.dialects.jaqpot.people.organizations import OrganizationRoutes
from trivet.platform.dialects.jaqpot.people.users import UserRoutes
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import read_heads
from trivet.platform.wire.hot import Answer

Handler = Callable[[Call], Awaitable[Answer]]

_MAX_DOCUMENT = 1 << 18
_MAX_FORM = MAX_PICTURE + (1 << 16)
"""Bytes of a form: the file in it, and what is around that."""


class Route(NamedTuple):
    """One method of one path below ``/v1``; a name in braces stands for any. ``is_open``: no key is needed. ``file``: the part of
    a form that is handed on in place of the body.
    """

    method: str
    path: str
    handler: Handler
    is_open: bool = False
    file: str = ""


class Found(NamedTuple):
    """What a path leads to: its routes by method, and what it leaves open."""

    routes: Mapping[str, Route]
    parts: Mapping[str, str]


class PeopleApi:
    """Answers what is about people: keys, organizations, invitations, users.

    Args:
        services: what it speaks for.
        summaries: makes models' documents for pages.
    """

    def __init__(self, services: PeopleServices, summaries: Summaries) -> None:
        self._routes: dict[int, list[tuple[list[str], Route]]] = {}
        """By how many names the path has."""
        for route in _routes(services, summaries):
            pattern = route.path.split("/")
            self._routes.setdefault(len(pattern), []).append((pattern, route))

    def find(self, parts: Sequence[str]) -> Found | None:
        """What a path leads to; None where to nothing here.

        Args:
            parts: the names of the path behind ``/v1``, decoded.
        """
        routes: dict[str, Route] = {}
        found: dict[str, str] = {}
        for pattern, route in self._routes.get(len(parts), ()):
            if route.method not in routes and all(
                name[0] == "{" or name == part for name, part in zip(pattern, parts, strict=True)
            ):
                routes[route.method] = route
                found |= {name[1:-1]: part for name, part in zip(pattern, parts, strict=True) if name[0] == "{"}
        return Found(routes, found) if routes else None

    async def answer(self, asker: Principal | None, parts: Sequence[str], scope: Scope, receive: Receive) -> Answer:
        """Answers one request.

        Args:
            asker: who asks; None where nobody has shown a key.
            parts: the names of the path behind ``/v1``, decoded.
            scope: the request's.
            receive: where its body comes from.

        Raises:
            CoreError, Refused: the request is refused.
            ClientGone: there is nobody to answer.
        """
        found = self.find(parts)
        if found is None:
            return errors.no_such_path("/".join(parts))
        method: str = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method == "OPTIONS":
            return errors.allowed(found.routes)
        route = found.routes.get(method)
        if route is None:
            return errors.method_not_allowed(method, found.routes)
        if asker is None and not route.is_open:
            raise nobody(scope["headers"])
        heads = read_heads(scope["headers"])
        body = await read_body(receive, _MAX_FORM if route.file else _MAX_DOCUMENT, heads.content_length)
        if route.file:
            body = part_named(route.file, body, heads.content_type or b"")
        return await route.handler(Call(asker, address(scope), found.parts, query_of(scope["query_string"]), body=body))


def _routes(services: PeopleServices, summaries: Summaries) -> Sequence[Route]:
    """All of them. Where two fit a path, the first one counts."""
    keys, users = KeyRoutes(services), UserRoutes(services, summaries)
    organizations = OrganizationRoutes(services)
    invitations = InvitationRoutes(services, organizations)
    organization, invitation = "organizations/{name}", "organizations/{name}/invitations/{invitation}"
    return (
        Route("GET", "user/api-keys", keys.list),
        Route("POST", "user/api-keys", keys.create),
        Route("PATCH", "user/api-keys/{key}", keys.change),
        Route("DELETE", "user/api-keys/{key}", keys.delete),
        Route("GET", "organizations", organizations.seen),
        Route("POST", "organizations", organizations.create),
        Route("GET", organization, organizations.show, is_open=True),
        Route("DELETE", organization, organizations.remove),
        Route("PATCH", "organizations/{id}/partial", organizations.change),
        Route("PATCH", f"{organization}/members/{{user}}", organizations.change_member),
        Route("DELETE", f"{organization}/members/{{user}}", organizations.remove_member),
        Route("GET", f"{organization}/invitations", invitations.of_organization),
        Route("POST", f"{organization}/invitations", invitations.invite),
        Route("GET", invitation, invitations.show),
        Route("PUT", invitation, invitations.answer),
        Route("DELETE", invitation, invitations.withdraw),
        Route("POST", "organizations/{id}/invitations/{invitation}/resend", invitations.resend),
        Route("GET", "user/organizations", organizations.own),
        Route("GET", "user/invitations", invitations.own),
        Route("GET", "users/{user}", users.show, is_open=True),
        Route("GET", "users/{user}/avatar", users.picture, is_open=True),
        Route("GET", "user/settings", users.settings),
        Route("POST", "user/settings", users.set_settings),
        Route("POST", "user/avatar", users.set_picture, file="file"),
        Route("DELETE", "user/avatar", users.remove_picture),
        Route("GET", "auth/validate", users.validate),
        Route("GET", "leads", users.leads),
        Route("POST", "leads", users.leads),
        Route("GET", "leads/{id}", users.leads),
        Route("PUT", "leads/{id}", users.leads),
        Route("DELETE", "leads/{id}", users.leads),
        Route("GET", "admin/users", users.all),
        Route("GET", "admin/models", users.models),
    )
