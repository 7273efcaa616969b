"""Paging: listings in pages, with cursors that nobody has to understand."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

from trivet.platform.core.errors import BadRequest

T = TypeVar("T")

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


def write_cursor(position: str) -> str:
    """The cursor behind ``position``, the key of the last item on a page."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """The position in a cursor; None where there is no cursor.

    Raises:
        BadRequest: it is none of ours.
    """
    if not cursor:
        return None
    try:
        return base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise BadRequest("The cursor can't be read.", hint="Send back `next` of the page before as it came.") from None


def cut(items: Sequence[T], key: Callable[[T], str], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """One page of ``items``, and the cursor of the next one, or None.

    Pages stay in step while items come and go: a cursor names the last item seen, not a count.

    Args:
        items: all of them, in any order.
        key: what they are ordered by; unique.
        cursor: where the page begins; None: at the start.
        limit: how many items it may have.

    Raises:
        BadRequest: the cursor is none of ours.
    """
    ordered = sorted(items, key=key)
    position = read_cursor(cursor)
    start = 0 if position is None else bisect_right(ordered, position, key=key)
    page = ordered[start : start + limit]
    more = start + limit < len(ordered)
    return page, write_cursor(key(page[-1])) if more else None
