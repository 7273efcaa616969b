"""The native API as one ASGI application: the hot paths first, then the routes, and one border for errors around both."""

from __future__ import annotations

from starlette.routing import Match
from starlette.routing import Route as Matcher
from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import CoreError, NotFound, Unauthenticated
from trivet.platform.dialects.native import errors, events, openapi
from trivet.platform.dialects.native.context import (
    PREFIX,
    Call,
    EventStream,
    FileStream,
    NativeServices,
    NativeSettings,
    Reply,
)
from trivet.platform.dialects.native.front import NativeFront, path_below
from trivet.platform.dialects.native.hot import HotPaths, HotRequest
from trivet.platform.dialects.native.routes.route import Handler, Route
from trivet.platform.dialects.native.routes.table import ROUTES
from trivet.platform.dialects.native.schemas import about as schemas
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, Header, answer, without_body
from trivet.platform.wire.bodies import ClientGone
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.transfers import send_file

__all__ = ["NativeServices", "NativeSettings", "create_app"]


def create_app(services: NativeServices, settings: NativeSettings) -> NativeApp:
    """The native API. It is handed whole paths, and answers whatever lies outside its prefix with a 404 of its own.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
    """
    return NativeApp(services, settings)


_Match = tuple[Route, Handler, dict[str, str]]


class NativeApp:
    """The application; see `create_app`."""

    def __init__(self, services: NativeServices, settings: NativeSettings) -> None:
        self._services = services
        self._settings = settings
        self._accounts = services.accounts
        self._common: tuple[Header, ...] = ((b"trivet-version", settings.version.encode()),)
        self._hot = HotPaths(services, settings, self._common)
        self.hot_routes = NativeFront(services, settings, self._hot, self._common)
        """Its hot paths past ASGI."""
        about = schemas.About("Trivet", settings.version, f"{PREFIX}/openapi.json", "/docs")
        self._public = {"": events.encode(about), "/openapi.json": openapi.encoded(settings.version)}
        known = [(route, pattern) for route in ROUTES for pattern in route.patterns]
        self._matchers = [Matcher(pattern, _nobody, methods=[route.method]) for route, pattern in known]
        self._routes = [route for route, _ in known]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        method: str = scope["method"]
        if method == "HEAD":
            send = without_body(send)
        try:
            path = path_below(scope["path"], scope.get("raw_path") or b"", scope.get("root_path", ""))
            await self._answer(method, path, scope, receive, send)
        except CoreError as error:
            await errors.send_error(send, error, self._common)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            await errors.send_problem(send, errors.incident(error, method, scope["path"]), self._common)

    async def _answer(self, method: str, path: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        if path is None:
            await errors.send_problem(send, errors.no_such_path(scope["path"]), self._common)
            return
        found = self._hot.find(method, path)
        if found is not None:
            verb, name = found
            heads = read_heads(scope["headers"])
            principal = await self._principal(heads)
            await self._hot.handlers[verb](principal, name, HotRequest(heads, scope["query_string"], receive), send)
            return
        public = self._public.get(path)
        if public is not None and method in ("GET", "HEAD"):
            await answer(send, 200, [JSON_TYPE, *self._common], public)
            return
        await self._route(method, {**scope, "path": path or "/", "root_path": ""}, receive, send)

    async def _route(self, method: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Finds the handler, and says it where there is none."""
        matches: list[_Match] = []
        allowed: set[str] = set()
        for route, matcher in zip(self._routes, self._matchers, strict=True):
            match, child = matcher.matches(scope)
            if match is not Match.NONE:
                allowed |= matcher.methods or set()
            if match is Match.FULL and route.handler is not None:
                matches.append((route, route.handler, child["path_params"]))
        if matches:
            heads = read_heads(scope["headers"])
            principal = await self._principal(heads)
            call = Call(self._services, self._settings, principal=principal, heads=heads, scope=scope, receive=receive)
            route, result = await _call(matches, call)
            await self._send(route, result, scope, receive, send)
        elif not allowed:
            await errors.send_problem(send, errors.no_such_path(f"{PREFIX}{scope['path']}"), self._common)
        else:
            methods = sorted({*allowed, "OPTIONS"})
            headers = ((b"allow", ", ".join(methods).encode()), *self._common)
            if method == "OPTIONS":
                await answer(send, 204, headers)
            else:
                await errors.send_problem(send, errors.method_not_allowed(method, methods), headers)

    async def _send(self, route: Route, result: object, scope: Scope, receive: Receive, send: Send) -> None:
        if result is None:
            await answer(send, 204, self._common)
        elif isinstance(result, Reply):
            await answer(send, result.status, [*result.headers, NO_SNIFFING, *self._common], result.body)
        elif isinstance(result, FileStream):
            await send_file(result.content, result.selection, [*result.headers, *self._common], receive, send)
        elif isinstance(result, EventStream):
            if scope["method"] == "HEAD":
                await result.events.aclose()
                await answer(send, 200, (*events.HEAD, *self._common))
            else:
                await events.serve(result.events, self._common, receive, send)
        else:
            await answer(send, route.status, [JSON_TYPE, *self._common], events.encode(result))

    async def _principal(self, heads: Heads) -> Principal:
        if heads.token is None:
            raise Unauthenticated
        return self._accounts.authenticate(heads.token) or await self._accounts.resolve(heads.token)


async def _call(matches: list[_Match], call: Call) -> tuple[Route, object]:
    """The first route that matches, and what its handler gives.

    ``/endpoints/ann/logs`` may be the log of the endpoint with the id ``ann``, or the endpoint ``ann/logs``: where the first
    is not to be found, the second is tried. Only reading is ever ambiguous, and it leaves the body alone.
    """
    missing: NotFound | None = None
    for route, handler, parts in matches:
        call.enter(parts, route.query_names)
        try:
            return route, await handler(call)
        except NotFound as error:
            missing = missing or error
    raise missing or NotFound


async def _nobody(request: object) -> None:
    """Stands where the router wants an endpoint: here it only matches, and `NativeApp` answers."""
