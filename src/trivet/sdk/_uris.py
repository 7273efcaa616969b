"""``data://`` URIs as callers write them: taken apart and put together, without I/O. What they may name, the server knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from trivet.sdk.errors import InvalidRequestError

SCHEME = "data://"
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*://")
_HINT = "Write `data://OWNER/COLLECTION/FILE`; `.my` stands for your own account."


def is_data_uri(text: str) -> bool:
    """Whether ``text`` names hosted data, and no file of this machine."""
    return text.lower().startswith(SCHEME)


@dataclass(frozen=True, slots=True)
class DataUri:
    """A place in the hosted data.

    Attributes:
        parts: the names on the way to it; none for the root.
        is_folder: whether it was written with a slash at the end.
    """

    parts: tuple[str, ...]
    is_folder: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """The place that ``text`` names, with or without ``data://`` before it.

        Raises:
            InvalidRequestError: it names none.
        """
        if is_data_uri(text):
            text = text[len(SCHEME) :]
        elif _OTHER_SCHEME.match(text):
            raise InvalidRequestError(
                f"{text!r} lies in another store. Connections to outside stores are not there yet.", hint=_HINT
            )
        path = text.removeprefix("/")
        parts = path.removesuffix("/").split("/") if path else []
        if any(part in {"", ".", ".."} for part in parts):
            # on their way, dots alone would be resolved away, and the request would reach something else
            raise InvalidRequestError(f"{text!r} names no file and no collection.", hint=_HINT)
        return cls(tuple(parts), path.endswith("/"))

    @property
    def name(self) -> str:
        """The last name; empty for the root."""
        return self.parts[-1] if self.parts else ""

    @property
    def parent(self) -> DataUri:
        """What it lies in."""
        return DataUri(self.parts[:-1])

    @property
    def is_file(self) -> bool:
        """Whether it is so deep that it can only be a file."""
        return len(self.parts) > self._depth

    @property
    def is_collection(self) -> bool:
        """Whether it is as deep as a collection."""
        return len(self.parts) == self._depth

    def child(self, name: str) -> DataUri:
        """What is called ``name`` in it.

        Raises:
            InvalidRequestError: nothing can be called so.
        """
        return DataUri.parse("/".join((*self.parts, name)))

    def path(self, base: str) -> str:
        """Its path in a URL below ``base``."""
        return "/".join((base, *(quote(part, safe="") for part in self.parts)))

    @property
    def _depth(self) -> int:
        """How many names lead to a collection here."""
        match self.parts:
            case (".session", *_):
                return 1
            case (".algo", _, _, "temp" | "perm", *_):
                return 4
            case _:
                return 2

    def __str__(self) -> str:
        return SCHEME + "/".join(self.parts)
