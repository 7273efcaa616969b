"""Hosted data in Algorithmia's words: each request is one use case of `services.files`, and files pass straight through."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

from trivet.platform.core.accounts import Principal
from trivet.platform.core.data import File
from trivet.platform.core.data_paths import DataPath, Space
from trivet.platform.core.errors import BadRequest, Conflict, PreconditionFailed
from trivet.platform.core.payloads import BINARY
from trivet.platform.dialects.algorithmia import errors, schemas, translate
from trivet.platform.dialects.algorithmia.paths import Place, data_path
from trivet.platform.ports.clock import Clock
from trivet.platform.services.files import Files
from trivet.platform.wire import documents
from trivet.platform.wire.answers import CONTENT_TYPE, JSON_TYPE, NO_SCRIPTS, NO_SNIFFING, TRIVET, Header
from trivet.platform.wire.bodies import read_body
from trivet.platform.wire.heads import Heads
from trivet.platform.wire.hot import Answer, lines, send_answer
from trivet.platform.wire.media import output_type
from trivet.platform.wire.ranges import Conditions, headers_of
from trivet.platform.wire.transfers import opened, pieces_of, send_file

METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"})
_LOOKED_AT = 64 * 1024
"""Bytes at the beginning of a file by which it is told whether it is text."""
_MOST_DOCUMENT = 64 * 1024
_LONGEST_QUERY = 4096
_PAGE = 1000
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_FILE: Header = (b"x-data-type", b"file")
_DIRECTORY: Header = (b"x-data-type", b"directory")
_SAYS_NOTHING = frozenset({BINARY, "application/x-www-form-urlencoded"})
"""What clients send as the type of a file without having been told."""
_TEXT = b"text/plain; charset=utf-8"
_encode = msgspec.json.Encoder().encode
_JSON_HEAD = lines([JSON_TYPE, NO_SNIFFING, TRIVET])
_Document = TypeVar("_Document")


class DataRequest(NamedTuple):
    """A request about hosted data, from somebody who is known."""

    principal: Principal
    place: Place
    heads: Heads
    scope: Scope
    receive: Receive
    send: Send


class DataApi:
    """Answers what is asked below ``/v1/data``, ``/v1/connector`` and at ``/v1/hostedData``.

    Args:
        files: the use cases.
        clock: the time of day.
    """

    def __init__(self, files: Files, clock: Clock = time.time) -> None:
        self._files = files
        self._clock = clock

    async def __call__(self, request: DataRequest) -> None:
        """Answers one request, whose method is one of `METHODS`.

        Raises:
            CoreError, ClientGone: there is no answer yet; the first is to be told in this dialect's shape.
        """
        uri, method = data_path(request.place), request.scope["method"]
        scheme = _SCHEME.match(uri)
        if scheme is not None and scheme[1].lower() != "data":
            await send_answer(request.send, _no_connector(scheme[1], method))
            return
        path = DataPath.parse(uri)
        match method:
            case "PUT":
                answer = await self._write(request, path)
            case "POST":
                answer = await self._create(request, path)
            case "PATCH":
                answer = await self._change(request, path)
            case "DELETE":
                answer = await self._delete(request, path)
            case _ if path.file is None:
                answer = await self._listing(request, path)
            case _:
                await self._read(request, path)
                return
        await send_answer(request.send, answer)

    async def hosted(self, principal: Principal) -> Answer:
        """The caller's own collections, all of them."""
        path, marker = DataPath.parse("data://.my"), None
        found: list[schemas.Hosted] = []
        while True:
            page = await self._files.list(principal, path, marker=marker)
            found += map(translate.hosted, page.collections)
            marker = page.marker
            if marker is None:
                return _answer(schemas.HostedList(found))

    # -- collections --------------------------------------------------------------------------------------------------

    async def _listing(self, request: DataRequest, path: DataPath) -> Answer:
        query = _query(request.scope["query_string"])
        found = await self._files.list(request.principal, path, marker=query.get("marker") or None, limit=_PAGE)
        shown = translate.listing(found, with_acl=_is_true(query, "acl"))
        return Answer(200, _JSON_HEAD + lines([_DIRECTORY]), _encode(shown))

    async def _create(self, request: DataRequest, parent: DataPath) -> Answer:
        wanted = await self._document(request, schemas.NewCollection)
        path = parent.child(wanted.name)
        if not path.is_collection or path.kind is not Space.HOSTED:
            raise BadRequest(
                f"No directory can be made at {path.text}.",
                hint="Directories are made in an account, data://.my/NAME, and hold files alone.",
            )
        acl = None if wanted.acl is None else translate.read_acl(wanted.acl)
        await self._files.create(request.principal, path, acl)
        return _answer(schemas.Located(path.spelled_out(request.principal.account_name)))

    async def _change(self, request: DataRequest, path: DataPath) -> Answer:
        wanted = await self._document(request, schemas.AclChange)
        changed = await self._files.change_acl(request.principal, path, translate.read_acl(wanted.acl))
        return _answer(schemas.AclChange(translate.acl(changed.acl)))

    async def _delete(self, request: DataRequest, path: DataPath) -> Answer:
        if path.file is not None:
            await self._files.delete(request.principal, path)
            return _answer(schemas.Deleted(schemas.Count(1)))
        force = _is_true(_query(request.scope["query_string"]), "force")
        try:
            count = await self._files.remove(request.principal, path, force=force)
        except Conflict as error:  # not empty: clients know 400 for it
            raise BadRequest(error.detail, hint=error.hint) from None
        return _answer(schemas.Deleted(schemas.Count(count)))

    async def _document(self, request: DataRequest, kind: type[_Document]) -> _Document:
        body = await read_body(request.receive, _MOST_DOCUMENT, request.heads.content_length)
        return documents.decode_as(body, kind)

    # -- files --------------------------------------------------------------------------------------------------------

    async def _write(self, request: DataRequest, path: DataPath) -> Answer:
        demanded, must_be_new = Conditions.read(request.scope["headers"]).for_writing()
        await self._files.write(
            request.principal,
            path,
            pieces_of(request.receive, request.heads.content_length, self._files.max_file),
            content_type=_said(request.heads.content_type),
            if_match=demanded,
            if_none_match=must_be_new,
        )
        return _answer(schemas.Located(path.spelled_out(request.principal.account_name)))

    async def _read(self, request: DataRequest, path: DataPath) -> None:
        method = request.scope["method"]
        file = await self._files.stat(request.principal, path)
        size, etag, modified_at = file.size, file.etag, file.modified_at
        asked = Conditions.read(request.scope["headers"])
        chosen = asked.select(method, size=size, etag=etag, modified_at=modified_at, now=self._clock())
        headers = [*headers_of(chosen, size=size, etag=etag, modified_at=modified_at), _FILE]
        match chosen.status:
            case HTTPStatus.NOT_MODIFIED:
                await send_answer(request.send, Answer(304, lines(headers), b""))
                return
            case HTTPStatus.PRECONDITION_FAILED:
                raise PreconditionFailed(f"{path.text} is not the version that this request is about.")
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                text = f"{path.text} has {file.size:,} bytes, and what was asked for begins behind them."
                await send_answer(request.send, errors.fault(416, text, headers=headers))
                return
        headers += [(CONTENT_TYPE, await self._content_type(file)), NO_SNIFFING, NO_SCRIPTS]
        content = None if method == "HEAD" else await opened(self._files, file, chosen, request.scope)
        await send_file(content, chosen, headers, request.receive, request.send)

    async def _content_type(self, file: File) -> bytes:
        """What a reader is told that a file is. Clients take bytes for Latin-1 where text comes without its charset."""
        if file.content_type is not None and file.content_type not in _SAYS_NOTHING:
            return output_type(file.content_type)
        decoder = codecs.getincrementaldecoder("utf-8")()
        looked_at = min(file.size, _LOOKED_AT)
        try:
            async for piece in self._files.read(file, 0, looked_at):
                decoder.decode(piece)
            decoder.decode(b"", final=looked_at == file.size)
        except UnicodeDecodeError:
            return BINARY.encode()
        return _TEXT


