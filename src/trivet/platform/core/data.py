"""Hosted data: whose a collection is, and who may read and write what lies in it.

A file is named bytes; it lies in a collection, and collections are flat. There are four spaces of collections:

- ``hosted``: collections that people make, ``data://owner/collection/file``. Each says who may read it (`ReadAcl`).
- ``temp`` and ``perm``: what an endpoint keeps for an account that calls it, ``data://.algo/owner/name/perm/file``. Each pair of
  endpoint and account has its own, and nobody else learns of it. Files in ``temp`` are forgotten after a day.
- ``session``: what the jobs of one tree of calls share, ``data://.session/file``; gone when the tree has ended.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.data_paths import Space
from trivet.platform.core.errors import BadRequest, CoreError, Forbidden, NotFound, PreconditionFailed

TEMP_LIFE = 86_400.0
"""Seconds after which a file in ``temp`` is forgotten."""


class ReadAcl(StrEnum):
    """Who may read a collection that people made; each lets in all whom the one before it does.

    ``private``: its owner, and the jobs that the owner asks for. ``owners_endpoints``: the owner's endpoints, whoever calls them.
    ``organization``: members of organizations that the owner belongs to. ``public``: every account.
    """

    PRIVATE = "private"
    OWNERS_ENDPOINTS = "owners_endpoints"
    ORGANIZATION = "organization"
    PUBLIC = "public"


class Wish(StrEnum):
    """What somebody wants to do with a collection: read its files, write one, delete some, or change what it is itself."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Collection:
    """A flat set of files.

    ``name`` is unique among the owner's in its space. That of a ``temp`` or ``perm`` is the id of its endpoint, that of a session
    the id of the job at the top; the owner of these is the account that called.
    """

    id: str
    owner_id: str
    owner_name: str
    name: str
    space: Space
    acl: ReadAcl
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class File:
    """A file and where its bytes lie. ``md5`` and ``sha256`` in hex; ``expires_at`` None: it stays.

    ``content_type`` is what its writer said it is, None where nothing was said.
    """

    collection_id: str
    name: str
    size: int
    md5: str
    sha256: str
    content_type: str | None
    blob: str
    created_at: float
    modified_at: float
    expires_at: float | None = None

    @property
    def etag(self) -> str:
        """What tells this content from another: its MD5."""
        return self.md5


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of what lies at a path: owners at the root, collections of an owner, files of a collection; by name.

    ``collection`` is the one that was listed. ``marker`` leads to the next page; None: this is the last.
    """

    owners: tuple[str, ...] = ()
    collections: tuple[Collection, ...] = ()
    files: tuple[File, ...] = ()
    collection: Collection | None = None
    marker: str | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of what can be listed in turn."""
        return (*self.owners, *(collection.name for collection in self.collections))


# -- who may ------------------------------------------------------------------------------------------------------------


def readable(principal: Principal, owner_id: str, circle: AbstractSet[str]) -> frozenset[ReadAcl]:
    """Which of an owner's hosted collections the principal may read, by what they say about it.

    Args:
        principal: who asks.
        owner_id: whose collections.
        circle: the ids of the organizations that the owner belongs to.
    """
    if principal.owns(owner_id) or _looks_after(principal):
        return frozenset(ReadAcl)
    allowed = {ReadAcl.PUBLIC}
    if not circle.isdisjoint(principal.roles):
        allowed |= {ReadAcl.ORGANIZATION}
    if principal.within is not None and principal.within.owner_id == owner_id:
        allowed |= {ReadAcl.ORGANIZATION, ReadAcl.OWNERS_ENDPOINTS}
    return frozenset(allowed)


def may_read(principal: Principal, collection: Collection, circle: AbstractSet[str] = frozenset()) -> bool:
    """Whether the principal may know of the collection and read its files. ``circle`` as for `readable`."""
    if collection.space is Space.HOSTED:
        return collection.acl in readable(principal, collection.owner_id, circle)
    return collection.owner_id == principal.account_id and (
        collection.space is not Space.SESSION or _is_of_tree(principal, collection)
    )


def may_write(principal: Principal, collection: Collection) -> bool:
    """Whether the principal may write files into the collection.

    What an endpoint keeps for an account, only the endpoint writes, as it may well rely on what it finds there.
    """
    if collection.space is Space.HOSTED:
        return principal.owns(collection.owner_id) or _looks_after(principal)
    if collection.owner_id != principal.account_id or principal.within is None:
        return False
    if collection.space is Space.SESSION:
        return _is_of_tree(principal, collection)
    return principal.within.endpoint_id == collection.name


