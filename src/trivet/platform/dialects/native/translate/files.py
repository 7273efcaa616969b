"""Hosted data as documents."""

from __future__ import annotations

from trivet.platform.core import data, data_paths
from trivet.platform.dialects.native.schemas import files as schemas
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.wire.times import rfc3339


def place(path: data_paths.DataPath, account_name: str) -> schemas.DataEntry:
    """The root, or an owner."""
    uri = path.spelled_out(account_name)
    return schemas.DataEntry(
        type="root" if path.owner is None else "owner", uri=uri, name=uri.removeprefix(data_paths.SCHEME)
    )


def collection(value: data.Collection, path: data_paths.DataPath, account_name: str) -> schemas.DataEntry:
    """A collection at the place where somebody has asked for it."""
    uri = path.spelled_out(account_name)
    return schemas.DataEntry(
        type="collection",
        uri=uri,
        name=uri.rpartition("/")[2],
        acl=value.acl.value if value.space is data_paths.Space.HOSTED else None,
        created_at=rfc3339(value.created_at),
        modified_at=rfc3339(value.updated_at),
    )


def file(value: data.File, path: data_paths.DataPath, account_name: str) -> schemas.DataEntry:
    """A file at the place where somebody has asked for it."""
    return schemas.DataEntry(
        type="file",
        uri=path.spelled_out(account_name),
        name=value.name,
        size=value.size,
        content_type=value.content_type,
        md5=value.md5,
        sha256=value.sha256,
        created_at=rfc3339(value.created_at),
        modified_at=rfc3339(value.modified_at),
        expires_at=rfc3339(value.expires_at),
    )


def listing(value: data.Listing, path: data_paths.DataPath, account_name: str) -> Page[schemas.DataEntry]:
    """A page of what lies at a place: owners, collections, files."""
    items = [place(path.child(owner), account_name) for owner in value.owners]
    items += [collection(each, path.child(each.name), account_name) for each in value.collections]
    items += [file(each, path.child(each.name), account_name) for each in value.files]
    return Page(items=items, next=value.marker)
