"""A way to a server that is a list of answers, and a clock that moves when somebody sleeps or is held."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from trivet.sdk._http import Request, Response, TransportError

TRIVET = {"trivet-version": "1.0"}


class Clock:
    """Time that passes only when somebody lets it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def said(document: Any, status: int = 200, headers: Mapping[str, str] = TRIVET, after: float = 0.0) -> Said:
    """An answer that comes after some seconds."""
    return Said(Response(status, {"content-type": "application/json", **headers}, json.dumps(document).encode()), after)


class Said:
    def __init__(self, response: Response | TransportError, after: float = 0.0) -> None:
        self.response = response
        self.after = after


class FakeTransport:
    """Gives one answer after another, the last again and again; remembers what it was asked."""

    def __init__(self, clock: Clock, *answers: Said) -> None:
        self.clock = clock
        self.asked: list[Request] = []
        self.answers = list(answers)
        self.at_each: Callable[[Request], None] = lambda _: None

    def send(self, request: Request, *, timeout: float) -> Response:
        self.asked.append(request)
        self.at_each(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.clock.now += answer.after
        if isinstance(answer.response, TransportError):
            raise answer.response
        return answer.response

    def open(self, request: Request) -> Any:
        raise AssertionError("nothing here is read as a stream of bytes")

    def close(self) -> None:
        return

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]
