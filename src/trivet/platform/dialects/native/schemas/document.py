"""What all documents have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Document(msgspec.Struct):
    """Base of what the API tells."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """Base of what the API is told: a field that nobody knows is a mistake, and said to be one."""


class Page(Document, Generic[T]):
    """One page of a listing; `next` is the cursor of the page behind it, null at the end."""

    items: list[T]
    next: str | None = None
