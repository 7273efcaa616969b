"""Listings in pages, as Algorithmia's clients read them: newest first, with markers that nobody has to understand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.algorithmia.management.context import Call
from trivet.platform.dialects.algorithmia.management.errors import BAD_LIMIT, BAD_MARKER, Refused
from trivet.platform.wire.paging import read_cursor, write_cursor

T = TypeVar("T")

USUAL = 50
MOST = 1000


def page_of(
    call: Call, items: Sequence[T], key: Callable[[T], str], show: Callable[[T], Any], path: str
) -> dict[str, Any]:
    """The page that a request asks for.

    Args:
        call: the request, with its ``limit`` and ``marker``.
        items: all there are, in their order.
        key: what tells them apart.
        show: makes the document of one.
        path: where the listing lies, for the link to the next page.

    Raises:
        Refused: the limit or the marker can't be.
    """
    limit = _limit(call.query.get("limit", ""))
    start = 0
    marker = call.query.get("marker", "")
    if marker:
        keys = [key(item) for item in items]
        try:
            start = keys.index(read_cursor(marker) or "") + 1
        except (BadRequest, ValueError):
            raise Refused(400, BAD_MARKER, "The marker can't be read. Send it back as it came.") from None
    page = items[start : start + limit]
    following = write_cursor(key(page[-1])) if start + limit < len(items) else None
    link = None if following is None else f"{call.address}{path}?{urlencode({'limit': limit, 'marker': following})}"
    return {"marker": following, "next_link": link, "results": [show(item) for item in page]}


def _limit(text: str) -> int:
    if not text:
        return USUAL
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise Refused(400, BAD_LIMIT, f"limit={text[:40]!r} can't be: it is a number from 1 to {MOST}.")
    return min(int(text), MOST)
