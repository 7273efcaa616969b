"""Hosted data."""

from __future__ import annotations

from trivet.platform.dialects.native import files
from trivet.platform.dialects.native.routes.route import PAGING, Access, Body, Query, Route
from trivet.platform.dialects.native.schemas import files as schemas
from trivet.platform.dialects.native.schemas.document import Page

_INFO = Query("info", "Tell what is known of it, as a `DataEntry`, in place of its content.", "boolean")

FILES: tuple[Route, ...] = (
    Route(
        name="list_owners",
        method="GET",
        path="/files",
        tag="Files",
        summary="List whose hosted data one may look for",
        access=Access.DATA,
        handler=files.get,
        response=Page[schemas.DataEntry],
        queries=(_INFO, *PAGING),
        detail="One's own account first, then the organizations that one belongs to.",
    ),
    Route(
        name="get_data",
        method="GET",
        path="/files/{path}",
        tag="Files",
        summary="Get a file, or list what lies at a place",
        access=Access.DATA,
        handler=files.get,
        response=Body.DATA,
        queries=(_INFO, *PAGING),
        detail=(
            "`OWNER/COLLECTION/FILE` is a file, a shorter path an owner or a collection; `.my` stands for one's own account. "
            "`X-Data-Type` says which it is: `file` or `directory`. A file comes with `ETag` (its MD5) and `Last-Modified`, and "
            "answers to `Range` (one at a time), `If-Range`, `If-Match`, `If-None-Match`, `If-Modified-Since` and "
            "`If-Unmodified-Since`. HEAD gives the headers alone."
        ),
    ),
    Route(
        name="put_file",
        method="PUT",
        path="/files/{path}",
        tag="Files",
        summary="Write a file",
        access=Access.DATA,
        handler=files.put,
        request=Body.FILE,
        response=schemas.DataEntry,
        detail=(
            "The body is kept as it comes, with its `Content-Type`. What was there is replaced when all of it has come, and not "
            "before: an upload that breaks off changes nothing. `If-Match` with an `ETag` replaces only that version, "
            "`If-None-Match: *` writes only where there is no file. The collection must be there."
        ),
    ),
    Route(
        name="delete_data",
        method="DELETE",
        path="/files/{path}",
        tag="Files",
        summary="Delete a file or a collection",
        access=Access.DATA,
        handler=files.delete,
        response=schemas.Deleted,
        queries=(Query("force", "Delete a collection that is not empty, with all its files.", "boolean"),),
    ),
    Route(
        name="create_collection",
        method="POST",
        path="/files/{owner}",
        tag="Files",
        summary="Make a collection",
        access=Access.DATA,
        handler=files.create,
        request=schemas.CollectionRequest,
        response=schemas.DataEntry,
        status=201,
        detail="The owner is one's own account (`.my`), or an organization that one manages.",
    ),
    Route(
        name="change_collection",
        method="PATCH",
        path="/files/{owner}/{collection}",
        tag="Files",
        summary="Say who may read a collection",
        access=Access.DATA,
        handler=files.change,
        request=schemas.CollectionChange,
        response=schemas.DataEntry,
    ),
)
