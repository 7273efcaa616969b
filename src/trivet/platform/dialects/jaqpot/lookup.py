"""Finding models: by their integers, as those may see them who ask, with what this dialect keeps of each."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from trivet.models.description import ModelDescription, parse
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import (
    RESERVED_MODEL_IDS,
    Endpoint,
    EndpointReference,
    Version,
    VersionState,
    Visibility,
    may_see,
)
from trivet.platform.core.errors import Forbidden, NotFound, Unauthenticated
from trivet.platform.dialects.jaqpot.context import Call, JaqpotServices, whole
from trivet.platform.dialects.jaqpot.translate import Overlay, Shown, summary
from trivet.platform.services.access import require

_DESCRIPTIONS = 256
"""Models whose descriptions are kept as they were read."""


class Lookup:
    """Finds models for the handlers of this dialect.

    A model is an endpoint with an integer id and a version that can be called. Integers are counted up, so that one which was
    given tells nobody anything: who may not see a model is told so, as Jaqpot's clients expect it.

    Args:
        services: what this dialect speaks for.
    """

    def __init__(self, services: JaqpotServices) -> None:
        self._endpoints = services.endpoints
        self._organizations = services.organizations
        self._descriptions: OrderedDict[str, ModelDescription] = OrderedDict()

    # -- one model ----------------------------------------------------------------------------------------------------

    def open(self, call: Call, name: str = "model") -> Endpoint:
        """The model that the path names, where whoever asks may look at it: everybody may at public ones.

        Raises:
            NotFound, Forbidden, Unauthenticated: it is not there, or not for the one who asks.
        """
        text = call.parts[name]
        endpoint = self._known(text)
        if call.asker is not None:
            return self._checked(call.asker, endpoint, Scope.READ, text)
        if endpoint.visibility is not Visibility.PUBLIC:
            raise Unauthenticated(f"The model {text} is not public.", hint="Ask with the API key of who may see it.")
        return endpoint

    def used(self, call: Call, scope: Scope, name: str = "model") -> Endpoint:
        """The model that the path names, where the one who asks may use ``scope`` on it.

        Raises:
            NotFound, Forbidden, Unauthenticated: it is not there, or the one who asks may not.
        """
        principal, text = call.principal, call.parts[name]
        return self._checked(principal, self._known(text), scope, text)

    def version(self, endpoint: Endpoint) -> Version:
        """The version that is current.

        Raises:
            NotFound: there is none that can be called.
        """
        found = self._current(endpoint)
        if found is None:
            raise _missing(str(endpoint.model_id))
        return found

    def description(self, version: Version) -> ModelDescription | None:
        """What a version says of itself, as rows are checked by it; None where it is no model."""
        if version.model is None:
            return None
        known = self._descriptions.get(version.id)
        if known is None:
            known = self._descriptions[version.id] = parse(version.model)
            if len(self._descriptions) > _DESCRIPTIONS:
                self._descriptions.popitem(last=False)
        return known

    # -- many models --------------------------------------------------------------------------------------------------

    def all(self) -> Iterable[Endpoint]:
        """Every model there is, in no order; unchecked."""
        for endpoint in self._endpoints.all():
            if endpoint.model_id is not None and self._current(endpoint) is not None:
                yield endpoint

    async def shown(self, asker: Principal | None, endpoints: list[Endpoint]) -> list[Shown]:
        """Models as somebody may see them."""
        organizations = await self._organizations.shared_by(asker, endpoints)
        return [
            Shown(each, self.version(each), Overlay.of(each), asker, tuple(organizations.get(each.id, ())))
            for each in endpoints
        ]

    async def summaries(self, principal: Principal, endpoints: list[Endpoint], address: str) -> list[dict[str, Any]]:
        """Models as they stand in pages."""
        return [summary(shown) for shown in await self.shown(principal, endpoints)]

    # -- inner --------------------------------------------------------------------------------------------------------

    def _current(self, endpoint: Endpoint) -> Version | None:
        version = None if endpoint.current_id is None else self._endpoints.version(endpoint.current_id)
        return version if version is not None and version.state is VersionState.READY else None

    def _known(self, text: str) -> Endpoint:
        number = whole(text)
        endpoint = None if number is None else self._endpoints.of_model(number)
        if endpoint is None or self._current(endpoint) is None:
            raise _missing(text)
        return endpoint

    def _checked(self, principal: Principal, endpoint: Endpoint, scope: Scope, text: str) -> Endpoint:
        if not may_see(principal, endpoint):
            raise Forbidden(
                f"The model {text} is not shared with {principal.account_name!r}.",
                hint="Ask its owner to share it with an organization that you belong to, or to make it public.",
            )
        require(principal, scope)
        reference = EndpointReference(text, id=endpoint.id)
        return self._endpoints.find(principal, reference, scope)


def _missing(text: str) -> NotFound:
    if whole(text) in RESERVED_MODEL_IDS:
        return NotFound(
            f"The model {text} is a calculator of the QSAR Toolbox, and no QSAR Toolbox is connected to this platform.",
            hint="Deploy an endpoint that answers for it: `trivet deploy PATH --model-id N`.",
        )
    return NotFound(
        f"There is no model {text[:40]!r}.",
        hint="GET /v1/user/models lists your own, GET /v1/models/search public ones.",
    )
