"""One keep-alive connection to the platform, without any client library: nothing is repeated, nothing is smoothed over."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.faults.mouth import Silence

PATIENCE = 20.0
"""Seconds without an answer after which a caller gives up."""


class Line:
    """A connection, opened when it is needed.

    Args:
        url: where the platform listens.
        key: the API key of whoever calls.
    """

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        self._key = key

    def open(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request; what is answered has yet to be read.

        Raises:
            OSError, http.client.HTTPException: no answer came.
        """
        told = {"Authorization": f"Bearer {self._key}"}
        if body is not None:
            told["Content-Type"] = "application/json"
        told |= headers or {}
        self._connection.request(method, path, body, told)
        return self._connection.getresponse()

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """A request and its whole answer: status, headers by their names in small letters, body.

        Raises:
            Silence: no whole answer came.
        """
        try:
            answer = self.open(method, path, body, headers)
            return answer.status, headers_of(answer), answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Silence(f"{method} {path}: {error!r}") from None

    def close(self) -> None:
        """Lets go of the connection; the next request opens another."""
        self._connection.close()


def headers_of(answer: http.client.HTTPResponse) -> dict[str, str]:
    """The headers of an answer by their names in small letters."""
    return {name.lower(): value for name, value in answer.getheaders()}
