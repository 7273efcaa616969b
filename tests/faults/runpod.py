"""RunPod's job API as its callers speak it, over plain HTTP.

It knows jobs by their documents alone. Idempotency keys it has no word for, errors have no code but a text, and the pieces of a
stream no numbers: a poll of `/stream` gives what no poll before it gave, and after a death of the server begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.line import Line
from tests.faults.mouth import Acknowledgement, Call, PieceSight, Refused, Sight

_HOLD = 1000
"""Milliseconds that a held call lasts: the least that the dialect takes."""
_STATUSES = {
    "IN_QUEUE": "queued",
    "IN_PROGRESS": "running",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "TIMED_OUT": "timed_out",
}
_REFUSALS = {404: "not_found", 503: "unavailable", 507: "storage_full"}


class RunpodMouth:
    """Callers of RunPod's job API.

    Args:
        url: where the platform listens.
        key: the API key of whoever calls.
        ids: the opaque id of each endpoint by its ``owner/name``, as the job API knows endpoints by these.
    """

    name = "RunPod"
    reach: frozenset[str] | None = None
    by_number = False

    def __init__(self, url: str, key: str, ids: Mapping[str, str]) -> None:
        self._line = Line(url, key)
        self._ids = ids
        self._endpoints: dict[str, str] = {}
        """Where each job was submitted: all that is asked of a job is asked below its endpoint."""

    def submit(self, call: Call) -> Acknowledgement:
        document = self._call(call, "run")
        return Acknowledgement(document["id"])

    def run(self, call: Call) -> Sight:
        return _sight(self._call(call, f"runsync?wait={_HOLD}"))

    def look(self, job_id: str) -> Sight:
        return _sight(self._ask("GET", job_id, "status"))

    def wait(self, job_id: str, seconds: float) -> Sight:
        return _sight(self._ask("GET", job_id, "status-sync", f"?wait={max(_HOLD, int(seconds * 1000))}"))

    def open_stream(self, call: Call) -> Iterator[Acknowledgement | Sight | PieceSight]:
        told = self.submit(call)
        yield told
        yield from self.read_stream(told.job_id, 0)

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        while True:
            document = self._ask("GET", job_id, "stream")
            for piece in document["stream"]:
                yield PieceSight(job_id, None, piece["output"])
            sight = Sight(job_id, _STATUSES[document["status"]])
            yield sight
            if sight.is_final:  # said together with all that was left
                return

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        document = self._ask("POST", job_id, "cancel")
        sight = Sight(job_id, _STATUSES[document["status"]])
        return sight.status == "cancelled", sight

    def close(self) -> None:
        self._line.close()

    def _call(self, call: Call, verb: str) -> dict[str, Any]:
        if call.key is not None:
            raise Refused("not_spoken", "RunPod has no word for a call that may be repeated")
        if isinstance(call.input, bytes):
            raise Refused("not_spoken", "RunPod has no word for an input that is a file")
        endpoint = self._ids[call.endpoint]
        body = json.dumps({"input": call.input}).encode()
        document = _document(*self._line.ask("POST", f"/runpod/v2/{endpoint}/{verb}", body))
        self._endpoints[document["id"]] = endpoint
        return document

    def _ask(self, method: str, job_id: str, verb: str, query: str = "") -> dict[str, Any]:
        path = f"/runpod/v2/{self._endpoints[job_id]}/{verb}/{job_id}{query}"
        return _document(*self._line.ask(method, path, b"" if method == "POST" else None))


def _document(status: int, _: Mapping[str, str], body: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(body)
    except ValueError:
        raise Refused("unreadable", repr(body[:200])) from None
    if status != 200:
        raise Refused(_REFUSALS.get(status, str(status)), str(document.get("error")))
    return document


def _sight(document: dict[str, Any]) -> Sight:
    status = _STATUSES[document["status"]]
    retries = document.get("retries")
    return Sight(
        document["id"],
        status,
        None if retries is None else retries + 1,
        has_output=status == "succeeded" and "output" in document,
        output=document.get("output"),
    )
