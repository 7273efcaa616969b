"""The error tree: complete, and the same as the platform's."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import trivet
from trivet.platform.core.errors import CoreError
from trivet.sdk import _answers, errors
from trivet.sdk._http import Request, Response
from trivet.sdk.errors import BY_CODE, JobFailedError, TrivetError
from trivet.sdk.models import InputFault, JobFailure

OF_JOBS = {"job_failed", "job_cancelled", "job_timed_out"}
OF_HTTP = {"method_not_allowed", "range_not_satisfiable"}


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def test_the_codes_are_those_of_the_platform() -> None:
    # what a store refuses at the start of a server never travels
    of_core = {kind.code for kind in below(CoreError) if kind.__module__ == CoreError.__module__} | {CoreError.code}  # type: ignore[attr-defined]
    assert set(BY_CODE) == of_core | OF_JOBS | OF_HTTP


def test_every_error_stands_in_the_shop_window_and_in_the_drawing() -> None:
    kinds: list[type[Exception]] = [TrivetError, *below(TrivetError)]
    names = {kind.__name__ for kind in kinds if kind.__module__ == errors.__name__}
    assert names == {name for name in trivet.__all__ if name.endswith("Error")}
    for name in names:
        assert name in (errors.__doc__ or "")
        assert getattr(trivet, name) is getattr(errors, name)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_code_becomes_its_class_with_all_that_the_server_said(code: str) -> None:
    problem = {"code": code, "detail": "What happened.", "hint": "Do this.", "job_id": "job_1", "title": "T"}
    response = Response(418, {"content-type": "application/problem+json"}, json.dumps(problem).encode())
    error = _answers.error(Request("GET", "/"), response, "http://x", datetime.now(UTC))
    assert type(error) is BY_CODE[code]
    assert (error.code, error.status, error.job_id) == (code, 418, "job_1")
    assert str(error) == "What happened.\n→ Do this."


@pytest.mark.parametrize("kind", sorted({TrivetError, *BY_CODE.values()}, key=repr))
def test_errors_survive_pickling(kind: type[TrivetError]) -> None:
    error = kind("What happened.", hint="Do this.", status=500, job_id="job_1")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.__dict__) == (kind, str(error), error.__dict__)


def test_a_failed_job_survives_pickling_with_its_traceback() -> None:
    error = JobFailedError("It raised.", error=JobFailure(type="ValueError", traceback="line 3"), job_id="job_1")
    again = pickle.loads(pickle.dumps(error))
    assert again.error == error.error
    assert again.__notes__ == error.__notes__


def test_a_fault_that_the_message_tells_is_not_listed_again() -> None:
    fault = InputFault("/times", "Must be a whole number.")
    other = InputFault("/name", "This field is required.")
    told = "It does not fit: /times: Must be a whole number."
    assert str(errors.InvalidInputError(told, errors=(fault,), hint="Look.")) == f"{told}\n→ Look."
    assert str(errors.InvalidInputError("It does not fit.", errors=(fault,))).count("Must be a whole number.") == 1
    both = str(errors.InvalidInputError(told, errors=(fault, other)))
    assert both.splitlines()[1:] == ["  /times: Must be a whole number.", "  /name: This field is required."]
    assert str(errors.InvalidInputError("It can't be sent.")) == "It can't be sent."
