"""The wire's documents, as Algorithmia's clients read and write them. Keys without a value are left out throughout."""

from __future__ import annotations

from typing import Any

import msgspec


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. ``error_type`` and ``stacktrace`` are there for calls alone."""

    message: str
    code: int | None = None
    error_type: str | None = None
    stacktrace: str | None = None


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a refused or failed call has to tell beside its error. ``duration`` in seconds."""

    duration: float
    request_id: str | None = None
    stdout: str | None = None


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as a whole answer."""

    error: Error
    metadata: Metadata | None = None


class Begun(msgspec.Struct, frozen=True):
    """A call that goes on without its caller. ``asynchronous`` is always ``void``."""

    request_id: str
    asynchronous: str = msgspec.field(default="void", name="async")


class Acl(msgspec.Struct, frozen=True):
    """Who may read a collection."""

    read: list[str]


class Folder(msgspec.Struct, frozen=True):
    """Something in a listing that can be listed in turn."""

    name: str


class DataFile(msgspec.Struct, frozen=True):
    """A file in a listing. ``size`` in bytes; ``last_modified`` is text of one fixed form."""

    filename: str
    size: int
    last_modified: str


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of what lies at a path. A ``marker`` leads to the next one."""

    folders: list[Folder] = []
    files: list[DataFile] = []
    marker: str | None = None
    acl: Acl | None = None


class NewCollection(msgspec.Struct, frozen=True):
    """The body that makes a collection."""

    name: str
    acl: Acl | None = None


class AclChange(msgspec.Struct, frozen=True):
    """The body that changes who may read a collection, and the answer to it."""

    acl: Acl


class Located(msgspec.Struct, frozen=True):
    """Where something lies that was made or written: a URI that means the same to everybody."""

    result: str


class Count(msgspec.Struct, frozen=True):
    """How many files were deleted."""

    deleted: int


class Deleted(msgspec.Struct, frozen=True):
    """The answer to a deletion."""

    result: Count


class HostedAcl(msgspec.Struct, frozen=True):
    """Who may read: everybody, the owner's organizations, the owner, the owner's algorithms."""

    read_w: bool
    read_g: bool
    read_u: bool
    read_a: bool


class Hosted(msgspec.Struct, frozen=True):
    """A collection in the list of one's own."""

    id: str
    object_id: str
    collection_name: str
    username: str
    acl: HostedAcl
    location: str


class HostedList(msgspec.Struct, frozen=True):
    """One's own collections."""

    result: list[Hosted]


class Insight(msgspec.Struct, frozen=True):
    """One metric that an algorithm posts."""

    insight_key: str
    insight_value: Any


class Noted(msgspec.Struct, frozen=True):
    """How many metrics were kept."""

    result: int
