"""Documents of hosted data."""

from __future__ import annotations

from typing import Literal

from trivet.platform.dialects.native.schemas.document import Document, Request

ReadAcl = Literal["private", "owners_endpoints", "organization", "public"]


class DataEntry(Document):
    """What lies somewhere in the hosted data: the root, an owner, a collection or a file.

    `acl` is who may read a collection: the owner, also the owner's endpoints, also members of the owner's organizations, or every
    account. What an endpoint keeps for an account, and what the jobs of one call share, has none. `size` is in bytes, `md5` and
    `sha256` are in hex; `md5` is the file's `ETag`, too.
    """

    type: Literal["root", "owner", "collection", "file"]
    uri: str
    name: str
    acl: ReadAcl | None = None
    size: int | None = None
    content_type: str | None = None
    md5: str | None = None
    sha256: str | None = None
    created_at: str | None = None
    modified_at: str | None = None
    expires_at: str | None = None


class CollectionRequest(Request):
    """The collection to make."""

    name: str
    acl: ReadAcl = "owners_endpoints"


class CollectionChange(Request):
    """Who may read the collection from now on."""

    acl: ReadAcl


class Deleted(Document):
    """How many files were deleted."""

    deleted: int
