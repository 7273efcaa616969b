"""What is said of a job that failed."""

from __future__ import annotations

import pytest

from trivet.platform.core.jobs import JobError


@pytest.mark.parametrize(
    ("kind", "message", "said"),
    [
        ("ValueError", "no such name", "ValueError: no such name"),
        ("AssertionError", "AssertionError", "AssertionError"),
        (None, "The worker was lost.", "The worker was lost."),
    ],
)
def test_an_error_is_said_as_python_says_it(kind: str | None, message: str, said: str) -> None:
    assert JobError("handler_error", message, type=kind).said == said
