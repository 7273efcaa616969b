"""Hot paths: how a dialect answers its busiest requests from their head and body alone, past ASGI.

The server's front looks at each request that has come whole and is small. It asks the dialect's `HotRoutes` for a `HotPath`, once
for all requests of a connection whose heads are alike byte for byte, and gives it the body of each. Whatever is out of the
ordinary goes the ordinary way instead, through ASGI: a head for which there is no path, and a request whose path raises
`PassOn`. So a hot path holds only what happens nearly always, and refuses nothing that the ordinary way can refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NamedTuple, Protocol

from starlette.types import Send

from trivet.platform.wire.answers import CONTENT_LENGTH, Header, Spelled


class PassOn(Exception):
    """The request is one for the ordinary way. To be raised only before anything has happened."""


class Head(NamedTuple):
    """The head of a request, read as ASGI would have it.

    ``path`` is decoded, ``raw_path`` as it came, ``query`` what follows the question mark; names of ``headers`` are lower case.
    """

    method: str
    path: str
    raw_path: bytes
    query: bytes
    headers: tuple[Header, ...]


class Answer(NamedTuple):
    """A whole answer. ``headers`` are lines as `lines` makes them; what frames the body is added on the way out."""

    status: int
    headers: bytes
    body: bytes


class Exchange(Protocol):
    """One request that waits for its answer. All of it is for the event loop's own thread."""

    def answer(self, answer: Answer) -> None:
        """Answers. The first answer counts; where the caller has left, none does."""

    def begin(self, work: Coroutine[Any, Any, Answer]) -> None:
        """Answers with what ``work`` returns, once it does. It must not raise."""

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        """Calls ``then`` once if there is no answer after so many seconds, even where the caller has left."""


HotPath = Callable[[bytes, Exchange], None]
"""Takes the body of a request and sees to its answer, now or later. Raises nothing but `PassOn`."""

HotRoutes = Callable[[Head], HotPath | None]
"""The path for requests with this head, None for those that go the ordinary way. It depends on nothing but the head."""


def lines(headers: Iterable[Header]) -> bytes:
    """Header lines as they go on the wire."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


async def send_answer(send: Send, answer: Answer) -> None:
    """Sends an answer the ordinary way. Names of headers go out as they are written."""
    parts = (line.partition(b": ") for line in answer.headers.split(b"\r\n")[:-1])
    found = [(name if name.islower() else Spelled(name), value) for name, _, value in parts]
    if answer.status not in (204, 304):  # to which not even a length belongs
        found.append((CONTENT_LENGTH, b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": found})
    await send({"type": "http.response.body", "body": answer.body})
