"""The Jaqpot dialect as one ASGI application: models, predictions, datasets and people, each error in Jaqpot's shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint
from trivet.platform.dialects.jaqpot import errors
from trivet.platform.dialects.jaqpot.context import (
    PREFIX,
    Call,
    JaqpotServices,
    JaqpotSettings,
    Streamed,
    address,
    query_of,
)
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.paths import nobody, parts_of, token_of
from trivet.platform.dialects.jaqpot.routes import Route, routes
from trivet.platform.services.access import require
from trivet.platform.wire.answers import CONTENT_LENGTH, marked, without_body
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import read_heads
from trivet.platform.wire.hot import Answer, send_answer
from trivet.platform.wire.presence import while_there
from trivet.platform.wire.sse import pump

__all__ = ["JaqpotServices", "JaqpotSettings", "create_app"]

Parts = tuple[str, ...]
Summaries = Callable[[Principal, list[Endpoint], str], Awaitable[list[dict[str, Any]]]]
"""Models as they stand in pages: for whom, which, and the API's address."""


class People(Protocol):
    """What answers below the paths about keys, organizations and users."""

    def find(self, parts: Parts) -> object | None:
        """None where a path is none of its own."""

    async def answer(self, asker: Principal | None, parts: Parts, scope: Scope, receive: Receive) -> Answer | Streamed:
        """Answers one request. Raises what the services raise, and `errors.Refused`."""


class _Found(NamedTuple):
    """What a path leads to: its routes by method, and what it leaves open."""

    routes: Mapping[str, Route]
    parts: Mapping[str, str]


def create_app(
    services: JaqpotServices, settings: JaqpotSettings, people: Callable[[Summaries], People] | None = None
) -> JaqpotApp:
    """What answers below ``/jaqpot``. It is handed whole paths.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
        people: makes what answers about keys, organizations and users; None: nothing does.
    """
    lookup = Lookup(services)
    return JaqpotApp(services, routes(services, settings, lookup), None if people is None else people(lookup.summaries))


class JaqpotApp:
    """The application; see `create_app`. What each one may do, the services say."""

    def __init__(self, services: JaqpotServices, known: Sequence[Route], people: People | None) -> None:
        self._accounts = services.accounts
        self._people = people
        self._routes: dict[int, list[tuple[list[str], Route]]] = {}
        """By how many names the path has."""
        for route in known:
            pattern = route.path.split("/")
            self._routes.setdefault(len(pattern), []).append((pattern, route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        send = marked(send)
        if scope["method"] == "HEAD":
            send = without_body(send)
        try:
            found = await self._answer(scope, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            found = errors.answer_to(error, scope["method"], scope["path"])
        if isinstance(found, Streamed):
            await _stream(found, scope, receive, send)
        else:
            await send_answer(send, found)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | Streamed:
        method: str = "GET" if scope["method"] == "HEAD" else scope["method"]
        parts = parts_of(scope["path"], scope.get("raw_path") or b"", scope.get("root_path", ""))
        found = None if parts is None else self._find(parts)
        if parts is not None and found is None and self._people is not None and self._people.find(parts) is not None:
            return await self._people.answer(await self._asker(scope), parts, scope, receive)
        if found is None:
            return errors.no_such_path(scope["path"].removeprefix(PREFIX) or "/")
        route = found.routes.get(method)
        if method == "OPTIONS":
            return errors.allowed(found.routes)
        if route is None:
            return errors.method_not_allowed(method, found.routes)
        asker = None if route.has_proof else await self._asker(scope)
        if asker is None and not (route.is_open or route.has_proof):
            raise nobody(scope["headers"])
        if asker is not None and route.scope is not None:
            require(asker, route.scope)  # before a large body is taken in for nothing
        heads = read_heads(scope["headers"])
        body = b"" if route.most is None else await read_body(receive, route.most, heads.content_length)
        call = Call(
            asker,
            address(scope),
            found.parts,
            query_of(scope["query_string"]),
            body,
            heads.content_type or b"",
            heads.content_length,
            receive if route.most is None else None,
        )
        return await (while_there(receive, route.handler(call)) if route.is_held else route.handler(call))

    async def _asker(self, scope: Scope) -> Principal | None:
        """Who asks; None: nobody who has shown a key. One that does not count is refused wherever it is shown."""
        token = token_of(scope["headers"])
        if token is None:
            return None
        return self._accounts.authenticate(token) or await self._accounts.resolve(token)

    def _find(self, parts: Parts) -> _Found | None:
        by_method: dict[str, Route] = {}
        found: dict[str, str] = {}
        for pattern, route in self._routes.get(len(parts), ()):
            if route.method not in by_method and _fits(pattern, parts):
                by_method[route.method] = route
                found |= {name[1:-1]: part for name, part in zip(pattern, parts, strict=True) if name[0] == "{"}
        return _Found(by_method, found) if by_method else None


def _fits(pattern: Sequence[str], parts: Parts) -> bool:
    return all(name[0] == "{" or name == part for name, part in zip(pattern, parts, strict=True))


async def _stream(found: Streamed, scope: Scope, receive: Receive, send: Send) -> None:
    length = () if found.size is None else ((CONTENT_LENGTH, b"%d" % found.size),)
    await send({"type": "http.response.start", "status": found.status, "headers": [*found.headers, *length]})
    if scope["method"] != "HEAD":
        await pump(found.pieces, receive, send)
        return
    await found.pieces.aclose()
    await send({"type": "http.response.body", "body": b""})
