"""Secrets of an algorithm: what its workers find in their environment. Their values never come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.dialects.algorithmia.management.context import Call, nothing, reply
from trivet.platform.dialects.algorithmia.management.errors import NO_SECRET, NO_SECRET_PROVIDER, Refused
from trivet.platform.dialects.algorithmia.management.identifiers import uuid_of
from trivet.platform.dialects.algorithmia.management.words import keep, text_in, words_of
from trivet.platform.wire.hot import Answer
from trivet.platform.wire.times import rfc3339

PROVIDER = uuid_of("secret-provider:internal")
_SINCE = "2026-01-01T00:00:00Z"


async def providers(_: Call) -> Answer:
    """The places that secrets can lie in: it is one, the platform's own."""
    return reply(
        [
            {
                "id": PROVIDER,
                "name": "internal",
                "description": "Encrypted in the platform's own store",
                "moduleName": "internal",
                "factoryClassName": "internal",
                "interfaceVersion": "1.0",
                "isEnabled": True,
                "isDefault": True,
                "created": _SINCE,
                "modified": _SINCE,
            }
        ]
    )


async def secrets(call: Call) -> Answer:
    """An algorithm's secrets, by name."""
    found = await _all(call, call.endpoint(Scope.DEPLOY))
    return reply({"secrets": found, "results": found})


async def add(call: Call) -> Answer:
    """Sets a secret of an algorithm; one of that name is replaced."""
    endpoint = call.endpoint(Scope.DEPLOY)
    document = call.document()
    if text_in(document, "provider_id").lower() not in ("", PROVIDER):
        raise Refused(400, NO_SECRET_PROVIDER, f"There is no such secret provider. The one there is: {PROVIDER}.")
    name = text_in(document, "secret_key")
    await call.services.secrets.put_for_endpoint(call.principal, endpoint, name, _value(document))
    return reply(await _noted(call, name, document))


async def change(call: Call) -> Answer:
    """Changes a secret's value or what is said about it."""
    endpoint = call.endpoint(Scope.DEPLOY)
    document, name = call.document(), await _name(call, endpoint)
    if document.get("secret_value") is not None:
        await call.services.secrets.put_for_endpoint(call.principal, endpoint, name, _value(document))
    return reply(await _noted(call, name, document))


async def remove(call: Call) -> Answer:
    """Forgets a secret."""
    endpoint = call.endpoint(Scope.DEPLOY)
    name = await _name(call, endpoint)
    await call.services.secrets.remove_from_endpoint(call.principal, endpoint, name)
    return nothing(204)


def _value(document: Mapping[str, Any]) -> str:
    value = document.get("secret_value")
    if not isinstance(value, str):
        raise Refused(400, NO_SECRET, "A secret needs a 'secret_value', a text.")
    return value


async def _name(call: Call, endpoint: Endpoint) -> str:
    wanted = call.parts["secret"].lower()
    for name in await call.services.secrets.names_of_endpoint(call.principal, endpoint):
        if _id(endpoint, name) == wanted:
            return name
    raise Refused(404, NO_SECRET, f"There is no secret {wanted[:80]!r} of this algorithm.")


async def _noted(call: Call, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps what was said about a secret, and gives its document."""
    said = {word: text_in(document, word) for word in ("short_name", "description") if document.get(word) is not None}
    now = call.services.clock()

    def decide(before: Endpoint, _: float) -> Endpoint:
        words = words_of(before)
        kept = dict(words.get("secrets", {}))
        kept[name] = {"created": now, **kept.get(name, {}), **said}
        return keep(before, {**words, "secrets": kept})

    changed = await call.services.endpoints.change(call.principal, call.algorithm, decide)
    return next(each for each in await _all(call, changed) if each["secret_key"] == name)


async def _all(call: Call, endpoint: Endpoint) -> list[dict[str, Any]]:
    kept = words_of(endpoint).get("secrets", {})
    names = await call.services.secrets.names_of_endpoint(call.principal, endpoint)
    return [_document(endpoint, name, kept.get(name, {}), set_at) for name, set_at in names.items()]


def _document(endpoint: Endpoint, name: str, said: Mapping[str, Any], set_at: float) -> dict[str, Any]:
    return {
        "id": _id(endpoint, name),
        "short_name": said.get("short_name") or name,
        "description": said.get("description", " "),
        "secret_key": name,
        "owner_type": "algorithm",
        "owner_id": uuid_of(endpoint.id),
        "provider_id": PROVIDER,
        "created": rfc3339(said.get("created", set_at)),
        "modified": rfc3339(set_at),
    }


def _id(endpoint: Endpoint, name: str) -> str:
    return uuid_of(f"{endpoint.id}:{name}")