def may_delete(principal: Principal, collection: Collection) -> bool:
    """Whether the principal may delete files of the collection.

    Who writes may; and what an endpoint keeps for an account, that account may delete by its own hand.
    """
    is_own = collection.space is not Space.HOSTED and collection.owner_id == principal.account_id
    return may_write(principal, collection) or (is_own and principal.within is None)


def may_manage(principal: Principal, owner_id: str) -> bool:
    """Whether the principal may make collections for the owner, remove them, and say who reads them."""
    # an endpoint does not become an administrator because one calls it
    actor = principal if principal.within is None else replace(principal, administrator=False)
    return actor.manages(owner_id)


def refusal(
    principal: Principal, collection: Collection | None, circle: AbstractSet[str], wish: Wish, reference: str
) -> CoreError | None:
    """The one rule of access to hosted data: None where the principal may, else the error to raise.

    Who may not read the collection learns nothing (`NotFound`, the same as where it does not exist). Reading and writing both
    take the scope ``data``.

    Args:
        principal: who asks.
        collection: what the path leads to, None where to nothing.
        circle: as for `readable`.
        wish: what it wants to do.
        reference: the collection's path as the caller wrote it.
    """
    if collection is None or not may_read(principal, collection, circle):
        return NotFound.of("collection", reference)
    if not principal.has(Scope.DATA):
        return Forbidden.without(Scope.DATA.value)
    if wish is Wish.READ or _may(principal, collection, wish):
        return None
    if collection.space in (Space.TEMP, Space.PERM):
        return Forbidden(
            f"Only the endpoint itself writes to {reference}.", hint="Write to a collection of your own: data://.my/…"
        )
    whom = f"{collection.owner_name!r}, or an owner or admin of that organization," if wish is Wish.MANAGE else None
    return Forbidden(
        f"Only {whom or repr(collection.owner_name)} may {_DEEDS[wish]} {reference}.",
        hint="Write to a collection of your own: data://.my/…",
    )


_DEEDS = {Wish.WRITE: "write to", Wish.DELETE: "delete from", Wish.MANAGE: "change"}


def _may(principal: Principal, collection: Collection, wish: Wish) -> bool:
    if wish is Wish.WRITE:
        return may_write(principal, collection)
    if wish is Wish.DELETE or collection.space is not Space.HOSTED:
        return may_delete(principal, collection)
    return may_manage(principal, collection.owner_id)


def _looks_after(principal: Principal) -> bool:
    return principal.within is None and principal.administers()


def _is_of_tree(principal: Principal, collection: Collection) -> bool:
    return principal.within is not None and principal.within.root_id == collection.name


# -- conditions and pages -----------------------------------------------------------------------------------------------


def check_conditions(found: File | None, *, if_match: str | None, if_none_match: bool, reference: str) -> None:
    """Decides whether a write may go on.

    Args:
        found: what has the file's name now.
        if_match: the `File.etag` that it must have; ``*``: any, as long as there is one.
        if_none_match: whether there must be none.
        reference: the path as the caller wrote it.

    Raises:
        PreconditionFailed: a condition does not hold.
    """
    if if_none_match and found is not None:
        raise PreconditionFailed(f"There is a file {reference} already.", hint="Leave the condition out to replace it.")
    if if_match is None or (found is not None and if_match in ("*", found.etag)):
        return
    what = f"There is no file {reference}" if found is None else f"The file {reference} has been replaced meanwhile"
    raise PreconditionFailed(f"{what}.", hint="Read it again, and decide anew.")


def marker_after(name: str) -> str:
    """A marker for the page that follows ``name``."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def name_before(marker: str | None) -> str:
    """The name that a page follows; empty for the first one. Raises `BadRequest` where `marker_after` has not made it."""
    try:
        padding = "=" * (-len(marker or "") % 4)
        name = base64.b64decode(f"{marker or ''}{padding}", altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        name = ""
    if marker and (not name or marker_after(name) != marker):
        raise BadRequest(
            "The marker is not one that a listing gave.", hint="Leave it out to begin with the first page."
        )
    return name
