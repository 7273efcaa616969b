"""How GraphQL travels: one POST with a JSON body, and an answer that RunPod's clients can always read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, CoreError, TooLarge, Unauthenticated
from trivet.platform.dialects.runpod.context import RunPodServices
from trivet.platform.dialects.runpod.graph.answers import Refused, incident, refusal
from trivet.platform.dialects.runpod.graph.call import GraphCall
from trivet.platform.wire import documents
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, NO_STORING, Header, answer, without_body
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.problems import STATUS, headers_of

if TYPE_CHECKING:
    from graphql import DocumentNode

    from trivet.platform.dialects.runpod.graph.engine import Engine

MAX_BODY = 1 << 20
"""Bytes of a request, at most."""
_LONGEST_URL_QUERY = 4096
_HEADERS: tuple[Header, ...] = (JSON_TYPE, NO_SNIFFING, NO_STORING)
_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct, frozen=True):
    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 — the wire's spelling

    def __repr__(self) -> str:
        return f"_Request({self.operationName!r})"  # its text and its variables may hold passwords


class GraphApi:
    """RunPod's GraphQL API as an ASGI application. Any key may ask; what it may see and do, the services say.

    A query that was understood is answered with status 200, also where it fails: ``errors`` then say why. Other statuses are
    for requests that are none, and for keys that do not count.

    Args:
        services: what it speaks for.
    """

    def __init__(self, services: RunPodServices) -> None:
        self._services = services
        self._engine: Engine | None = None
        self._reading = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whatever its method."""
        method: str = scope["method"]
        if method == "HEAD":
            send = without_body(send)
        if method != "POST":
            await _send(send, 405, refusal(_post_only(method)), ((b"allow", b"POST"),))
            return
        try:
            await _send(send, 200, await self._answer(scope, receive))
        except Refused as refused:
            await _send(send, 200, {"errors": refused.errors})
        except CoreError as error:
            await _send(send, STATUS.get(error.code, 500), refusal(error), headers_of(error))
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            await _send(send, 500, {"errors": [incident(error)]})

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        heads = read_heads(scope["headers"], bare=True)
        call = GraphCall(self._services, await self._principal(_token(scope, heads)))
        try:
            body = await read_body(receive, MAX_BODY, heads.content_length)
        except TooLarge as error:
            raise TooLarge(error.detail, limit=MAX_BODY, hint="Send a smaller query.") from None
        request = _decoded(body)
        engine, document = await self._read(request.query)
        return await engine.answer(document, call, request.variables or {}, request.operationName)

    async def _read(self, query: str) -> tuple[Engine, DocumentNode]:
        """Reads a query in a thread, and one at a time: large ones must not take the interpreter from the calls of jobs."""
        async with self._reading:
            if self._engine is None:
                self._engine = await asyncio.to_thread(_make_engine)
            return self._engine, await asyncio.to_thread(self._engine.read, query)

    async def _principal(self, token: str | None) -> Principal:
        if token is None:
            raise Unauthenticated
        accounts = self._services.accounts
        return accounts.authenticate(token) or await accounts.resolve(token)


def _make_engine() -> Engine:
    # the grammar's library takes a tenth of a second to import, which a platform that nobody manages this way never pays
    from trivet.platform.dialects.runpod.graph.engine import Engine

    return Engine()


def _token(scope: Scope, heads: Heads) -> str | None:
    """The key: as a bearer token, bare in the header, or in the URL as older clients send it. A header counts first."""
    query: bytes = scope["query_string"]
    if not query or len(query) > _LONGEST_URL_QUERY or any(name == b"authorization" for name, _ in scope["headers"]):
        return heads.token
    given = parse_qs(query.decode("latin-1")).get("api_key", [])
    return given[0] if len(given) == 1 else None


def _decoded(body: bytes) -> _Request:
    if body.lstrip()[:1] == b"[":
        raise BadRequest("Several queries in one request are not taken.", hint="Send one request for each.")
    try:
        return documents.decode_as(body, _Request)
    except BadRequest as error:
        raise type(error)(
            error.detail,
            hint='Send JSON such as {"query": "query { myself { id } }"}, with `variables` beside it or without.',
        ) from None


def _post_only(method: str) -> BadRequest:
    return BadRequest(
        f"{method} is not answered here: GraphQL comes by POST, with the query in a JSON body.",
        hint="""curl "$RUNPOD_API_BASE_URL/graphql" -H 'Authorization: Bearer KEY' -H 'Content-Type: application/json' """
        """-d '{"query": "{ myself { id } }"}'""",
    )


async def _send(send: Send, status: int, document: dict[str, Any], headers: Iterable[Header] = ()) -> None:
    await answer(send, status, (*_HEADERS, *headers), _encode(document))
