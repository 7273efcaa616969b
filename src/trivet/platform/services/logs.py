"""Logs: what the workers and handlers of an endpoint wrote, for those who manage it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from trivet.platform.core.accounts import Principal, Scope
from trivet.platform.core.endpoints import EndpointReference, Version
from trivet.platform.core.errors import Unavailable
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.journals import LOG_LINES, Journals, LogLine
from trivet.platform.services.waits import PING


class Logs:
    """Shows the journals of endpoints.

    Args:
        journals: the lines.
        endpoints: whose they are.
        read_lines: what a line of a worker's output says, by `Version.host`; the lines of other kinds say what stands in them.
    """

    def __init__(
        self, journals: Journals, endpoints: Endpoints, read_lines: Mapping[str, Callable[[str], str]]
    ) -> None:
        self._journals = journals
        self._endpoints = endpoints
        self._read_lines = read_lines

    def lines(
        self, principal: Principal, reference: EndpointReference, after: int = 0, limit: int = LOG_LINES
    ) -> list[LogLine]:
        """The newest lines of an endpoint's workers and handlers, oldest first; none for those who do not manage it.

        Raises:
            NotFound, Forbidden: by the one rule of access.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        if not self._endpoints.manages(principal, endpoint):
            return []
        return self._journals.lines(endpoint.id, after, limit)

    async def follow(
        self, principal: Principal, reference: EndpointReference, after: int = 0
    ) -> AsyncIterator[LogLine | None]:
        """The lines of an endpoint's log as they come, for as long as the principal may see it.

        Yields:
            Each line with ``seq`` above ``after``; None after `PING` seconds without any.

        Raises:
            NotFound, Forbidden: by the one rule of access, which is asked again and again.
        """
        endpoint = self._endpoints.find(principal, reference, Scope.READ)
        with self._journals.subscribe(endpoint.id) as changes:
            while True:
                for line in self.lines(principal, reference, after):
                    after = line.seq
                    yield line
                try:
                    woken = await changes.wait(PING)
                except Unavailable:  # the platform is shutting down, and the log with it
                    return
                if not woken:
                    yield None

    def readable(self, version: Version, lines: Sequence[str]) -> tuple[str, ...]:
        """Lines that a worker of a version wrote itself, as people read them."""
        read = self._read_lines.get(version.host)
        return tuple(lines) if read is None else tuple(part for line in lines for part in read(line).splitlines())
