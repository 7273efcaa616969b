"""Handlers around models: looking, searching, changing their texts, archiving, removing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Visibility, may_see
from trivet.platform.core.errors import BadRequest, Conflict, NotFound
from trivet.platform.core.searching import Entry, rank
from trivet.platform.dialects.jaqpot import pages, schemas, translate
from trivet.platform.dialects.jaqpot.context import Call, JaqpotServices, nothing, reply, whole
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.pages import MODELS_ON_A_PAGE
from trivet.platform.dialects.jaqpot.people.shapes import organization
from trivet.platform.dialects.jaqpot.translate import Overlay, Shown
from trivet.platform.services.access import require
from trivet.platform.wire.hot import Answer

_VISIBILITIES: Mapping[str, Visibility] = {
    "PUBLIC": Visibility.PUBLIC,
    "ORG_SHARED": Visibility.SHARED,
    "PRIVATE": Visibility.PRIVATE,
}
_LONGEST_QUERY = 500
_ORDERS: Mapping[str, Callable[[Shown], Any]] = {
    "id": lambda shown: shown.endpoint.model_id,
    "name": lambda shown: shown.name.lower(),
    "description": lambda shown: (shown.text or "").lower(),
    "type": lambda shown: shown.kind,
    "visibility": lambda shown: shown.visibility,
    "createdAt": lambda shown: shown.endpoint.created_at,
    "updatedAt": lambda shown: shown.endpoint.updated_at,
}


class Models:
    """The handlers.

    Args:
        services: what this dialect speaks for.
        lookup: finds models.
    """

    def __init__(self, services: JaqpotServices, lookup: Lookup) -> None:
        self._endpoints = services.endpoints
        self._pending = services.pending
        self._clock = services.clock
        self._lookup = lookup
        self._organizations = services.organizations
        self._words: dict[str, tuple[tuple[float, str | None], Mapping[str, float]]] = {}

    # -- looking ------------------------------------------------------------------------------------------------------

    async def show(self, call: Call) -> Answer:
        """One model. Public ones are for everybody."""
        return await self._document(call, self._lookup.open(call))

    async def legacy(self, call: Call) -> Answer:
        """One model, by its integer or by the platform's own id of it."""
        text = call.parts["model"]
        if whole(text) is None:
            known = self._endpoints.by_id(text)
            if known is None or known.model_id is None or not _sees(call.asker, known):
                raise NotFound(
                    f"There is no model {text[:80]!r}.", hint="Ids of Jaqpot's older platform are not known here."
                )
            call = replace(call, parts={**call.parts, "model": str(known.model_id)})
        return await self._document(call, self._lookup.open(call))

    async def search(self, call: Call) -> Answer:
        """A page of the public models that hold any word of the query, best first."""
        query = call.first("query")
        if query is None:
            raise BadRequest(
                "What is searched for is missing.", hint="Send `?query=words`; an empty one finds everything."
            )
        found = await self._lookup.shown(call.asker, [each for each in self._lookup.all() if _is_public(each)])
        found = [shown for shown in found if shown.overlay.archived_at is None]
        found.sort(key=lambda shown: -shown.endpoint.created_at)
        best = rank(query[:_LONGEST_QUERY], [self._words_of(shown) for shown in found])
        return self._page(call, [found[place] for place in best])

    async def own(self, call: Call) -> Answer:
        """A page of one's own models, those of one's organizations included."""
        return await self._listed(call, lambda principal, each: principal.owns(each.owner_id))

    async def archived(self, call: Call) -> Answer:
        """A page of one's own models that are archived."""
        return await self._listed(call, lambda principal, each: principal.owns(each.owner_id), archived=True)

    async def shared(self, call: Call) -> Answer:
        """A page of the models that are shared with organizations one belongs to, or with one of these."""
        wanted = call.first("organizationId")
        number = None if wanted is None else whole(wanted)
        if wanted is not None and number is None:
            raise BadRequest(f"organizationId={wanted[:40]!r} is not the integer of an organization.")

        def is_shared(principal: Principal, each: Endpoint) -> bool:
            return each.visibility is Visibility.SHARED and not each.shared_with.isdisjoint(principal.roles)

        def is_meant(shown: Shown) -> bool:
            return number is None or any(each.number == number for each in shown.shared_with)

        return await self._listed(call, is_shared, is_meant)

    # -- changing -----------------------------------------------------------------------------------------------------

    async def change(self, call: Call) -> Answer:
        """Changes a model's texts, and who may see it."""
        endpoint = self._lookup.used(call, Scope.DEPLOY)
        patch = call.document(schemas.ModelPatch)
        visibility = _VISIBILITIES[patch.visibility]
        reference = EndpointReference(call.parts["model"], id=endpoint.id)
        described = self._lookup.version(endpoint).model
        translate.changed_by(Overlay.of(endpoint), patch, described)  # what can't be must not change half of it
        ids = patch.shared_with_organization_ids
        names: tuple[str, ...] | None = None
        if visibility is Visibility.SHARED and ids is not None:
            names = tuple(each.name for each in await self._organizations.numbered(call.principal, ids))
        shared = bool(endpoint.shared_with if names is None else names)
        for_nobody = visibility is Visibility.SHARED and not shared  # until an organization is named
        change = EndpointChange(visibility=visibility, shared_with=() if visibility is Visibility.PUBLIC else names)
        if for_nobody:
            change = EndpointChange(visibility=Visibility.PRIVATE)
        await self._endpoints.update(call.principal, reference, change)

        def decide(current: Endpoint, now: float) -> Endpoint:
            overlay = translate.changed_by(Overlay.of(current), patch, described)
            return overlay.having(sharing=for_nobody).put(current, now)

        changed = await self._endpoints.change(call.principal, reference, decide)
        return await self._document(call, changed)

    async def change_feature(self, call: Call) -> Answer:
        """Changes the texts of one feature of a model."""
        endpoint = self._lookup.used(call, Scope.DEPLOY)
        patch, wanted = call.document(schemas.FeaturePatch), call.number("feature")
        (shown,) = await self._lookup.shown(call.principal, [endpoint])
        feature = next((each for each in shown.features() if each["id"] == wanted), None)
        if feature is None:
            raise NotFound(f"The model {call.parts['model']} has no feature {call.parts['feature'][:40]!r}.")
        kept = translate.feature_changed_by(feature, patch)

        def decide(current: Endpoint, now: float) -> Endpoint:
            overlay = Overlay.of(current)
            return overlay.having(features={**overlay.features, feature["key"]: kept}).put(current, now)

        reference = EndpointReference(call.parts["model"], id=endpoint.id)
        changed = await self._endpoints.change(call.principal, reference, decide)
        (shown,) = await self._lookup.shown(call.principal, [changed])
        return reply(next(each for each in shown.features() if each["id"] == wanted))

    async def archive(self, call: Call) -> Answer:
        """Takes a model out of the lists; nobody can predict with it until it is brought back."""
        now = self._clock()
        endpoint = await self._put_aside(call, now)
        return reply({"id": endpoint.model_id, "archivedAt": translate.moment(now)})

    async def unarchive(self, call: Call) -> Answer:
        """Brings a model back that was archived."""
        endpoint = await self._put_aside(call, None)
        return reply({"id": endpoint.model_id})

    async def remove(self, call: Call) -> Answer:
        """Removes a model with all its versions; or an upload that is not a model yet."""
        number = call.number("model")
        if number is not None and self._pending.give_up(call.principal, number):
            return nothing(204)
        endpoint = self._lookup.used(call, Scope.DEPLOY)
        await self._endpoints.remove(call.principal, EndpointReference(call.parts["model"], id=endpoint.id))
        self._words.pop(endpoint.id, None)
        return nothing(204)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _document(self, call: Call, endpoint: Endpoint) -> Answer:
        (shown,) = await self._lookup.shown(call.asker, [endpoint])
        organizations = [organization(each) for each in shown.shared_with]
        return reply(translate.model(shown, organizations))

    async def _listed(
        self,
        call: Call,
        is_wanted: Callable[[Principal, Endpoint], bool],
        is_meant: Callable[[Shown], bool] = lambda _: True,
        *,
        archived: bool = False,
    ) -> Answer:
        principal = call.principal
        require(principal, Scope.READ)
        wanted = [each for each in self._lookup.all() if is_wanted(principal, each)]
        found = await self._lookup.shown(principal, sorted(wanted, key=lambda each: -each.created_at))
        meant = [shown for shown in found if (shown.overlay.archived_at is not None) == archived and is_meant(shown)]
        return self._page(call, pages.ordered(meant, pages.orders(call), _ORDERS))

    def _page(self, call: Call, found: list[Shown]) -> Answer:
        part = pages.part(call, MODELS_ON_A_PAGE)
        content = [translate.summary(shown) for shown in part.of(found)]
        return reply(translate.page(content, len(found), part.size, part.number))

    async def _put_aside(self, call: Call, archived_at: float | None) -> Endpoint:
        endpoint = self._lookup.used(call, Scope.DEPLOY)

        def decide(current: Endpoint, now: float) -> Endpoint:
            overlay = Overlay.of(current)
            if (overlay.archived_at is None) == (archived_at is None):
                state = "not archived" if archived_at is None else "archived already"
                raise Conflict(f"The model {current.model_id} is {state}; nothing was changed.")
            return overlay.having(archived_at=archived_at).put(current, now)

        reference = EndpointReference(call.parts["model"], id=endpoint.id)
        return await self._endpoints.change(call.principal, reference, decide)

    def _words_of(self, shown: Shown) -> Mapping[str, float]:
        state = (shown.endpoint.updated_at, shown.endpoint.current_id)
        known = self._words.get(shown.endpoint.id)
        if known is None or known[0] != state:
            entry = Entry(f"{shown.name} {shown.endpoint.name}", shown.text or "", shown.tags)
            known = self._words[shown.endpoint.id] = state, entry.words()
        return known[1]


def _sees(asker: Principal | None, endpoint: Endpoint) -> bool:
    return _is_public(endpoint) if asker is None else may_see(asker, endpoint)


def _is_public(endpoint: Endpoint) -> bool:
    return endpoint.visibility is Visibility.PUBLIC
