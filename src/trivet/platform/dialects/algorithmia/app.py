"""The Algorithmia dialect as one ASGI application: calls, hosted data, insights, each error in Algorithmia's shape."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import RequestStalled, TooLarge, Unauthenticated
from trivet.platform.dialects.algorithmia import data, errors, insights
from trivet.platform.dialects.algorithmia.context import AlgorithmiaServices, AlgorithmiaSettings
from trivet.platform.dialects.algorithmia.front import AlgorithmiaFront
from trivet.platform.dialects.algorithmia.invoke import Call, Invoke, read_call
from trivet.platform.dialects.algorithmia.management import AREAS, ManagementApi
from trivet.platform.dialects.algorithmia.paths import Place, place_of, shown
from trivet.platform.wire.answers import answer, marked, without_body
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.hot import Answer, send_answer

__all__ = ["AlgorithmiaServices", "AlgorithmiaSettings", "create_app"]

_MOST_DISCARDED = 256 * 1024 * 1024
"""Bytes of a body that is refused, which are read for its client's sake."""
_LONGEST_DISCARDING = 30.0
_LONGEST_PAUSE = 1.0
"""Seconds without a byte after which a client is taken to have sent what it has."""
METHODS: Mapping[str, frozenset[str]] = {
    "algo": frozenset({"POST"}),
    "data": data.METHODS,
    "connector": data.METHODS,
    "hostedData": frozenset({"GET", "HEAD"}),
    "insights": insights.METHODS,
}
"""What is below ``/v1`` beside the management API, and the methods that it takes."""


def create_app(
    services: AlgorithmiaServices, settings: AlgorithmiaSettings, management: ManagementApi | None = None
) -> AlgorithmiaApp:
    """What answers below ``/algorithmia``. It is handed whole paths.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
        management: what answers below the paths that make and change algorithms; None: there are none.
    """
    return AlgorithmiaApp(services, settings, management)


class AlgorithmiaApp:
    """The application; see `create_app`. Everything takes a key or a worker's address; what it may do, the services say."""

    def __init__(
        self, services: AlgorithmiaServices, settings: AlgorithmiaSettings, management: ManagementApi | None
    ) -> None:
        self._management = management
        self._accounts = services.accounts
        self._identities = services.identities
        self._max_input = settings.max_input
        self._invoke = Invoke(services, settings)
        self._data = data.DataApi(services.files, services.clock)
        self._insights = insights.InsightsApi(services.insights)
        self.hot_routes = AlgorithmiaFront(services, settings, self._invoke)
        """Its hot paths past ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        send = marked(send)
        method: str = scope["method"]
        if method == "HEAD":
            send = without_body(send)
        place = place_of(scope["path"], scope.get("raw_path") or b"", scope.get("root_path", ""))
        methods = None if place is None else METHODS.get(place.area)
        if place is not None and place.area in AREAS and self._management is not None:
            await self._management(place, scope, receive, send)
        elif place is None or methods is None:
            await send_answer(send, errors.no_such_path(scope["path"] if place is None else shown(place)))
        elif method == "OPTIONS":
            await answer(send, 204, [(b"allow", ", ".join(sorted({*methods, method})).encode())])
        elif method not in methods:
            await send_answer(send, errors.method_not_allowed(method, {*methods, "OPTIONS"}))
        else:
            await self._answer(place, scope, receive, send)

    async def _answer(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive, scope)
        try:
            found: Answer | None
            if place.area == "algo":
                found = await self._called(place, scope, body)
            else:
                found = await self._found(place, scope, body, send)
            if found is not None:
                await send_answer(send, found)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            await body.discard()  # many a client sends all before it reads anything
            await send_answer(send, errors.answer_to(error, scope["method"], shown(place)))

    # -- calls --------------------------------------------------------------------------------------------------------

    async def _called(self, place: Place, scope: Scope, body: _Body) -> Answer:
        query: bytes = scope["query_string"]
        call: Call | None = None
        principal: Principal | None = None
        try:
            heads = read_heads(scope["headers"], bare=True)
            principal = await self._principal(place, heads)
            if principal is None:
                await body.discard()
                return self._invoke.anonymous(query)
            call = read_call(place.parts, query, heads.content_type)
            self._invoke.expect(principal, call)
            try:
                data_ = await read_body(body.receive, self._max_input, heads.content_length)
            except TooLarge as error:
                raise TooLarge(
                    error.detail,
                    limit=error.limit,
                    hint="Put what is large into a file, data://.my/…, and send its URI.",
                ) from None
            return await self._invoke.call(principal, call, data_)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            await body.discard()
            return self._invoke.refused(error, call, query, principal, shown(place))

    # -- everything else ----------------------------------------------------------------------------------------------

    async def _found(self, place: Place, scope: Scope, body: _Body, send: Send) -> Answer | None:
        """The answer; None where it was sent already."""
        heads = read_heads(scope["headers"], bare=True)
        principal = await self._principal(place, heads)
        if place.area == "insights":
            return await self._insights(principal if place.worker is not None else None, heads, body.receive)
        if principal is None:
            raise Unauthenticated
        if place.area == "hostedData":
            return await self._data.hosted(principal)
        await self._data(data.DataRequest(principal, place, heads, scope, body.receive, send))
        return None

    async def _principal(self, place: Place, heads: Heads) -> Principal | None:
        """Who asks: the account of a key where there is one, else the job of the worker whose address it is; else nobody.

        Raises:
            Unauthenticated: the key or the address does not count.
        """
        if heads.token is not None:
            return self._accounts.authenticate(heads.token) or await self._accounts.resolve(heads.token)
        if place.worker is not None:
            return await self._identities.of_worker(place.worker.worker_id, place.worker.token)
        return None


class _Body:
    """The body of a request, of which may be left what nobody has read.

    Args:
        receive: where it comes from.
        scope: the request's. Who sends its body only once it was asked to has nothing to be thrown away.
    """

    def __init__(self, receive: Receive, scope: Scope) -> None:
        self._receive = receive
        self._ended = any(name == b"expect" for name, _ in scope["headers"])

    async def receive(self) -> Message:
        """As ASGI's."""
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def discard(self) -> None:
        """Reads what is left, within bounds: a client that is still sending takes an early answer for a broken connection."""
        size = 0
        try:
            async with asyncio.timeout(_LONGEST_DISCARDING):
                while not self._ended and size < _MOST_DISCARDED:
                    async with asyncio.timeout(_LONGEST_PAUSE):
                        size += len((await self.receive()).get("body", b""))
        except (TimeoutError, RequestStalled):
            pass  # it has had its time; the answer goes out, and the connection ends
