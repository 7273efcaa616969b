"""Paths to hosted data: what each of them says, before anything is looked up."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from trivet.platform.core.errors import BadRequest

SCHEME = "data://"
MY = ".my"
"""The owner's name that means the account which asks."""
MAX_NAME = 255
"""Bytes of a name in UTF-8, at most."""

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
