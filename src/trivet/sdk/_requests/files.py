"""Hosted data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trivet.sdk._http import Request
from trivet.sdk._requests.parts import API, going_on, with_json, with_query
from trivet.sdk.errors import InvalidRequestError

if TYPE_CHECKING:
    from trivet.sdk._uris import DataUri

FILES_PAGE = 500


def files(place: DataUri, *, cursor: str | None = None) -> Request:
    """A page of what lies at a place."""
    return Request("GET", with_query(_data(place), {"limit": FILES_PAGE, "cursor": cursor}))


def data_info(place: DataUri) -> Request:
    """What is known of a file or a collection."""
    return Request("GET", with_query(_data(place), {"info": "true"}))


def file_read(place: DataUri, *, start: int = 0, if_match: str | None = None) -> Request:
    """A file from byte ``start`` on; with ``if_match`` (an ``ETag``, as it came) only that version of it."""
    if not place.is_file:
        raise InvalidRequestError(f"{place} is no file.", hint="Write `data://OWNER/COLLECTION/FILE`.")
    return Request("GET", _data(place), going_on(start, if_match))


def file_write(
    place: DataUri,
    *,
    body: bytes | None = None,
    chunks: Any = None,
    size: int | None = None,
    content_type: str | None = None,
    if_absent: bool = False,
    if_match: str | None = None,
) -> Request:
    """Write a file: ``body``, or ``chunks`` of together ``size`` bytes."""
    if not place.is_file:
        raise InvalidRequestError(f"{place} is no file.", hint="Write `data://OWNER/COLLECTION/FILE`.")
    headers = [("Content-Type", content_type or "application/octet-stream")]
    if chunks is not None and size is not None:
        headers.append(("Content-Length", str(size)))
    if if_absent:
        headers.append(("If-None-Match", "*"))
    if if_match is not None:
        headers.append(("If-Match", f'"{if_match}"'))
    conditional = if_absent or if_match is not None
    return Request("PUT", _data(place), tuple(headers), body, chunks=chunks, size=size, conditional=conditional)


def data_delete(place: DataUri, *, force: bool = False) -> Request:
    """Delete a file, or a collection; with ``force`` one that is not empty."""
    return Request("DELETE", with_query(_data(place), {"force": "true" if force else None}))


def collection_create(place: DataUri, acl: str | None = None) -> Request:
    """Make a collection."""
    if not place.is_collection:
        raise InvalidRequestError(f"{place} can't be a collection.", hint="Write `data://OWNER/COLLECTION`.")
    wanted = {"name": place.name} | ({} if acl is None else {"acl": acl})
    return with_json("POST", _data(place.parent), wanted)


def collection_update(place: DataUri, acl: str) -> Request:
    """Change who may read a collection."""
    return with_json("PATCH", _data(place), {"acl": acl})


def _data(place: DataUri) -> str:
    return place.path(f"{API}/files")
