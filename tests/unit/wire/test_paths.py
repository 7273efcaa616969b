"""Paths as they were sent."""

from __future__ import annotations

import pytest

from trivet.platform.wire.paths import sent_path


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (("/a/b/c", b"/a%2Fb/c", ""), "/a%2Fb/c"),
        (("/a b", b"", ""), "/a b"),
        (("/root/a", b"/root/a", "/root"), "/a"),
        (("/a", b"/a", "/root"), "/a"),
        (("/ü", b"/\xc3\xbc", ""), "/Ã¼"),
    ],
)
def test_a_path_is_taken_as_it_was_sent_below_what_a_proxy_has_put_before_it(
    given: tuple[str, bytes, str], sent: str
) -> None:
    assert sent_path(*given) == sent
