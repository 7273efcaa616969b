"""What a handler of this dialect is given: the services, and one request."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, InvalidJson, Unauthenticated
from trivet.platform.ports.clock import Clock
from trivet.platform.ports.vault import Vault
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.deployments import Deployments
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.numbered import NumberedJobs
from trivet.platform.services.organizations import Organizations
from trivet.platform.services.pending import PendingModels
from trivet.platform.wire import documents
from trivet.platform.wire.answers import JSON_TYPE, NO_SNIFFING, NO_STORING, Header
from trivet.platform.wire.hot import Answer, lines

PREFIX = "/jaqpot"
VERSION = "v1"
FORMAT = "jaqpot"
"""Under which this dialect keeps its own words with what is everybody's."""
DAY = 86_400.0

T = TypeVar("T")

_LONGEST_QUERY = 4096
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]_-]{1,255}")
_PREFIX = re.compile(rb"(?:/[A-Za-z0-9._~-]{1,100}){1,8}/?")
_FORWARDED = frozenset({b"host", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix"})
_HEADERS = lines([JSON_TYPE, NO_SNIFFING, NO_STORING])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class JaqpotServices:
    """The services that this dialect speaks for."""

    accounts: Accounts
    organizations: Organizations
    endpoints: Endpoints
    deployments: Deployments
    jobs: Jobs
    numbered: NumberedJobs
    pending: PendingModels
    vault: Vault
    clock: Clock = time.time


@dataclass(frozen=True, slots=True)
class JaqpotSettings:
    """What an operator has set. Times in seconds, sizes in bytes.

    ``uploads`` is a folder for what is on its way to a builder, ``bundles`` the one that has the code of each version in a folder
    of its own. ``wait``: how long a prediction is waited for before it is answered; ``hold``: how long a question for one that
    is not finished is held. ``retention``: how long a finished one is kept. ``max_rows``, ``max_csv_rows``: rows of one
    prediction; ``max_csv``: a file of CSV in base64; ``max_output``: the results of one prediction.
    """

    uploads: Path
    bundles: Path
    wait: float = 2.0
    hold: float = 5.0
    retention: float = 30 * DAY
    max_rows: int = 100
    max_csv_rows: int = 1_000_000
    max_input: int = 50 << 20
    max_csv: int = 10_000_000
    max_upload: int = 256 << 20
    max_output: int = 50 << 20


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    ``parts`` are what the route's path leaves open, ``query`` all values of each name. ``asker`` is None where nobody has shown a
    key. ``address`` is the API's, as the caller reached it. ``body`` was read already, except where the route reads it from
    ``receive`` itself; ``length`` is then what was announced.
    """

    asker: Principal | None
    address: str
    parts: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    content_type: bytes = b""
    length: int | None = None
    receive: Receive | None = field(default=None, repr=False)

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            Unauthenticated: nobody who has shown a key.
        """
        if self.asker is None:
            raise Unauthenticated
        return self.asker

    def number(self, name: str) -> int | None:
        """A part of the path that is an integer; None where it is none that could be an id."""
        return whole(self.parts[name])

    def first(self, name: str) -> str | None:
        """The first value of that name in the query."""
        return next(iter(self.query.get(name, ())), None)

    def count(self, name: str, usual: int, most: int) -> int:
        """A whole number from 0 in the query, cut to ``most``.

        Raises:
            BadRequest: it is none.
        """
        text = self.first(name)
        if text is None or not text:
            return usual
        found = whole(text)
        if found is None:
            raise BadRequest(f"{name}={text[:40]!r} is not a whole number from 0.")
        return min(found, most)

    def document(self, kind: type[T]) -> T:
        """The document in the body.

        Raises:
            InvalidJson: it is no JSON; the hint says what to do about NaN.
            BadRequest: it is not such a document.
        """
        try:
            return documents.decode_as(self.body, kind)
        except InvalidJson:
            raise
        except BadRequest as error:
            raise BadRequest(error.detail) from None  # its hint is about the native API


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is sent piece by piece; ``size`` in bytes where it is known before."""

    status: int
    headers: tuple[Header, ...]
    pieces: AsyncGenerator[bytes, None] = field(repr=False)
    size: int | None = None


Handler = Callable[[Call], Coroutine[Any, Any, Answer | Streamed]]


def whole(text: str) -> int | None:
    """The integer from 0 in a text; None where it holds none, or one that no id has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def reply(document: object, status: int = 200) -> Answer:
    """An answer with a document."""
    return Answer(status, _HEADERS, _encode(document))


def reply_with(data: bytes, status: int = 200) -> Answer:
    """An answer with a document that is written already."""
    return Answer(status, _HEADERS, data)


def created(address: str, path: str) -> Answer:
    """The answer to what has made something: no body, and where it is. Clients look for ``Location`` in this very spelling."""
    where = f"{address}/{VERSION}/{path}".encode()
    return Answer(201, lines([(b"Location", where), NO_SNIFFING, NO_STORING]), b"")


def nothing(status: int) -> Answer:
    """An answer without a body."""
    return Answer(status, b"", b"")


def query_of(query: bytes) -> dict[str, list[str]]:
    """The parameters in a query string: all values of each name.

    Raises:
        BadRequest: it can't be read.
    """
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The part of the URL behind the question mark is longer than {_LONGEST_QUERY} bytes.")
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise BadRequest("The part of the URL behind the question mark can't be read.") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def address(scope: Scope) -> str:
    """The API's address as the caller reached it, by what the request and a proxy in front say of it; only its path where they
    name no sound host.
    """
    said = {name: value for name, value in reversed(scope["headers"]) if name in _FORWARDED}
    host = said.get(b"x-forwarded-host", said.get(b"host", b"")).partition(b",")[0].strip()
    if not _HOST.fullmatch(host):
        return PREFIX
    scheme = said.get(b"x-forwarded-proto", b"").partition(b",")[0].strip().lower().decode("latin-1")
    if scheme not in ("http", "https"):
        scheme = scope.get("scheme", "http")
    before = said.get(b"x-forwarded-prefix", b"").strip()
    root = before.rstrip(b"/").decode() if _PREFIX.fullmatch(before) else scope.get("root_path", "")
    return f"{scheme}://{host.decode()}{root}{PREFIX}"
