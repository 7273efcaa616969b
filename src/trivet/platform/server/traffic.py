"""How many requests were answered, and how: counted by dialect and status, so that refused calls can be seen as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NO_DIALECT = "none"
"""What stands for a dialect where a path belongs to none: probes, pages, and what is nobody's."""


class Answered(NamedTuple):
    """So many ``requests`` of a dialect were answered with one status."""

    dialect: str
    status: int
    requests: int


class Traffic:
    """Counts answers since the server's start. All of it is for the event loop's own thread.

    There are as many counts as dialects times statuses that are sent, whatever callers ask for.

    Args:
        dialects: their names, by the first parts of their paths.
    """

    def __init__(self, dialects: Mapping[str, str] | None = None) -> None:
        self._dialects = dict(dialects or {})
        self._counts: dict[str, Counter[int]] = {
            dialect: Counter() for dialect in (*self._dialects.values(), NO_DIALECT)
        }

    def of(self, path: str) -> Counter[int]:
        """The counts, by status, that the answers to requests of a path belong to. Add to them."""
        return self._counts[self._dialects.get(first_part(path), NO_DIALECT)]

    def counted(self, path: str, send: Send) -> Send:
        """Sends what it is given, and counts the answer to one request, when its head goes out."""
        counts = self.of(path)

        async def send_counted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                counts[message["status"]] += 1
            await send(message)

        return send_counted

    def answered(self) -> Iterator[Answered]:
        """What was counted so far, in the order of the dialects and of their statuses."""
        for dialect, counts in self._counts.items():
            for status, count in sorted(counts.items()):
                yield Answered(dialect, status, count)


def first_part(path: str) -> str:
    """The first part of a path, by which it is handed to a dialect."""
    return path[1:].partition("/")[0]
