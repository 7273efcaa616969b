"""Hosted data: what a path says, whose a collection is, and who may read and write what lies in it.

A file is named bytes; it lies in a collection, and collections are flat. There are four spaces of collections:

- ``hosted``: collections that people make, ``data://owner/collection/file``. Each says who may read it (`ReadAcl`).
- ``temp`` and ``perm``: what an endpoint keeps for an account that calls it, ``data://.algo/owner/name/perm/file``. Each pair of
  endpoint and account has its own, and nobody else learns of it. Files in ``temp`` are forgotten after a day.
- ``session``: what the jobs of one tree of calls share, ``data://.session/file``; gone when the tree has ended.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.errors import BadRequest, CoreError, Forbidden, NotFound, PreconditionFailed

SCHEME = "data://"
MY = ".my"
"""The owner's name that means the account which asks."""
MAX_NAME = 255
"""Bytes of a name in UTF-8, at most."""
TEMP_LIFE = 86_400.0
"""Seconds after which a file in ``temp`` is forgotten."""

_SESSION = ".session"
_KEPT = ".algo"
_OTHER_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://")
_SHOWN = 120
_CONTROL = "Cc"
_UNPAIRED = "Cs"


class Space(StrEnum):
    """What kind of collection it is; see the module."""

    HOSTED = "hosted"
    TEMP = "temp"
    PERM = "perm"
    SESSION = "session"


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
class DataPath:
    """A path as it was asked for, taken apart. Nothing in it has been looked up.

    ``text`` is the path in its usual form, with ``data://`` in front and Unicode in NFC. ``owner`` is a name, or ``.my`` for the
    account that asks. ``collection`` and ``file`` are None where the path ends before them. ``author`` and ``endpoint`` name the
    endpoint whose ``temp`` or ``perm`` is meant; None where it is that of the endpoint that asks.
    """

    text: str
    kind: Space = Space.HOSTED
    owner: str | None = None
    collection: str | None = None
    file: str | None = None
    author: str | None = None
    endpoint: str | None = None

    @classmethod
    def parse(cls, text: str) -> DataPath:
        """The path in ``text``: ``data://X/C/F``, ``/X/C/F`` or ``X/C/F``, each as short as wanted, or with a slash at the end.

        Raises:
            BadRequest: it is no path to hosted data, or a name in it can't be one.
        """
        names = [_name(part) for part in _parts(text)]
        match names:
            case [first, *rest] if first == _SESSION:
                return cls._flat(Space.SESSION, [first], rest)
            case [first, ("temp" | "perm") as kind, *rest] if first == _KEPT and not _is_long(names):
                return cls._flat(Space(kind), [first, kind], rest)
            case [first, author, endpoint, ("temp" | "perm") as kind, *rest] if first == _KEPT:
                path = cls._flat(Space(kind), [first, author, endpoint, kind], rest)
                return replace(path, author=author, endpoint=endpoint)
            case [first, *_] if first == _KEPT:
                raise BadRequest(
                    f"{_shown(text)} names no collection of an endpoint.",
                    hint="Write data://.algo/OWNER/NAME/temp or …/perm; in the endpoint itself data://.algo/temp will do.",
                )
            case [owner, *rest]:
                if owner.startswith(".") and owner != MY:
                    raise BadRequest(
                        f"No owner is called {owner!r}.", hint="A path begins with an owner, .my, .session or .algo."
                    )
                if rest and rest[0].startswith("."):
                    raise BadRequest(f"{rest[0]!r} can't be the name of a collection: it begins with a dot.")
                if len(rest) > 2:
                    raise _too_deep(text)
                collection, file = (*rest, None, None)[:2]
                return cls(SCHEME + "/".join(names), Space.HOSTED, owner, collection, file)
        return cls(SCHEME)

    @classmethod
    def _flat(cls, kind: Space, head: list[str], rest: list[str]) -> DataPath:
        if len(rest) > 1:
            raise _too_deep("/".join([*head, *rest]))
        return cls(SCHEME + "/".join([*head, *rest]), kind, file=rest[0] if rest else None)

    @property
    def is_collection(self) -> bool:
        """Whether the path leads to a collection, and not to the root, an owner or a file."""
        return self.file is None and (self.kind is not Space.HOSTED or self.collection is not None)

    @property
    def parent(self) -> DataPath:
        """Where a file lies or a collection belongs; the root is its own parent."""
        head, _, _ = self.text.removeprefix(SCHEME).rpartition("/")
        if self.file is not None:
            return replace(self, text=SCHEME + head, file=None)
        if self.collection is not None:
            return replace(self, text=SCHEME + head, collection=None)
        return DataPath(SCHEME)

    def child(self, name: str) -> DataPath:
        """What is called ``name`` below this: an owner, a collection or a file. Raises `BadRequest` where it can't be a name."""
        if not name or "/" in name:
            raise BadRequest(f"{_shown(name)} can't be a name: it is empty, or has a slash in it.")
        return DataPath.parse(SCHEME + name if self.text == SCHEME else f"{self.text}/{name}")

    def spelled_out(self, account_name: str) -> str:
        """The path as text that means the same to everybody: with the account's name in place of ``.my``."""
        if self.owner != MY:
            return self.text
        return SCHEME + account_name + self.text[len(SCHEME) + len(MY) :]


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


# -- names --------------------------------------------------------------------------------------------------------------


def _parts(text: str) -> list[str]:
    body = text
    scheme = _OTHER_SCHEME.match(text)
    if scheme is not None:
        if scheme[1].lower() != "data":
            raise BadRequest(
                f"{scheme[0]} is a place outside of this platform, and it can't be reached from here.",
                hint="Hosted data begin with data://",
            )
        body = text[scheme.end() :]
    body = body.removeprefix("/").removesuffix("/")
    return body.split("/") if body else []


def _is_long(names: list[str]) -> bool:
    # data://.algo/temp/F is short; four names of which the last is a kind are long, also where the owner is called `temp`
    return len(names) > 3 and names[3] in ("temp", "perm")


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text)
    if not name:
        raise BadRequest("A name in the path is empty.", hint="Write one slash between two names.")
    if name in (".", ".."):
        raise BadRequest(
            f"{name!r} is no name.", hint="Hosted data have no folders to go up from: write the whole path."
        )
    categories = {unicodedata.category(letter) for letter in name} if not name.isalnum() else set()
    if _UNPAIRED in categories:
        raise BadRequest("A name in the path is not valid UTF-8.")
    if _CONTROL in categories or "/" in name:
        raise BadRequest(f"{_shown(name)} has a character in it that no name may have.")
    if len(name.encode()) > MAX_NAME:
        raise BadRequest(f"{_shown(name)} is too long: a name has at most {MAX_NAME} bytes in UTF-8.")
    return name


def _too_deep(text: str) -> BadRequest:
    return BadRequest(
        f"{_shown(text)} is too deep: a collection holds files and no folders.",
        hint="Write data://OWNER/COLLECTION/FILE; file names have no slashes.",
    )


def _shown(text: str) -> str:
    shown = text.encode("utf-8", "replace").decode()
    return repr(shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…")
