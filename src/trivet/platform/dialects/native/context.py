"""What the handlers of the native API are given: the services, the settings, and the request as they need it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, NotFound, UnsupportedMediaType
from trivet.platform.core.payloads import JSON
from trivet.platform.ports.clock import Clock
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.calls import Calls
from trivet.platform.services.deployments import Deployments
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.files import Files
from trivet.platform.services.images import Images
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.keys import Keys
from trivet.platform.services.limits import Limits
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.replays import Replays
from trivet.platform.services.rollouts import Rollouts
from trivet.platform.services.secrets import Secrets
from trivet.platform.services.webhooks import Webhooks
from trivet.platform.services.workers import Workers
from trivet.platform.wire import documents
from trivet.platform.wire.answers import Header
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import Heads
from trivet.platform.wire.media import input_type
from trivet.platform.wire.paging import DEFAULT_LIMIT, MAX_LIMIT
from trivet.platform.wire.ranges import Selection
from trivet.platform.wire.transfers import Content

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

PREFIX = "/api/v1"
MAX_DOCUMENT = 1 << 20
"""Bytes of a request's document, at most. Inputs and uploads have limits of their own."""

_LONGEST_NAME = 300
_LONGEST_QUERY = 4096
_HOST = re.compile(rb"[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class NativeServices:
    """The services that this dialect speaks for."""

    accounts: Accounts
    keys: Keys
    organizations: Organizations
    secrets: Secrets
    endpoints: Endpoints
    deployments: Deployments
    calls: Calls
    jobs: Jobs
    replays: Replays
    workers: Workers
    rollouts: Rollouts
    webhooks: Webhooks
    limits: Limits
    images: Images
    files: Files
    clock: Clock = time.time


@dataclass(frozen=True, slots=True)
class NativeSettings:
    """What an operator has set. Sizes in bytes; ``uploads`` is a folder for what is on its way to a builder, ``bundles`` the one
    that has the code of each version in a folder of its own.
    """

    version: str
    max_input: int
    max_upload: int
    uploads: Path
    bundles: Path


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer other than a document under the status of its route."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class EventStream:
    """An answer of server-sent events, already encoded."""

    events: AsyncGenerator[bytes, None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileStream:
    """An answer with (a part of) a file: ``selection`` is which part, ``content`` its bytes; None for a HEAD."""

    selection: Selection
    headers: tuple[Header, ...]
    content: Content | None = field(default=None, repr=False)


def reference_to(text: str, version: str | None = None) -> EndpointReference:
    """The endpoint that a path or a query names.

    Raises:
        NotFound: the text can name no endpoint at all.
    """
    if len(text) > _LONGEST_NAME:  # nobody shall fill the memory behind `_parsed`
        raise NotFound.of("endpoint", text[:_LONGEST_NAME])
    return _parsed(text, version)


_parsed = lru_cache(maxsize=4096)(EndpointReference.parse)


class Call:
    """One request, as a handler sees it.

    Args:
        services: the services.
        settings: the settings.
        principal: who asks.
        heads: what the request's headers say about it.
        scope: its ASGI scope.
        receive: where its body comes from.
    """

    __slots__ = ("_parts", "heads", "principal", "query", "receive", "scope", "services", "settings")

    def __init__(
        self,
        services: NativeServices,
        settings: NativeSettings,
        *,
        principal: Principal,
        heads: Heads,
        scope: Scope,
        receive: Receive,
    ) -> None:
        self.services = services
        self.settings = settings
        self.principal = principal
        self.heads = heads
        self.scope = scope
        self.receive = receive
        self.query: Mapping[str, str] = {}
        self._parts: Mapping[str, str] = {}

    def enter(self, parts: Mapping[str, str], queries: tuple[str, ...]) -> None:
        """Gives the call to a route: the parameters in its path, and the names of the query parameters that it knows.

        Raises:
            BadRequest: the query has a parameter that the route does not know, or has one twice.
        """
        self._parts = parts
        self.query = read_query(self.scope["query_string"], queries)

    # -- the path -----------------------------------------------------------------------------------------------------

    def part(self, name: str) -> str:
        """A parameter of the path."""
        return self._parts[name]

    @property
    def endpoint(self) -> EndpointReference:
        """The endpoint that the path names, by ``owner/name`` or by an id."""
        parts = self._parts
        return reference_to(parts["endpoint_id"] if "endpoint_id" in parts else f"{parts['owner']}/{parts['name']}")

    # -- the query ----------------------------------------------------------------------------------------------------

    def number(self, name: str, most: float) -> float | None:
        """A number of the query from 0 up to ``most``; None where it is not given."""
        return read_number(self.query, name, most)

    def whole(self, name: str, most: int = 2**53) -> int | None:
        """A whole number of the query from 0 up to ``most``; None where it is not given."""
        value = read_number(self.query, name, most)
        if value is not None and not value.is_integer():
            raise BadRequest(f"{name}={value:g} is not a whole number.")
        return None if value is None else int(value)

    def flag(self, name: str) -> bool:
        """A yes or no of the query."""
        text = self.query.get(name, "false").lower()
        if text in ("true", "1", "yes"):
            return True
        if text in ("false", "0", "no"):
            return False
        raise BadRequest(f"{name}={text[:40]!r} is neither true nor false.")

    def choices(self, name: str, kind: type[E]) -> list[E]:
        """Members of an enumeration, separated by commas in the query; empty where it is not given."""
        text = self.query.get(name, "")
        try:
            return [kind(part.strip()) for part in text.split(",") if part.strip()]
        except ValueError:
            known = ", ".join(kind)
            raise BadRequest(f"{name}={text[:80]!r} is unknown.", hint=f"Choose among {known}.") from None

    @property
    def cursor(self) -> str | None:
        """Where the page begins."""
        return self.query.get("cursor") or None

    @property
    def limit(self) -> int:
        """How many items the page may have."""
        limit = self.whole("limit", MAX_LIMIT)
        return max(1, limit) if limit is not None else DEFAULT_LIMIT

    # -- the rest -----------------------------------------------------------------------------------------------------

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name (lower case)."""
        return next((value for key, value in self.scope["headers"] if key == name), None)

    @property
    def base_url(self) -> str:
        """The API's URL as the caller reached it; only its path where the request names no sound host."""
        host = self.header(b"host")
        if host is None or not _HOST.fullmatch(host):
            return PREFIX
        return f"{self.scope.get('scheme', 'http')}://{host.decode()}{PREFIX}"

    async def document(self, kind: type[T], default: T | None = None) -> T:
        """The document in the body.

        Args:
            kind: what it must be.
            default: what an empty body means; None: it may not be empty.

        Raises:
            InvalidJson, BadRequest, TooLarge, UnsupportedMediaType: with the reason.
        """
        body = await read_body(self.receive, MAX_DOCUMENT, self.heads.content_length)
        if not body and default is not None:
            return default
        if input_type(self.heads.content_type) != JSON:
            raise UnsupportedMediaType("This route takes JSON.", hint="Send it as `Content-Type: application/json`.")
        return documents.decode_as(body, kind)


def read_query(query: bytes, known: tuple[str, ...]) -> Mapping[str, str]:
    """The parameters in a query string.

    Raises:
        BadRequest: one that is not known, or one that is given twice.
    """
    if not query:
        return MappingProxyType({})
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The query of this URL is longer than {_LONGEST_QUERY} bytes.")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise BadRequest("The query of this URL can't be read.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise BadRequest(
                f"This route has no query parameter {name[:80]!r}.",
                hint=f"It has: {', '.join(known)}." if known else "It has none.",
            )
        if name in found:
            raise BadRequest(f"The query parameter {name!r} is given twice.")
        found[name] = value
    return found


def read_number(query: Mapping[str, str], name: str, most: float) -> float | None:
    """A number of a query from 0 up to ``most``; None where it is not given.

    Raises:
        BadRequest: it is no number, or out of range.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        value = msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        raise BadRequest(f"{name}={text[:40]!r} is not a number.") from None
    if not (math.isfinite(value) and 0 <= value <= most):
        raise BadRequest(f"{name}={value:.15g} is out of range.", hint=f"Give a number from 0 to {most:.15g}.")
    return value
