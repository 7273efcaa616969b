"""Problem details, and times."""

from __future__ import annotations

import msgspec
import pytest

from trivet.platform.core import errors
from trivet.platform.core.errors import CoreError
from trivet.platform.wire.problems import STATUS, headers_of, problem_of
from trivet.platform.wire.times import milliseconds, rfc3339


def every_error(base: type[CoreError] = CoreError) -> list[type[CoreError]]:
    here = [kind for kind in base.__subclasses__() if kind.__module__ == errors.__name__]
    return [base, *(inner for kind in here for inner in every_error(kind))]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_core_has_a_status_and_becomes_a_problem(kind: type[CoreError]) -> None:
    error = kind("What happened.", limit=5) if kind is errors.TooLarge else kind("What happened.")  # type: ignore[call-arg]
    document = msgspec.to_builtins(problem_of(error))
    assert document["status"] == STATUS[kind.code]
    assert document["detail"] == "What happened."
    assert document["type"] == f"urn:trivet:error:{kind.code}"
    assert document["title"] == kind.title
    assert ("limit" in document) == (kind is errors.TooLarge)


def test_an_invalid_input_lists_its_fields() -> None:
    error = errors.InvalidInput("It does not fit.", errors=(errors.FieldError("/times", "Must be 1 or more."),))
    assert msgspec.json.decode(msgspec.json.encode(problem_of(error)))["errors"] == [
        {"path": "/times", "message": "Must be 1 or more."}
    ]


def test_who_has_to_come_back_later_is_told_when() -> None:
    assert headers_of(errors.Unavailable(retry_after=4.6)) == [(b"retry-after", b"5")]
    assert headers_of(errors.LimitExceeded(retry_after=0.1)) == [(b"retry-after", b"1")]
    assert headers_of(errors.Conflict()) == []
    assert headers_of(errors.Unauthenticated())[0][0] == b"www-authenticate"


def test_times_are_utc_to_the_millisecond() -> None:
    assert rfc3339(1_790_000_000.1239) == "2026-09-21T14:13:20.123Z"
    assert rfc3339(0.0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(None) is None
    assert milliseconds(0.30000000000000004) == 0.3
    assert milliseconds(None) is None
