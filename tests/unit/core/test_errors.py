"""The tree of errors: codes are stable and unlike each other, and each error can speak for itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trivet.platform.core import errors
from trivet.platform.core.errors import CoreError, InvalidInput, LimitExceeded, NotFound, TooLarge, Unavailable


def tree(root: type[CoreError] = CoreError) -> Iterator[type[CoreError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_no_two_errors_share_a_code_or_a_title() -> None:
    kinds = list(tree())
    assert len({kind.code for kind in kinds}) == len({kind.title for kind in kinds}) == len(kinds)


def test_the_drawing_of_the_tree_names_every_error_with_its_code() -> None:
    assert errors.__doc__ is not None
    lines = [
        line.replace("├─", " ").replace("└─", " ").replace("│", " ").split() for line in errors.__doc__.splitlines()
    ]
    drawn = {line[0]: line[1] for line in lines if len(line) > 1}
    assert {kind.__name__: drawn.get(kind.__name__) for kind in tree() if kind is not CoreError} == {
        kind.__name__: kind.code for kind in tree() if kind is not CoreError
    }


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_an_error_without_a_detail_says_what_is_usual(kind: type[CoreError]) -> None:
    error = kind(limit=1) if issubclass(kind, TooLarge) else kind()
    assert str(error) == error.detail == (kind.default_detail or kind.title)
    assert error.hint == kind.default_hint
    told = kind("what happened", hint="what to do", **({"limit": 1} if issubclass(kind, TooLarge) else {}))
    assert (str(told), told.hint) == ("what happened", "what to do")


def test_what_is_missing_and_what_is_hidden_are_told_alike() -> None:
    error = NotFound.of("endpoint", "mi6/hello")
    assert "'mi6/hello'" in error.detail
    assert "owner/name" in error.hint
    assert "trivet jobs ls" in NotFound.of("job", "job_1").hint
    assert "shared" in NotFound.of("model", "7").hint


def test_errors_carry_what_an_edge_needs_to_render_them() -> None:
    assert TooLarge("x", limit=7).limit == 7
    assert LimitExceeded("x", retry_after=2.0).retry_after == Unavailable("x", retry_after=2.0).retry_after == 2.0
    assert InvalidInput("x", errors=(errors.FieldError("/a", "is missing"),)).errors[0].path == "/a"
