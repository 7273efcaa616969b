"""How an algorithm is named, and in what form it answers."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from trivet.algorithmia.errors import InputError


class OutputType(Enum):
    """In what form an algorithm answers."""

    default = 1
    """A result with what is told beside it."""
    raw = 2
    """The bare result, as text."""
    void = 3
    """At once, with nothing: it is called for its effects."""


class Reference(NamedTuple):
    """The name of an algorithm.

    Attributes:
        path: ``owner/name`` or ``owner/name/version``.
        username: its owner.
        algoname: its own name.
        version: which of its versions; None for the newest.
    """

    path: str
    username: str
    algoname: str
    version: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The algorithm that ``algo://owner/name/1.0.0``, ``owner/name`` and the like name.

        Raises:
            InputError: it names none; also a `ValueError`.
        """
        path = text.removeprefix("algo://").removeprefix("/")
        owner, _, rest = path.partition("/")
        if not rest or not owner.replace("_", "a").isalnum():
            raise InputError(f"Invalid algorithm URI: {text}", hint="Name it as `owner/name` or `owner/name/1.0.0`.")
        name, *more = rest.split("/")
        return cls(path, owner, name, more[0] if more else None)
