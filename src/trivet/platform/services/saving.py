"""Saving a template inside a unit of work: it is stored, and what was made from it is made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trivet.platform.core import ids
from trivet.platform.core import templates as rules
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import Conflict, NotFound, Unavailable
from trivet.platform.core.images import Image, check_image_name
from trivet.platform.core.templates import Template
from trivet.platform.ports.clock import Entropy
from trivet.platform.ports.stores import Transaction
from trivet.platform.ports.vault import Vault
from trivet.platform.services.images import find_image, unknown_image
from trivet.platform.services.remaking import Maker
from trivet.platform.services.secrets import open_env, seal_env

MAX_TEMPLATES = 1000
"""Templates of one account, at most."""

Changed = list[tuple[Endpoint, Version | None]]
"""Endpoints as they are after a unit of work, each with its new version, or None where it has none."""


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template as somebody wants it.

    Args:
        name: unique among the account's templates; case counts.
        image: the name of an image, which need not be there yet.
        env: names and values; of those with the same name the last one counts.
        extras: what a dialect keeps beside, in its own words: a JSON object.
    """

    name: str
    image: str
    env: Sequence[tuple[str, str]] = field(default=(), repr=False)
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saving:
    """A template that is to be saved: checked and sealed, as a unit of work does neither.

    ``template_id`` says which one is changed; None: it is a new one, of the id ``fresh_id``.
    """

    draft: TemplateDraft
    template_id: str | None
    fresh_id: str
    env: dict[str, str] = field(repr=False)
    sealed_env: bytes | None = field(repr=False)
    extras: dict[str, Any]


class TemplateSaver:
    """Checks templates before a unit of work, and saves them inside one.

    Args:
        entropy: gives ids.
        vault: seals environments.
    """

    def __init__(self, entropy: Entropy, vault: Vault) -> None:
        self._entropy = entropy
        self._vault = vault

    def checked(self, draft: TemplateDraft, template_id: str | None) -> Saving:
        """A template that can be saved.

        Args:
            draft: the whole template.
            template_id: which one to change; None: a new one.

        Raises:
            BadRequest, TooLarge: a value can't be.
        """
        rules.check_title("template", draft.name)
        check_image_name(draft.image)
        env, extras = rules.check_env(draft.env), rules.check_extras(draft.extras)
        return Saving(draft, template_id, ids.make_opaque(self._entropy(10)), env, seal_env(self._vault, env), extras)

    def save(self, make: Maker, principal: Principal, saving: Saving, besides: str = "") -> tuple[Template, Changed]:
        """Saves a template, and makes anew what was made from it, but for the endpoint of the id ``besides``.

        Raises:
            Conflict: the account has another template of that name, or as many as may be.
            NotFound: the account has none of that id; or endpoints are made from it, and there is no image of that name.
        """
        tx, draft = make.tx, saving.draft
        if saving.template_id is None:
            template = _new(tx, principal, draft, saving.fresh_id, make.now)
        else:
            before = own_template(tx, principal, saving.template_id)
            template = replace(before, name=draft.name, image=draft.image, updated_at=make.now)
        # the same environment stays the same bytes, so that versions can be compared without being opened
        kept = template.sealed_env if self._opens_to(template.sealed_env, saving.env) else saving.sealed_env
        template = replace(template, sealed_env=kept, extras=saving.extras)
        tx.templates.put(template)
        made = [endpoint for endpoint in tx.endpoints.of_template(template.id) if endpoint.id != besides]
        if not made:
            return template, []
        image = image_of(tx, principal, template)
        return template, [make.remade(endpoint, image, template) for endpoint in made]

    def _opens_to(self, sealed: bytes | None, env: Mapping[str, str]) -> bool:
        try:
            return open_env(self._vault, sealed) == env
        except Unavailable:  # the key is another one now: saving the template again is what mends that
            return False


def own_template(tx: Transaction, principal: Principal, template_id: str) -> Template:
    """One of the account's templates.

    Raises:
        NotFound: it has none of that id.
    """
    template = tx.templates.get(template_id)
    if template is None or template.owner_id != principal.account_id:
        raise NotFound.of("template", template_id)
    return template


def _new(tx: Transaction, principal: Principal, draft: TemplateDraft, fresh_id: str, now: float) -> Template:
    if len(tx.templates.of_owner(principal.account_id)) >= MAX_TEMPLATES:
        raise Conflict(f"There are {MAX_TEMPLATES} templates already, which is the most there may be.")
    return Template(fresh_id, principal.account_id, principal.account_name, draft.name, draft.image, now, now)


def image_of(tx: Transaction, principal: Principal, template: Template) -> Image:
    """The image that a template names.

    Raises:
        NotFound: the account can use none of that name.
    """
    image = find_image(tx, principal.account_id, template.image)
    if image is None:
        raise unknown_image(tx, principal.account_id, template.image)
    return image
