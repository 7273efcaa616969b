"""Templates: RunPod's recipe for a worker, as the core's, with the rest of its words kept beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.runpod.context import FORMAT
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall, given, required
from trivet.platform.services.saving import TemplateDraft
from trivet.platform.services.templates import TemplateView
from trivet.platform.wire.times import rfc3339

_CORE_WORDS = frozenset({"id", "name", "imageName", "env"})
_DEFAULTS: Mapping[str, Any] = {
    "dockerArgs": "",
    "containerDiskInGb": 10,
    "volumeInGb": 0,
    "volumeMountPath": "/workspace",
    "ports": "",
    "isServerless": False,
    "isPublic": False,
    "readme": "",
    "startSsh": False,
    "startJupyter": False,
    "containerRegistryAuthId": "",
}
"""What the words have for values where a template does not say."""
_SECRET_REFERENCE = "RUNPOD_SECRET_"


async def save(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``saveTemplate``: makes a template, or changes the one with that id. What is left out of a change stays."""
    template_id, draft = await wanted(call, given(arguments, "input"))
    return described(await call.services.templates.save(call.principal, draft, template_id))


async def wanted(call: GraphCall, asked: Mapping[str, Any]) -> tuple[str | None, TemplateDraft]:
    """The template that ``saveTemplate`` asks for, and the id of the one that it changes; None: a new one.

    Raises:
        BadRequest: something that a template needs is missing, or can't be.
        NotFound: the account has none of that id.
    """
    template_id = asked.get("id") or None
    before = await call.services.templates.get(call.principal, template_id) if template_id is not None else None
    return template_id, draft_of(asked, before)


async def delete(call: GraphCall, arguments: Arguments) -> None:
    """Resolves ``deleteTemplate``, by name."""
    await call.services.templates.remove(call.principal, required(arguments, "templateName"))


async def template(call: GraphCall, arguments: Arguments) -> dict[str, Any]:
    """Resolves ``podTemplate``."""
    return described(await call.services.templates.get(call.principal, required(arguments, "id")))


async def of_account(call: GraphCall, _arguments: Arguments) -> list[dict[str, Any]]:
    """Resolves the account's ``podTemplates``."""
    return [described(view) for view in await call.services.templates.list(call.principal)]


def draft_of(asked: Mapping[str, Any], before: TemplateView | None) -> TemplateDraft:
    """The template that ``saveTemplate`` asks for.

    Args:
        asked: its input; null counts as left out.
        before: the template as it is, where one is changed: it answers for what is left out.

    Raises:
        BadRequest: there is no name or no image, or the environment refers to what is not filled in here.
    """
    said = {word: value for word, value in asked.items() if value is not None}
    words = dict(before.template.extras.get(FORMAT, {})) if before is not None else {}
    words.update((word, value) for word, value in said.items() if word not in _CORE_WORDS)
    if before is None:
        name, image = required(said, "name"), required(said, "imageName")
    else:
        name, image = said.get("name", before.template.name), said.get("imageName", before.template.image)
    if "env" in said or before is None:
        env = tuple((item["key"], item["value"]) for item in said.get("env", ()))
    else:
        env = tuple(before.env.items())
    _check_references(env)
    return TemplateDraft(name=name, image=image, env=env, extras={FORMAT: words})


def described(view: TemplateView) -> dict[str, Any]:
    """A template in RunPod's words."""
    one = view.template
    words = {**_DEFAULTS, **one.extras.get(FORMAT, {})}
    if words["isServerless"] and not words["ports"]:
        words["ports"] = None  # as RunPod answers it
    return {
        **words,
        "id": one.id,
        "name": one.name,
        "imageName": one.image,
        "env": environment(view.env),
        "isRunpod": False,
        "createdAt": rfc3339(one.created_at),
    }


def environment(env: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables as GraphQL lists them."""
    return [{"key": key, "value": value} for key, value in env.items()]


def _check_references(env: Iterable[tuple[str, str]]) -> None:
    for key, value in env:
        if "{{" in value and _SECRET_REFERENCE in value:
            raise BadRequest(
                f"The variable {key} refers to a secret ({value.strip()[:80]}), which is not filled in here.",
                hint="Put the value itself into the template: it is sealed before it is stored.",
            )
