"""The management API: from a path to its handler, and each error in Algorithmia's shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import EndpointReference
from trivet.platform.core.errors import BadRequest, NotFound, Unauthenticated
from trivet.platform.dialects.algorithmia import errors
from trivet.platform.dialects.algorithmia.context import PREFIX
from trivet.platform.dialects.algorithmia.management.algorithms import RESERVED
from trivet.platform.dialects.algorithmia.management.context import Call, ManagementServices, ManagementSettings
from trivet.platform.dialects.algorithmia.management.errors import ALGORITHMS, answer_to
from trivet.platform.dialects.algorithmia.management.identifiers import is_uuid
from trivet.platform.dialects.algorithmia.management.routes import AREAS, ROUTES, Route
from trivet.platform.dialects.algorithmia.paths import Place, shown
from trivet.platform.wire.answers import answer
from trivet.platform.wire.bodies import ClientGone, read_body
from trivet.platform.wire.heads import Heads, read_heads
from trivet.platform.wire.hot import Answer, send_answer

__all__ = ["AREAS", "ManagementApi"]

MAX_BODY = 1 << 20
"""Bytes of a request, at most."""
_LONGEST_QUERY = 4096
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")
_ALGORITHM = "{algorithm}"


class _Asked(NamedTuple):
    """What a path leads to: its routes by method, what it leaves open, and the algorithm that it names."""

    routes: Mapping[str, Route]
    parts: Mapping[str, str]
    reference: EndpointReference | None


class ManagementApi:
    """Answers what is below the `AREAS` of ``/v1``.

    Args:
        services: what it speaks for.
        settings: what an operator has set.
    """

    def __init__(self, services: ManagementServices, settings: ManagementSettings) -> None:
        self._services = services
        self._settings = settings

    async def __call__(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, whatever its method. All but one route takes a key; what it may do, the services say."""
        try:
            found = await self._answer(place, scope, receive)
        except ClientGone:
            return
        if found.status == 204:
            await answer(send, 204, [])  # not even a length belongs to it
        else:
            await send_answer(send, found)

    async def _answer(self, place: Place, scope: Scope, receive: Receive) -> Answer:
        method: str = "GET" if scope["method"] == "HEAD" else scope["method"]
        numbers = ALGORITHMS
        try:
            asked = _read(place)
            route = None if asked is None else asked.routes.get(method)
            if asked is None:
                return errors.no_such_path(shown(place))
            if route is None:
                return errors.method_not_allowed(method, asked.routes)
            numbers = route.numbers
            heads = read_heads(scope["headers"], bare=True)
            asker = None if route.is_open else await self._principal(place, heads)
            if asker is None and not route.is_open:
                raise Unauthenticated  # before a byte of the body is taken
            body = await read_body(receive, MAX_BODY, heads.content_length)
            call = Call(
                self._services,
                self._settings,
                asker,
                _address(scope),
                asked.parts,
                _query(scope["query_string"]),
                body,
                heads.content_type or b"",
                asked.reference,
            )
            return await route.handler(call)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 — the outermost border: no traceback may reach a caller
            return answer_to(error, numbers, method, shown(place))

    async def _principal(self, place: Place, heads: Heads) -> Principal | None:
        if heads.token is not None:
            accounts = self._services.accounts
            return accounts.authenticate(heads.token) or await accounts.resolve(heads.token)
        if place.worker is not None:
            return await self._services.identities.of_worker(place.worker.worker_id, place.worker.token)
        return None


def _read(place: Place) -> _Asked | None:
    """What a path leads to; None where to nothing.

    Raises:
        BadRequest: it is no text.
        NotFound: it names an algorithm that can't be one.
    """
    parts = [place.area, *place.parts]
    if place.area != "algorithms" or len(parts) == 1:
        return _lookup(parts, None)
    if is_uuid(parts[1]):
        wanted = parts[1].lower()
        return _lookup([place.area, _ALGORITHM, *parts[2:]], EndpointReference(wanted, id=wanted))
    if len(parts) == 2:
        return _lookup(parts, None)
    owner, name = parts[1], parts[2]
    if name.lower() in RESERVED:
        raise NotFound.of("algorithm", f"{owner}/{name}")
    reference = EndpointReference(f"{owner}/{name}", owner=owner, name=name)
    return _lookup([place.area, _ALGORITHM, *parts[3:]], reference)


def _lookup(parts: list[str], reference: EndpointReference | None) -> _Asked | None:
    routes: dict[str, Route] = {}
    found: dict[str, str] = {}
    for route in ROUTES:
        pattern = route.path.split("/")
        if not _fits(pattern, parts) or route.method in routes:
            continue
        if (_ALGORITHM in pattern) != (reference is not None):
            continue
        routes[route.method] = route
        found |= {name[1:-1]: part for name, part in zip(pattern, parts, strict=True) if name.startswith("{")}
    return _Asked(routes, found, reference) if routes else None


def _fits(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        name.startswith("{") or name == part for name, part in zip(pattern, parts, strict=True)
    )


def _query(query: bytes) -> dict[str, str]:
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The part of the URL behind the question mark is longer than {_LONGEST_QUERY} bytes.")
    return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _address(scope: Scope) -> str:
    """The API's address as the caller reached it; only its path where the request names no sound host."""
    host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
    if not _HOST.fullmatch(host):
        return PREFIX
    return f"{scope.get('scheme', 'http')}://{host.decode()}{PREFIX}"
