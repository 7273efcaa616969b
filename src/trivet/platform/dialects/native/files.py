"""Handlers around hosted data: files, and the collections that they lie in."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from trivet.platform.core.data import File, ReadAcl
from trivet.platform.core.data_paths import DataPath
from trivet.platform.core.errors import BadRequest, PreconditionFailed
from trivet.platform.core.payloads import BINARY
from trivet.platform.dialects.native import events
from trivet.platform.dialects.native.context import PREFIX, Call, FileStream, Reply
from trivet.platform.dialects.native.schemas import files as schemas
from trivet.platform.dialects.native.translate import files as translate
from trivet.platform.wire.answers import CONTENT_TYPE, JSON_TYPE, NO_SCRIPTS, NO_SNIFFING, Header
from trivet.platform.wire.media import output_type
from trivet.platform.wire.problems import PROBLEM_TYPE, problem
from trivet.platform.wire.ranges import Conditions, headers_of
from trivet.platform.wire.transfers import opened, pieces_of

_ROOT = f"{PREFIX}/files"
_KIND = b"x-data-type"
_DIRECTORY: Header = (_KIND, b"directory")


async def get(call: Call) -> Reply | FileStream | schemas.DataEntry:
    """A file, or a page of what lies at a place; with ``info`` what is known of it."""
    path = _path(call)
    if call.flag("info"):
        return await _info(call, path)
    return await _listing(call, path) if path.file is None else await _file(call, path)


async def put(call: Call) -> schemas.DataEntry:
    """Writes a file; its body goes from the socket to where it is kept."""
    path = _path(call)
    if call.header(b"content-range") is not None:  # taken for a whole file, a part would destroy the rest
        raise BadRequest("A file is written as a whole, and not in ranges.", hint="Leave Content-Range out.")
    demanded, must_be_new = Conditions.read(call.scope["headers"]).for_writing()
    content_type, files = call.heads.content_type, call.services.files
    written = await files.write(
        call.principal,
        path,
        pieces_of(call.receive, call.heads.content_length, files.max_file),
        content_type=output_type(content_type.decode("latin-1")).decode() if content_type else None,
        if_match=demanded,
        if_none_match=must_be_new,
    )
    return translate.file(written, path, call.principal.account_name)


async def delete(call: Call) -> schemas.Deleted:
    """Deletes a file or a collection."""
    path, force = _path(call), call.flag("force")
    if path.file is None:
        return schemas.Deleted(await call.services.files.remove(call.principal, path, force=force))
    await call.services.files.delete(call.principal, path)
    return schemas.Deleted(1)


async def create(call: Call) -> schemas.DataEntry:
    """Makes a collection."""
    wanted = await call.document(schemas.CollectionRequest)
    path = _path(call).child(wanted.name)
    made = await call.services.files.create(call.principal, path, ReadAcl(wanted.acl))
    return translate.collection(made, path, call.principal.account_name)


async def change(call: Call) -> schemas.DataEntry:
    """Changes who may read a collection."""
    path = _path(call)
    wanted = await call.document(schemas.CollectionChange)
    changed = await call.services.files.change_acl(call.principal, path, ReadAcl(wanted.acl))
    return translate.collection(changed, path, call.principal.account_name)


async def _info(call: Call, path: DataPath) -> schemas.DataEntry:
    files, name = call.services.files, call.principal.account_name
    if path.file is not None:
        return translate.file(await files.stat(call.principal, path), path, name)
    if path.is_collection:
        return translate.collection(await files.collection(call.principal, path), path, name)
    await files.list(call.principal, path, limit=1)  # refuses what is not there
    return translate.place(path, name)


async def _listing(call: Call, path: DataPath) -> Reply:
    found = await call.services.files.list(call.principal, path, marker=call.cursor, limit=call.limit)
    page = translate.listing(found, path, call.principal.account_name)
    return Reply(200, events.encode(page), (JSON_TYPE, _DIRECTORY))


async def _file(call: Call, path: DataPath) -> Reply | FileStream:
    method, conditions = call.scope["method"], Conditions.read(call.scope["headers"])
    file = await call.services.files.stat(call.principal, path)
    chosen = conditions.select(
        method, size=file.size, etag=file.etag, modified_at=file.modified_at, now=call.services.clock()
    )
    headers = (
        *headers_of(chosen, size=file.size, etag=file.etag, modified_at=file.modified_at),
        (_KIND, b"file"),
    )
    if chosen.status is HTTPStatus.NOT_MODIFIED:
        return Reply(chosen.status, headers=headers)
    if chosen.status is HTTPStatus.PRECONDITION_FAILED:
        raise PreconditionFailed(
            f"{path.text} is not the version that this request is about: it has been replaced.",
            hint="Read it from the beginning.",
        )
    if chosen.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _no_such_range(file, headers)
    headers += ((CONTENT_TYPE, output_type(file.content_type or BINARY)), NO_SNIFFING, NO_SCRIPTS)
    if method == "HEAD":
        return FileStream(chosen, headers)
    return FileStream(chosen, headers, await opened(call.services.files, file, chosen, call.scope))


def _no_such_range(file: File, headers: tuple[Header, ...]) -> Reply:
    document = problem(
        "range_not_satisfiable",
        "There is no such range",
        f"The file has {file.size:,} bytes, and what was asked for begins behind them.",
        "Ask for a range that begins within the file, such as `Range: bytes=0-1023`.",
    )
    return Reply(document.status, events.encode(document), ((CONTENT_TYPE, PROBLEM_TYPE), *headers))


def _path(call: Call) -> DataPath:
    """The place that the request is about, from the path as it was sent: once decoded by the server, text that is not UTF-8 can't
    be told from other text.
    """
    sent = call.scope.get("raw_path") or f"{PREFIX}{call.scope['path']}".encode()
    try:
        whole = unquote_to_bytes(sent).decode()
    except UnicodeDecodeError:
        raise BadRequest(
            "A name in the path is not valid UTF-8.", hint="Percent-encode the UTF-8 bytes of the name."
        ) from None
    text = whole.partition(_ROOT)[2].removeprefix("/")
    return DataPath.parse(
        f"/{text}" if text.startswith("/") else text
    )  # that an empty name comes first must not get lost
