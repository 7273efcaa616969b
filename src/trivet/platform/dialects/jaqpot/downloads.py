"""Handlers that hand models out: addresses that say by themselves for how long they are good, and what is behind them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from trivet.models import bundle
from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import BadRequest, Forbidden, NotFound, Unavailable
from trivet.platform.dialects.jaqpot import translate
from trivet.platform.dialects.jaqpot.context import (
    VERSION,
    Call,
    JaqpotServices,
    JaqpotSettings,
    Streamed,
    reply,
)
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.wire.answers import NO_SNIFFING, NO_STORING
from trivet.platform.wire.hot import Answer

_USUAL_MINUTES, _MOST_MINUTES = 10, 20
_PIECE = 1 << 20
_BINARY, _JSON = b"application/octet-stream", b"application/json"


@dataclass(frozen=True, slots=True)
class _Ticket:
    """What an address is good for: a part of a version, until a moment (seconds since the epoch). ``method`` names the one of its
    domains that is meant.
    """

    version: str
    part: str
    until: float
    method: str = ""


class Downloads:
    """The handlers.

    Args:
        services: what this dialect speaks for.
        settings: what an operator has set.
        lookup: finds models.
    """

    def __init__(self, services: JaqpotServices, settings: JaqpotSettings, lookup: Lookup) -> None:
        self._endpoints = services.endpoints
        self._vault = services.vault
        self._clock = services.clock
        self._bundles = settings.bundles
        self._lookup = lookup

    async def addresses(self, call: Call) -> Answer:
        """Where the parts of a model can be fetched for some minutes, by anybody who knows where."""
        endpoint = self._lookup.used(call, Scope.CALL)
        version = self._lookup.version(endpoint)
        if version.model is None:
            raise BadRequest(f"{endpoint.full_name} is a function and no model: there is no graph to fetch.")
        minutes = max(1, call.count("expirationMinutes", _USUAL_MINUTES, _MOST_MINUTES))
        until = self._clock() + 60.0 * minutes
        methods = [str(each["method"]) for each in version.model.get("doas") or ()]

        def where(part: str, method: str = "") -> str:
            ticket = msgspec.json.encode(_Ticket(version.id, part, until, method)).decode()
            name = f"{method}.json" if method else part
            return f"{call.address}/{VERSION}/downloads/{self._vault.seal(ticket).decode()}/{name}"

        has_preprocessor = await asyncio.to_thread(self._part(version, bundle.PREPROCESSOR).is_file)
        return reply(
            {
                "modelUrl": where(bundle.MODEL),
                "preprocessorUrl": where(bundle.PREPROCESSOR) if has_preprocessor else None,
                "doaUrls": [
                    {"method": each, "downloadUrl": where(bundle.DOMAIN, each)} for each in dict.fromkeys(methods)
                ],
                "expiresAt": translate.moment(until),
            }
        )

    async def fetch(self, call: Call) -> Streamed:
        """A part of a model, for who has been given its address."""
        ticket = self._ticket(call.parts["ticket"])
        version = self._endpoints.version(ticket.version)
        if version is None:
            raise NotFound("The model of this address was deleted.")
        path = self._part(version, ticket.part)
        if ticket.method:
            data = await asyncio.to_thread(_domain, path, ticket.method)
            return Streamed(200, _headers(_JSON), _at_once(data), len(data))
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
        except OSError:
            raise NotFound("This part of the model is not there any more.") from None
        return Streamed(200, _headers(_BINARY), _pieces(path), size)

    # -- inner --------------------------------------------------------------------------------------------------------

    def _part(self, version: Version, name: str) -> Path:
        return self._bundles / version.bundle / name

    def _ticket(self, text: str) -> _Ticket:
        try:
            ticket = msgspec.json.decode(self._vault.unseal(text.encode()), type=_Ticket)
        except (Unavailable, msgspec.DecodeError, UnicodeError):
            raise Forbidden("This address for a download is not one of ours.", hint="Ask for new ones.") from None
        if self._clock() >= ticket.until:
            raise Forbidden(
                f"This address for a download was good until {translate.moment(ticket.until)}.",
                hint="Ask for new ones: GET /v1/models/ID/download/urls.",
            )
        return ticket


def _domain(path: Path, method: str) -> bytes:
    """The data of one of the domains in a file.

    Raises:
        NotFound: it is not there.
    """
    try:
        found: list[dict[str, Any]] = json.loads(path.read_bytes())
    except OSError:
        found = []
    data = next((each["data"] for each in found if each["method"] == method), None)
    if data is None:
        raise NotFound(f"The domain {method} of this model is not there any more.")
    return msgspec.json.encode(data)


def _headers(content_type: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"content-type", content_type), NO_SNIFFING, NO_STORING)


async def _at_once(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data


async def _pieces(path: Path) -> AsyncGenerator[bytes, None]:
    file = await asyncio.to_thread(path.open, "rb")  # here, as an answer to HEAD never asks for the first piece
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()
