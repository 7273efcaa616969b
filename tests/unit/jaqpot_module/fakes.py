"""A server that answers from a list, on the place of the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from trivet.jaqpot import JaqpotApiClient
from trivet.sdk._http import Request, Response, TransportError

MODEL = {
    "id": 1886, "name": "abc", "type": "SKLEARN_ONNX", "task": "REGRESSION", "visibility": "PUBLIC",
    "libraries": [{"name": "scikit-learn", "version": "1.7.0"}],
    "dependentFeatures": [{"key": "y", "name": "Activity", "featureType": "FLOAT"}],
    "independentFeatures": [
        {"key": "SMILES", "name": "Structure", "featureType": "SMILES"},
        {"key": "Cat_col", "name": "Category", "featureType": "CATEGORICAL",
         "possibleValues": [{"value": "CAT_1", "description": "first"}]},
    ],
    "createdAt": "2026-01-05T10:00:00.123456789Z", "somethingNew": {"of": "a later release"},
}  # fmt: skip
"""A model as a server describes it."""
PREDICTED = [{"y": 0.42, "jaqpotMetadata": {"jaqpotRowId": 0, "probabilities": None, "doa": {"majorityVoting": True}}}]

Answer = Response | TransportError | Callable[[Request], Response]


class FakeTransport:
    """Answers one request after the other, the last again and again; remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.seen: list[Request] = []
        self._answers = list(answers)

    def send(self, request: Request, *, timeout: float) -> Response:
        self.seen.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, TransportError):
            raise answer
        return answer(request) if callable(answer) else answer

    def open(self, request: Request) -> Any:
        raise AssertionError("nothing here is read as it comes")

    def close(self) -> None:
        pass

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.seen]

    def sent(self, position: int = 0) -> Any:
        body = self.seen[position].body
        assert body is not None
        return json.loads(body)


class AsyncFakeTransport(FakeTransport):
    """The same, awaited."""

    async def send(self, request: Request, *, timeout: float) -> Response:  # type: ignore[override] — the other half
        return super().send(request, timeout=timeout)

    async def close(self) -> None:  # type: ignore[override] — the other half
        pass


def said(document: Any, status: int = 200, **headers: str) -> Response:
    """An answer in JSON."""
    return Response(status, {"content-type": "application/json", **headers}, json.dumps(document).encode())


def begun(number: int = 77, **headers: str) -> Response:
    """The answer to a prediction."""
    return Response(201, {"location": f"https://api.example/datasets/{number}", **headers})


def dataset(status: str, number: int = 77, **more: Any) -> Response:
    """A dataset."""
    document = {"id": number, "type": "PREDICTION", "entryType": "ARRAY", "input": [], "status": status, **more}
    return said(document)


def finished(result: Any = PREDICTED) -> Response:
    """A dataset with its result."""
    return dataset("SUCCESS", result=result)


def client(*answers: Answer, **options: Any) -> tuple[JaqpotApiClient, FakeTransport]:
    """A client and the server that it talks to."""
    transport = FakeTransport(*answers)
    given = {"api_url": "https://api.example", "api_key": "jq_key", "api_secret": "secret", **options}
    return JaqpotApiClient(**given, transport=transport), transport
