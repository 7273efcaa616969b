"""What every value here can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Model:
    """Base of every value here."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """This value as what JSON can hold, field by field."""
        from trivet.sdk._decode import encode

        document: dict[str, Any] = encode(self)
        return document


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: documents, and where the next page begins (None at the end)."""

    items: tuple[Any, ...] = ()
    next: str | int | None = None
