"""Handlers around predictive models: the bundle that one is handed out as."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from trivet.models import bundle
from trivet.models.problems import ModelInvalid
from trivet.platform.core.accounts import Scope
from trivet.platform.core.endpoints import Endpoint, EndpointReference, Version
from trivet.platform.core.errors import BadRequest, NotFound
from trivet.platform.dialects.native.context import Call, FileStream
from trivet.platform.wire.answers import CONTENT_TYPE, NO_SNIFFING, NO_STORING
from trivet.platform.wire.ranges import Selection

_PIECE = 1 << 20


async def bundle_of(call: Call) -> FileStream:
    """The bundle of a model's version; the current one where none is named."""
    endpoint, version = _version(call)
    packed = await asyncio.to_thread(
        _packed, call.settings.bundles / version.bundle, call.settings.uploads, endpoint, version
    )
    name = f'attachment; filename="{endpoint.name}-{version.number}.zip"'.encode()
    headers = ((CONTENT_TYPE, b"application/zip"), (b"content-disposition", name), NO_SNIFFING, NO_STORING)
    selection = Selection(HTTPStatus.OK, 0, packed.seek(0, 2))
    if call.scope["method"] == "HEAD":
        packed.close()
        return FileStream(selection, headers)
    packed.seek(0)
    return FileStream(selection, headers, _pieces(packed))


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


def _packed(folder: Path, uploads: Path, endpoint: Endpoint, version: Version) -> BinaryIO:
    """The bundle as an open file that has no name any more: it is gone as soon as nobody reads it.

    Raises:
        NotFound: the parts of the model are not there.
    """
    path = uploads / f"{secrets.token_hex(16)}.zip"
    target = path.open("x+b")
    try:
        path.unlink()
        bundle.pack(folder, target, about={"endpoint": endpoint.full_name, "version": version.number})
    except BaseException as error:
        target.close()
        if isinstance(error, ModelInvalid | OSError):
            raise NotFound(
                f"The parts of {endpoint.full_name} {version.number} are not whole.", hint="Deploy the model again."
            ) from error
        raise
    return target


async def _pieces(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
    finally:
        file.close()
