"""Handlers around predictive models: the bundle that one is handed out as."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trivet.models import bundle
from trivet.models.problems import ModelInvalid
from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.errors import BadRequest, NotFound, PreconditionFailed
from trivet.platform.dialects.native.context import Call, FileStream, Reply
from trivet.platform.wire.answers import CONTENT_TYPE, NO_SNIFFING
from trivet.platform.wire.ranges import Conditions, Selection, headers_of

_PIECE = 1 << 20


class _Packed(NamedTuple):
    """A bundle that is written: an open file, its size in bytes, and what tells it from others."""

    file: BinaryIO
    size: int
    etag: str


async def bundle_of(call: Call) -> Reply | FileStream:
    """The bundle of a model's version, whole or in part; the current one where none is named."""
    endpoint, version = _version(call)
    packed = await asyncio.to_thread(
        _packed, call.settings.bundles / version.bundle, call.settings.uploads, endpoint, version
    )
    method, conditions = call.scope["method"], Conditions.read(call.scope["headers"])
    size, etag, made_at = packed.size, packed.etag, version.created_at
    chosen = conditions.select(method, size=size, etag=etag, modified_at=made_at, now=call.services.clock())
    headers = (*headers_of(chosen, size=size, etag=etag, modified_at=made_at), (b"x-data-type", b"file"))
    if chosen.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT) or method == "HEAD":
        packed.file.close()
    if chosen.status is HTTPStatus.NOT_MODIFIED:
        return Reply(chosen.status, headers=headers)
    if chosen.status is HTTPStatus.PRECONDITION_FAILED:
        raise PreconditionFailed(
            f"The bundle of {endpoint.full_name} is not the one that this request is about.",
            hint="Download it from the beginning.",
        )
    if chosen.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise BadRequest(f"The bundle has {size:,} bytes, and what was asked for begins behind them.")
    name = f'attachment; filename="{endpoint.name}-{version.number}.zip"'.encode()
    headers += ((CONTENT_TYPE, b"application/zip"), (b"content-disposition", name), NO_SNIFFING)
    return FileStream(chosen, headers, None if method == "HEAD" else _pieces(packed.file, chosen))


def _version(call: Call) -> tuple[Endpoint, Version]:
    endpoints, wanted = call.services.endpoints, call.query.get("version") or None
    endpoint = endpoints.find(call.principal, call.endpoint, Scope.CALL)
    if wanted is not None:
        reference = EndpointReference(endpoint.full_name, id=endpoint.id, version=wanted)
        endpoint, version = endpoints.pick(call.principal, reference)
    else:
        current = endpoints.current(endpoint, call.principal)
        if current is None:
            raise NotFound(f"{endpoint.full_name} has no version yet.", hint="Deploy one: `trivet deploy PATH`.")
        version = current
    if version.model is None:
        raise BadRequest(
            f"{endpoint.full_name} is no predictive model, so there is no bundle of it.",
            hint="What its author deployed is the author's; call it instead.",
        )
    return endpoint, version


def _packed(folder: Path, uploads: Path, endpoint: Endpoint, version: Version) -> _Packed:
    """The bundle as an open file that has no name any more: it is gone as soon as nobody reads it.

    Raises:
        NotFound: the parts of the model are not there.
    """
    path = uploads / f"{secrets.token_hex(16)}.zip"
    target = path.open("x+b")
    try:
        path.unlink()
        bundle.pack(folder, target, about={"endpoint": endpoint.full_name, "version": version.number})
        size = target.tell()
        target.seek(0)
        return _Packed(target, size, hashlib.file_digest(target, "sha256").hexdigest())
    except BaseException as error:
        target.close()
        if isinstance(error, ModelInvalid | OSError):
            raise NotFound(
                f"The parts of {endpoint.full_name} {version.number} are not whole.", hint="Deploy the model again."
            ) from error
        raise


async def _pieces(file: BinaryIO, chosen: Selection) -> AsyncGenerator[bytes, None]:
    with file:
        file.seek(chosen.start)
        left = chosen.size
        while left and (piece := await asyncio.to_thread(file.read, min(_PIECE, left))):
            left -= len(piece)
            yield piece
