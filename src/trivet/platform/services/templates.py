"""Templates, and endpoints that are made from them.

A template names an image and holds an environment. An endpoint that is made from it is an endpoint like any other: its version
is what the image was at that moment. It gets a new one, as a rolling release, when its template changes, or when the endpoint
itself is saved again and the image has moved meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trivet.platform.core import ids
from trivet.platform.core import templates as rules
from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Overrides, Version
from trivet.platform.core.errors import BadRequest, Conflict, NotFound
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.templates import Template
from trivet.platform.ports.clock import Clock, Entropy
from trivet.platform.ports.stores import Store, Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services import access
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.images import find_image
from trivet.platform.services.remaking import Maker, fresh_version_ids
from trivet.platform.services.saving import (
    Changed,
    Saving,
    TemplateDraft,
    TemplateSaver,
    image_of,
    own_template,
)
from trivet.platform.services.secrets import open_env


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template with its environment opened, for its owner."""

    template: Template
    env: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndpointDraft:
    """An endpoint as somebody wants it made from a template.

    Args:
        name: any text; the endpoint gets what of it a name may hold, with a number behind it where that is taken.
        template_id: which template; None, for an endpoint that is there: as it is.
        scaling: obeyed as it is.
        overrides: what counts over the words of the image's author.
        extras: what dialects keep of their own words, each under its own name; what others keep there stays.
    """

    name: str
    template_id: str | None
    scaling: ScalingPolicy
    overrides: Overrides = field(default_factory=Overrides)
    extras: Mapping[str, Any] = field(default_factory=dict)


