"""Users: what people show of themselves, how they like the web pages, their pictures; and lists for administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trivet.platform.core.accounts import Account
from trivet.platform.core.endpoints import Endpoint, VersionState
from trivet.platform.dialects.jaqpot import pages
from trivet.platform.dialects.jaqpot.context import FORMAT, Call, nothing, reply
from trivet.platform.dialects.jaqpot.errors import Refused
from trivet.platform.dialects.jaqpot.people import schemas, shapes
from trivet.platform.dialects.jaqpot.people.context import PeopleServices, Summaries
from trivet.platform.services.access import require_administrator
from trivet.platform.wire.answers import CONTENT_TYPE, NO_SCRIPTS, NO_SNIFFING
from trivet.platform.wire.hot import Answer, lines

_ON_A_PAGE = 20
_KEEPING = (b"cache-control", b"public, max-age=86400")
_ORDERS: Mapping[str, Callable[[Account], Any]] = {
    "username": lambda account: account.name.lower(),
    "email": lambda account: account.email.lower(),
    "createdAt": lambda account: account.created_at,
}
_MODEL_ORDERS: Mapping[str, Callable[[Endpoint], Any]] = {
    "id": lambda endpoint: endpoint.model_id,
    "createdAt": lambda endpoint: endpoint.created_at,
    "updatedAt": lambda endpoint: endpoint.updated_at,
}


class UserRoutes:
    """The handlers.

    Args:
        services: what they speak for.
        summaries: makes models' documents for pages.
    """

    def __init__(self, services: PeopleServices, summaries: Summaries) -> None:
        self._profiles = services.profiles
        self._accounts = services.accounts
        self._endpoints = services.endpoints
        self._summaries = summaries

    async def validate(self, call: Call) -> Answer:
        """Whether the key counts: the answer has no body."""
        _ = call.principal
        return nothing(200)

    async def show(self, call: Call) -> Answer:
        """A person, for everybody. The e-mail address is for that person and for administrators."""
        account, asker = await self._profiles.of(call.parts["user"]), call.asker
        known = asker is not None and (asker.account_id == account.id or asker.administers())
        return reply(shapes.user(account, call.address, is_known=known, can_edit=known))

    async def settings(self, call: Call) -> Answer:
        """How one likes the web pages."""
        return reply(shapes.settings(await self._profiles.own(call.principal), call.principal, call.address))

    async def set_settings(self, call: Call) -> Answer:
        """Changes how one likes the web pages; what is not sent stays."""
        wanted = call.document(schemas.SettingsChange)
        said = {"darkMode": wanted.dark_mode, "collapseSidebar": wanted.collapse_sidebar}
        given = {word: value for word, value in said.items() if value is not None}
        account = await self._profiles.amend(call.principal, FORMAT, lambda kept: {**kept, **given})
        return reply(shapes.settings(account, call.principal, call.address))

    # -- pictures -----------------------------------------------------------------------------------------------------

    async def set_picture(self, call: Call) -> Answer:
        """Keeps the file that was sent as the picture."""
        account = await self._profiles.set_picture(call.principal, call.body)
        return reply({"avatarUrl": shapes.picture_url(account, call.address)})

    async def remove_picture(self, call: Call) -> Answer:
        """Forgets the picture."""
        await self._profiles.remove_picture(call.principal)
        return nothing(204)

    async def picture(self, call: Call) -> Answer:
        """Somebody's picture, for everybody."""
        found = await self._profiles.picture(call.parts["user"])
        headers = [(CONTENT_TYPE, found.media_type.encode()), NO_SNIFFING, NO_SCRIPTS, _KEEPING]
        return Answer(200, lines(headers), found.data)

    # -- for administrators -------------------------------------------------------------------------------------------

    async def all(self, call: Call) -> Answer:
        """A page of all people; for administrators."""
        found = await self._accounts.all(call.principal)
        part = pages.part(call, _ON_A_PAGE)
        ordered = pages.ordered(found, pages.orders(call), _ORDERS)
        content = [shapes.user(each, call.address, is_known=True, can_edit=True) for each in part.of(ordered)]
        return reply(shapes.page(content, len(found), part.number, part.size))

    async def models(self, call: Call) -> Answer:
        """A page of all models; for administrators."""
        require_administrator(call.principal)
        found = [each for each in self._endpoints.visible(call.principal) if self._is_model(each)]
        part = pages.part(call, _ON_A_PAGE)
        ordered = pages.ordered(sorted(found, key=_newest_first), pages.orders(call), _MODEL_ORDERS)
        content = await self._summaries(call.principal, part.of(ordered), call.address)
        return reply(shapes.page(content, len(found), part.number, part.size))

    async def leads(self, call: Call) -> Answer:
        """Refused: requests for early access are not for a platform of one's own."""
        _ = call.principal
        raise Refused(501, "This platform takes no requests for access. Ask whoever runs it for an account.")

    # -- inner --------------------------------------------------------------------------------------------------------

    def _is_model(self, endpoint: Endpoint) -> bool:
        version = None if endpoint.current_id is None else self._endpoints.version(endpoint.current_id)
        return endpoint.model_id is not None and version is not None and version.state is VersionState.READY


def _newest_first(endpoint: Endpoint) -> float:
    return -endpoint.created_at
