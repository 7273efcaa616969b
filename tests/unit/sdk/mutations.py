"""Answers that are nearly right: a good document of which one place holds something else, or nothing; and worse."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from trivet.sdk._http import Response

ODD_TEXTS = ["", "0", "²", "9" * 5000, "\ud800", "a\0b", "2026-13-45T99:99:99Z", "../..", "/etc/passwd", "x" * 300]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(ODD_TEXTS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
"""Whatever JSON can hold."""
BODIES = st.sampled_from(
    [
        b"",
        b"null",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"1" * 5000,
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b"NaN",
        b"<html>Sign in</html>",
        b'{"error": ',
    ]
) | st.binary(max_size=20)
"""Bodies that are no document of anybody's."""
STATUSES = st.sampled_from([200, 200, 200, 201, 204, 206, 299, 302, 400, 401, 403, 404, 409, 418, 422, 500, 502, 599])
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=12) | st.sampled_from(ODD_TEXTS[:4])


def mutations(document: Any) -> st.SearchStrategy[Any]:
    """``document`` with another value in one of its places, or with one of them missing."""
    return st.tuples(st.sampled_from(list(_places(document))), st.just("gone") | st.tuples(VALUES)).map(
        lambda change: _changed(document, *change)
    )


def answers(document: Any, headers: Mapping[str, str] | None = None) -> st.SearchStrategy[Response]:
    """Answers that a server might give which means to give ``document``, and is not quite well.

    Args:
        document: a good one.
        headers: those of a good one; any of them may hold something else.
    """
    bodies = st.just(document) | mutations(document)
    odd = st.fixed_dictionaries({name: HEADER | st.just(value) for name, value in (headers or {}).items()})
    texts = bodies.map(lambda body: json.dumps(body).encode()) | BODIES
    kinds = st.sampled_from(["application/json", "text/html", "", "text/plain; charset=", "; charset=undefined"])
    return st.builds(
        lambda status, body, kind, more: Response(status, {"content-type": kind, **more}, body),
        STATUSES, texts, kinds | HEADER.map(lambda name: f"text/plain; charset={name}"), odd,
    )  # fmt: skip


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else ())
    )
    for key, value in items:
        yield from _places(value, (*path, key))


def _changed(document: Any, path: tuple[Any, ...], change: Any) -> Any:
    if not path:
        return None if change == "gone" else change[0]
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    if change == "gone":
        del place[path[-1]]
    else:
        place[path[-1]] = change[0]
    return changed