def _answer(document: msgspec.Struct) -> Answer:
    return Answer(200, _JSON_HEAD, _encode(document))


def _no_connector(scheme: str, method: str) -> Answer:
    text = (
        f"{scheme[:40]}:// is a store outside of this platform, and connectors to such stores are not there yet. "
        "Copy what you need to hosted data, data://.my/…"
    )
    headers = [(b"x-error-message", text.encode("ascii", "ignore"))] if method == "HEAD" else []
    return errors.fault(501, text, errors.NOT_IMPLEMENTED, headers)


def _said(content_type: bytes | None) -> str | None:
    """What the writer of a file says that it is; text without a charset is UTF-8."""
    if not content_type:
        return None
    said = output_type(content_type.decode("latin-1")).decode()
    essence = said.partition(";")[0].strip().lower()
    if essence in _SAYS_NOTHING:
        return None
    return f"{essence}; charset=utf-8" if essence.startswith("text/") and ";" not in said else said


def _query(query: bytes) -> Mapping[str, str]:
    if len(query) > _LONGEST_QUERY:
        raise BadRequest(f"The query of this URL is longer than {_LONGEST_QUERY} bytes.")
    try:
        found = parse_qs(query.decode("ascii"), max_num_fields=50)
    except ValueError:
        raise BadRequest("The query of this URL can't be read.") from None
    return {name: values[-1] for name, values in found.items()}


def _is_true(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() == "true"