class Templates:
    """The use cases around templates, which are one's own account's, and around the endpoints that are made from them.

    All takes the scope ``deploy``, looking as well: environments often hold secrets.

    Args:
        store: where they are kept.
        clock: tells the time.
        entropy: gives ids.
        vault: seals environments.
        endpoints: told of new endpoints and versions.
        gpus: gives the kinds of GPU that the platform has, and how many.
    """

    def __init__(  # noqa: PLR0917 -- what it works with, by name or in this order
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        vault: Vault,
        endpoints: Endpoints,
        gpus: Callable[[], Mapping[str, int]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._vault = vault
        self._saver = TemplateSaver(entropy, vault)
        self._endpoints = endpoints
        self._gpus = gpus

    # -- templates ----------------------------------------------------------------------------------------------------

    async def list(self, principal: Principal) -> list[TemplateView]:
        """The account's templates, by name.

        Raises:
            Unavailable: the platform's key does not open an environment.
        """
        access.require(principal, Scope.DEPLOY)
        found = await self._store.read(lambda tx: tx.templates.of_owner(principal.account_id))
        return [self._view(template) for template in found]

    async def get(self, principal: Principal, template_id: str) -> TemplateView:
        """One of the account's templates.

        Raises:
            NotFound: the account has none of that id.
            Unavailable: the platform's key does not open its environment.
        """
        access.require(principal, Scope.DEPLOY)
        return self._view(await self._store.read(lambda tx: own_template(tx, principal, template_id)))

    async def save(self, principal: Principal, draft: TemplateDraft, template_id: str | None = None) -> TemplateView:
        """Adds a template, or changes one; then the endpoints that were made from it get a new version where that differs.

        Args:
            principal: who asks.
            draft: the whole template.
            template_id: which one to change; None: a new one.

        Raises:
            BadRequest, TooLarge: a value can't be.
            Conflict: the account has another template of that name, or as many as may be.
            NotFound: the account has none of that id; or endpoints are made from it, and there is no image of that name.
        """
        access.require(principal, Scope.DEPLOY)
        saving, maker = self._saver.checked(draft, template_id), self._maker(principal)

        def unit(tx: Transaction) -> tuple[Template, Changed]:
            return self._saver.save(maker(tx), principal, saving)

        return TemplateView(await self._endpoints.put(unit), saving.env)

    async def remove(self, principal: Principal, name: str) -> Template:
        """Forgets one of the account's templates, by its name.

        Raises:
            NotFound: the account has none of that name.
            Conflict: endpoints are made from it; the sentence names them.
        """
        access.require(principal, Scope.DEPLOY)

        def unit(tx: Transaction) -> Template:
            template = next((t for t in tx.templates.of_owner(principal.account_id) if t.name == name), None)
            if template is None:
                raise NotFound.of("template", name)
            made = [endpoint.full_name for endpoint in tx.endpoints.of_template(template.id)]
            if made:
                raise Conflict(
                    f"The template {name!r} is used by {', '.join(made[:5])}, so it can't be removed.",
                    hint="Delete what uses it, or give that another template, first.",
                )
            tx.templates.remove(template.id)
            return template

        return await self._store.write(unit)

    # -- endpoints ----------------------------------------------------------------------------------------------------

    async def create_endpoint(
        self, principal: Principal, draft: EndpointDraft, template: TemplateDraft | None = None
    ) -> Endpoint:
        """Makes an endpoint of the image that a template names, with version 1.0.0, which can be called at once.

        Args:
            principal: who asks.
            draft: the endpoint.
            template: saved on the way, as `save` would: over the draft's, or as a new one where the draft names none. What is
                refused leaves neither behind.

        Raises:
            BadRequest, TooLarge: a value can't be.
            NotFound: the account has no such template, or there is no image of the name in it.
            Conflict: the account has another template of that name, or as many as may be.
        """
        access.require(principal, Scope.DEPLOY)
        saving = None if template is None else self._saver.checked(template, draft.template_id)
        overrides, extras, scaling = (
            _checked_overrides(draft.overrides),
            rules.check_extras(draft.extras),
            draft.scaling.check(),
        )
        endpoint_id, maker = ids.make_opaque(self._entropy(10)), self._maker(principal)

        def unit(tx: Transaction) -> tuple[Endpoint, Changed]:
            make = maker(tx)
            template, changed = self._template(make, principal, saving, draft.template_id)
            image = image_of(tx, principal, template)
            taken = [e.name for e in tx.endpoints.all() if e.owner_name.lower() == principal.account_name.lower()]
            endpoint = Endpoint(
                endpoint_id,
                principal.account_id,
                principal.account_name,
                rules.free_name(draft.name, taken),
                make.now,
                make.now,
                scaling=scaling,
                description=image.description,
                template_id=template.id,
                overrides=overrides,
                extras=extras,
            )
            endpoint, version = make.made(endpoint, image, template)
            return endpoint, [*changed, (endpoint, version)]

        return await self._endpoints.put(unit)

    async def save_endpoint(
        self, principal: Principal, endpoint_id: str, draft: EndpointDraft, template: TemplateDraft | None = None
    ) -> Endpoint:
        """Changes how an endpoint scales, and what it is made from. Its name and its id stay.

        It gets a new version where the template, its image, the timeout or the GPU make one. An image that has been removed
        meanwhile matters only where the template is another one.

        Args:
            principal: who asks.
            endpoint_id: which endpoint.
            draft: what it shall be.
            template: saved on the way, as `save` would: over the draft's, or as a new one where the draft names none. What is
                refused changes neither.

        Raises:
            BadRequest, TooLarge: a value can't be.
            NotFound: the principal may not know of such an endpoint, has no such template, or there is no such image.
            Forbidden: it does not manage the endpoint.
            Conflict: the account has another template of that name, or as many as may be.
        """
        saving = None if template is None else self._saver.checked(template, draft.template_id)
        overrides, extras = _checked_overrides(draft.overrides), rules.check_extras(draft.extras)
        scaling = draft.scaling.check()

        def decide(endpoint: Endpoint) -> Endpoint:
            merged = rules.check_extras({**endpoint.extras, **extras})
            return replace(endpoint, scaling=scaling, overrides=overrides, extras=merged)

        return await self._remake(principal, endpoint_id, draft.template_id, decide, saving)

    async def use_template(self, principal: Principal, endpoint_id: str, template_id: str) -> Endpoint:
        """Makes an endpoint anew from a template; all else about it stays.

        Raises:
            NotFound: the principal may not know of such an endpoint, has no such template, or there is no such image.
            Forbidden: it does not manage the endpoint.
        """
        return await self._remake(principal, endpoint_id, template_id, lambda endpoint: endpoint)

    async def env_of(self, principal: Principal, endpoint: Endpoint) -> Mapping[str, str]:
        """What the current version's workers get by the endpoint's template; nothing for one who does not manage the endpoint.

        What came with a deployment is never shown. An endpoint that has a template now may have gone back to a version that
        was deployed before: this has something of its template's only where the two were sealed as one.

        Raises:
            Unavailable: the platform's key does not open it.
        """
        version = self._endpoints.version(endpoint.current_id or "")
        may_know = self._endpoints.manages(principal, endpoint) and principal.has(Scope.DEPLOY)
        template_id = endpoint.template_id
        if version is None or template_id is None or not may_know:
            return {}
        template = await self._store.read(lambda tx: tx.templates.get(template_id))
        if template is None or template.sealed_env != version.sealed_env:
            return {}
        return open_env(self._vault, version.sealed_env)

    # -- inner --------------------------------------------------------------------------------------------------------

    async def _remake(
        self,
        principal: Principal,
        endpoint_id: str,
        template_id: str | None,
        decide: Callable[[Endpoint], Endpoint],
        saving: Saving | None = None,
    ) -> Endpoint:
        found = self._endpoints.find(principal, EndpointReference(endpoint_id, id=endpoint_id), Scope.DEPLOY)
        maker = self._maker(principal)

        def unit(tx: Transaction) -> tuple[Endpoint, Changed]:
            before, make, changed = tx.endpoints.get(found.id), maker(tx), list[tuple[Endpoint, Version | None]]()
            if before is None:
                raise NotFound.of("endpoint", endpoint_id)
            endpoint = replace(decide(before), updated_at=make.now)
            if saving is None and template_id in (None, before.template_id):
                template = None if before.template_id is None else tx.templates.get(before.template_id)
                image = None if template is None else find_image(tx, template.owner_id, template.image)
            else:
                template, changed = self._template(make, principal, saving, template_id, besides=before.id)
                image = image_of(tx, principal, template)
            endpoint, version = make.remade(endpoint, image, template)
            return endpoint, [*changed, (endpoint, version)]

        return await self._endpoints.put(unit)

    def _maker(self, principal: Principal) -> Callable[[Transaction], Maker]:
        """What makes endpoints anew in a unit of work, which can tell neither the time nor draw chance itself."""
        now, installed = self._clock(), self._gpus()
        version_ids = fresh_version_ids(now, self._entropy(8))
        return lambda tx: Maker(tx, version_ids, installed, now, principal.account_id)

    def _template(
        self, make: Maker, principal: Principal, saving: Saving | None, template_id: str | None, besides: str = ""
    ) -> tuple[Template, Changed]:
        """The template of an endpoint, saved first where it is to be."""
        if saving is not None:
            return self._saver.save(make, principal, saving, besides)
        if template_id is None:
            raise BadRequest("An endpoint is made from a template, and none was named.")
        return own_template(make.tx, principal, template_id), []

    def _view(self, template: Template) -> TemplateView:
        return TemplateView(template, open_env(self._vault, template.sealed_env))


def _checked_overrides(overrides: Overrides) -> Overrides:
    timeout = overrides.timeout
    if timeout is not None and not (math.isfinite(timeout) and timeout > 0):
        raise BadRequest(f"The timeout must be a number of seconds above 0, not {timeout}.")
    return overrides
