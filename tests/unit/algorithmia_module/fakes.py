"""A server in the same process: answers as a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from trivet.sdk._http import Request, Response, TransportError

Outcome = Response | TransportError | Callable[[Request], Response]


class FakeServer:
    """A transport. The outcomes are given one after another, and the last again and again."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.seen: list[Request] = []
        self.bodies: list[bytes] = []
        self.timeouts: list[float] = []

    @property
    def asked(self) -> Request:
        """The one request that came."""
        (request,) = self.seen
        return request

    def send(self, request: Request, *, timeout: float) -> Response:
        self.seen.append(request)
        self.timeouts.append(timeout)
        self.bodies.append(request.body or b"".join(request.chunks or ()))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome if isinstance(outcome, Response) else outcome(request)

    def open(self, request: Request) -> FakeStream:
        return FakeStream(self.send(request, timeout=0.0))

    def close(self) -> None:
        pass


class FakeStream:
    """An answer in pieces of three bytes. One whose body ends in ``BREAK`` breaks off there."""

    def __init__(self, answer: Response) -> None:
        self.status, self.headers = answer.status, answer.headers
        self._rest = answer.body
        self.closed = False

    def read(self) -> bytes:
        if self._rest == BREAK:
            raise TransportError("connection closed before message completed", sent=True)
        piece, self._rest = self._rest[:3], self._rest[3:]
        return piece

    def close(self) -> None:
        self.closed = True


BREAK = b"..."


class AsyncFakeServer:
    """The same, awaited."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.inner = FakeServer(*outcomes)

    async def send(self, request: Request, *, timeout: float) -> Response:
        return self.inner.send(request, timeout=timeout)

    async def open(self, request: Request) -> AsyncFakeStream:
        return AsyncFakeStream(self.inner.open(request))

    async def close(self) -> None:
        pass


class AsyncFakeStream:
    def __init__(self, inner: FakeStream) -> None:
        self.status, self.headers, self._inner = inner.status, inner.headers, inner

    async def read(self) -> bytes:
        return self._inner.read()

    async def close(self) -> None:
        self._inner.close()


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    """JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **named}, json.dumps(document).encode())


def result(value: Any, content_type: str = "json", **metadata: Any) -> Response:
    """What an algorithm answers."""
    return answer({"result": value, "metadata": {"content_type": content_type, "duration": 0.002, **metadata}})


def file(
    content: bytes, content_type: str = "text/plain; charset=utf-8", headers: Mapping[str, str] | None = None
) -> Response:
    return Response(200, {"content-type": content_type, "x-data-type": "file", **(headers or {})}, content)


def refusal(message: str, status: int = 404, **headers: str) -> Response:
    return answer({"error": {"message": message}}, status, **headers)
