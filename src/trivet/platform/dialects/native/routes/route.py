"""A route of the native API as a value: what it is reached by, who may use it, what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from trivet.platform.dialects.native.context import Call

Handler = Callable[[Call], Awaitable[Any]]
"""Gives a document, a `Reply`, an `EventStream`, or None (204)."""


class Access(StrEnum):
    """Who may use a route: the scope that the key needs. The services decide; this table says what they decide."""

    PUBLIC = "public"
    KEY = "key"
    CALL = "call"
    READ = "read"
    DEPLOY = "deploy"
    DATA = "data"
    ADMIN = "admin"


class Body(Enum):
    """What a body is that is no document of the API."""

    INPUT = "the input of a call: JSON, text or bytes"
    OUTPUT = "the output of a job, as its handler gave it"
    ARCHIVE = "a tar.gz of the folder, or one Python file"
    FILE = "the bytes of a file"
    DATA = "the bytes of a file, or a page of a listing"
    TEXT = "plain text"
    EVENTS = "server-sent events"
    BUNDLE = "a model bundle, a zip file"
    OPENAPI = "an OpenAPI 3.1 document"


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter: what it does, and the JSON type of its value."""

    name: str
    text: str
    type: str = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        name: its name, unique; the OpenAPI ``operationId``.
        method: the verb.
        path: below the API's prefix. ``{endpoint}`` stands for ``{owner}/{name}`` and for ``{endpoint_id}``; ``{path}`` for all
            that follows.
        tag: the chapter it belongs to.
        summary: what it does, a short sentence.
        access: who may use it.
        handler: what answers; None for the public routes and the hot paths, which the application answers itself.
        request: the document or the body that is sent.
        response: the document or the body of the answer; None where there is none.
        status: of the answer where all went well.
        queries: the query parameters.
        detail: more, for the pages.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    access: Access
    handler: Handler | None = None
    request: Any = None
    response: Any = None
    status: int = 200
    queries: tuple[Query, ...] = ()
    detail: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it is reached by: two where it is about an endpoint."""
        if "{endpoint}" not in self.path:
            return (self.path,)
        return self.path.replace("{endpoint}", "{owner}/{name}"), self.path.replace("{endpoint}", "{endpoint_id}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths as the router takes them."""
        return tuple(path.replace("{path}", "{path:path}") or "/" for path in self.paths)

    @property
    def query_names(self) -> tuple[str, ...]:
        """The names of its query parameters."""
        return tuple(query.name for query in self.queries)


PAGING = (
    Query("limit", "How many items a page may have, up to 500; 50 where nothing is said.", "integer"),
    Query("cursor", "`next` of the page before."),
)
"""What every listing takes."""
