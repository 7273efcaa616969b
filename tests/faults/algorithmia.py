"""Algorithmia's calls as their callers speak them, over plain HTTP.

A call is held until it ends, and answered with what came of it; a void call is answered with its number at once. That is all:
nothing can be asked of a call once it is under way. A refusal and a failure look alike, but that the failed call has a number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Never

from tests.faults.line import Line
from tests.faults.mouth import Acknowledgement, Call, PieceSight, Refused, Sight

_REFUSALS = {"EntityNotFoundError": "not_found", "InputError": "invalid_input", "TooLargeError": "too_large"}
_UNAVAILABLE = 503
"""The status of a platform that can't take anything now: it stops, its disk is full, or it waits for its database."""


class AlgorithmiaMouth:
    """Callers of algorithms.

    Args:
        url: where the platform listens.
        key: the API key of whoever calls.
    """

    name = "Algorithmia"
    reach: frozenset[str] | None = None
    by_number = False

    def __init__(self, url: str, key: str) -> None:
        self._line = Line(url, key)

    def submit(self, call: Call) -> Acknowledgement:
        _, document = self._call(call, "?output=void")
        return Acknowledgement(document["request_id"])

    def run(self, call: Call) -> Sight:
        status, document = self._call(call)
        job_id = document["metadata"]["request_id"]
        if "error" not in document:
            return Sight(job_id, "succeeded", has_output=True, output=document["result"])
        if status == _UNAVAILABLE:  # the platform stops, and goes on with the call after its next start
            return Sight(job_id, "running")
        return Sight(job_id, "timed_out" if document["error"]["error_type"] == "TimeoutError" else "failed")

    def look(self, job_id: str) -> Sight:
        _not_spoken("a call that is under way")

    def wait(self, job_id: str, seconds: float) -> Sight:
        _not_spoken("a call that is under way")

    def open_stream(self, call: Call) -> Iterator[Acknowledgement | Sight | PieceSight]:
        _not_spoken("an answer in pieces")

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        _not_spoken("an answer in pieces")

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        _not_spoken("a call that is to stop")

    def close(self) -> None:
        self._line.close()

    def _call(self, call: Call, query: str = "") -> tuple[int, dict[str, Any]]:
        """The status and the document that answer a call which the platform has taken.

        Raises:
            Refused: it has not.
        """
        if call.key is not None:
            _not_spoken("a call that may be repeated")
        if isinstance(call.input, bytes):
            _not_spoken("an input that is a file of CSV")
        body = json.dumps(call.input).encode()
        status, _, said = self._line.ask("POST", f"/algorithmia/v1/algo/{call.endpoint}{query}", body)
        document = _document(said)
        error: Mapping[str, Any] = document.get("error") or {}
        if error and "request_id" not in document.get("metadata", {}):
            code = "unavailable" if status == _UNAVAILABLE else _REFUSALS.get(error.get("error_type", ""), str(status))
            raise Refused(code, str(error.get("message")))
        return status, document


def _document(said: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(said)
    except ValueError:
        raise Refused("unreadable", repr(said[:200])) from None
    return document


def _not_spoken(what: str) -> Never:
    raise Refused("not_spoken", f"Algorithmia has no word for {what}")
