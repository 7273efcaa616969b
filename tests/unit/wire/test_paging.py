"""Pages and cursors."""

from __future__ import annotations

import pytest

from trivet.platform.core.errors import BadRequest
from trivet.platform.wire import paging


def pages(items: list[str], limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page, cursor = paging.cut(items, str, cursor, limit)
        found.append(page)
        if cursor is None:
            return found


def test_pages_together_are_the_whole_in_order() -> None:
    items = ["d", "a", "c", "b", "e"]
    assert pages(items, 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(items, 5) == [["a", "b", "c", "d", "e"]]
    assert pages([], 5) == [[]]


def test_items_that_come_and_go_between_pages_upset_nothing() -> None:
    _, cursor = paging.cut(["a", "b", "c", "d"], str, None, 2)
    page, _ = paging.cut(["a", "aa", "c", "d"], str, cursor, 2)
    assert page == ["c", "d"]


@pytest.mark.parametrize("position", ["a", "job_1", "ü/~", ""])
def test_a_cursor_gives_back_what_was_put_in(position: str) -> None:
    assert paging.read_cursor(paging.write_cursor(position)) == (position or None)


@pytest.mark.parametrize("cursor", ["!", "a", "_w", "a b", "é"])
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match="cursor"):
        paging.read_cursor(cursor)
