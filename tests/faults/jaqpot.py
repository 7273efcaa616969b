"""Jaqpot's calls as its Python SDK makes them, over plain HTTP.

It predicts, is told the number of a dataset, and asks for that dataset until it is finished; then it asks once more, and takes
this second answer. Models are known by integers, and nothing can be asked to stop.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Never

from tests.faults.line import Line
from tests.faults.mouth import Acknowledgement, Call, PieceSight, Refused, Sight, Silence

_STATUSES = {"CREATED": "queued", "EXECUTING": "running", "SUCCESS": "succeeded", "FAILURE": "failed"}
"""Jaqpot has one word for all ends but success. In the suite nobody ends a dataset in another way."""
_LONGEST_HOLD = 30.0
"""Seconds that a question for a dataset is held at most."""
_SAID_IN_FULL = ("status", "result", "failureReason", "executionFinishedAt")


class JaqpotMouth:
    """Callers of models.

    Args:
        url: where the platform listens.
        key: the API key of whoever calls.
        models: the integer of each model by its ``owner/name``.
    """

    name = "Jaqpot"
    by_number = True

    def __init__(self, url: str, key: str, models: Mapping[str, int]) -> None:
        self._line = Line(url, key)
        self._models = models
        self._numbers: dict[str, str] = {}
        """The number of each job whose dataset has been seen: by its id nothing can be asked here."""
        self.reach: frozenset[str] | None = frozenset(models)

    def submit(self, call: Call) -> Acknowledgement:
        return Acknowledgement(self._predict(call))

    def run(self, call: Call) -> Sight:
        number = self._predict(call)
        try:
            first = self._dataset(number)
            if first["status"] not in ("SUCCESS", "FAILURE"):
                return self._sight(first)
            second = self._dataset(number)
        except Silence:  # the prediction is taken over all the same
            return Sight(number, "queued")
        if any(first.get(field) != second.get(field) for field in _SAID_IN_FULL):
            raise Refused("contradiction", f"dataset {number} was {first}, and then {second}")
        return self._sight(second)

    def look(self, job_id: str) -> Sight:
        return self._sight(self._dataset(job_id, "?wait=0"))

    def wait(self, job_id: str, seconds: float) -> Sight:
        return self._sight(self._dataset(job_id, f"?wait={min(seconds, _LONGEST_HOLD):g}"))

    def open_stream(self, call: Call) -> Iterator[Acknowledgement | Sight | PieceSight]:
        _not_spoken("an answer in pieces")

    def read_stream(self, job_id: str, after: int) -> Iterator[Sight | PieceSight]:
        _not_spoken("an answer in pieces")

    def cancel(self, job_id: str) -> tuple[bool, Sight]:
        _not_spoken("a prediction that is to stop")

    def close(self) -> None:
        self._line.close()

    def _predict(self, call: Call) -> str:
        """The number of the dataset that a prediction fills."""
        if call.key is not None:
            _not_spoken("a call that may be repeated")
        path = f"/jaqpot/v1/models/{self._models[call.endpoint]}/predict"
        if isinstance(call.input, bytes):
            path, given = f"{path}/csv", {"inputFile": base64.b64encode(call.input).decode()}
        else:
            given = {"entryType": "ARRAY", "input": call.input}
        status, headers, said = self._line.ask("POST", path, json.dumps({"type": "PREDICTION", **given}).encode())
        if status != 201:
            raise _refused(status, said)
        return headers["location"].rpartition("/")[2]

    def _dataset(self, job_id: str, query: str = "") -> dict[str, Any]:
        number = self._numbers.get(job_id, job_id)
        status, _, said = self._line.ask("GET", f"/jaqpot/v1/datasets/{number}{query}")
        if status != 200:
            raise _refused(status, said)
        dataset = _document(said)
        if str(dataset["id"]) != number:
            raise Refused("contradiction", f"asked for dataset {number}, and was shown {dataset['id']}")
        self._numbers[dataset["jobId"]] = number
        return dataset

    @staticmethod
    def _sight(dataset: Mapping[str, Any]) -> Sight:
        status = _STATUSES[dataset["status"]]
        return Sight(dataset["jobId"], status, has_output=status == "succeeded", output=dataset.get("result"))


def _document(said: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(said)
    except ValueError:
        raise Refused("unreadable", repr(said[:200])) from None
    return document


def _refused(status: int, said: bytes) -> Refused:
    document = _document(said)
    return Refused(str(document.get("code") or status), str(document.get("message")))


def _not_spoken(what: str) -> Never:
    raise Refused("not_spoken", f"Jaqpot has no word for {what}")
