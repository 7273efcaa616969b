# Generated from ../_async/channel.py by scripts/unasync.py: change that file, then run the script.
"""A channel to a server that speaks another API than ours: requests and answers as they are, made well.

The drop-in modules (`trivet.runpod`, `trivet.algorithmia`, `trivet.jaqpot`) have builders and parsers of their own, and put
them on a channel. It has the connections, timeouts, proxies and certificates of the native client, repeats what is safe to
repeat, and follows no redirect, so that no key goes where nobody has sent it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from trivet.sdk._deadline import Deadline
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._retry import Backoff, delay_before_retry
from trivet.sdk._sync.concurrency import sleep
from trivet.sdk._sync.transport import HttpTransport, Streamed, Transport

FOREVER = Deadline(None)


class Channel:
    """The way to one server. Connections are made when they are needed and used again; close it at the end.

    May be used by several threads and tasks at once.

    Args:
        url: the base URL below which all requests are made; without a slash at its end.
        headers: headers of every request, the key's among them.
        timeout: seconds for the answer to a request, on top of what it asks the server to wait.
        retries: how often a request is repeated that may safely be; 0 repeats nothing.
        verify: a file of certificates (PEM) to trust besides the system's.
        transport: the way to the server, in place of HTTP; for tests.

    Raises:
        ConfigurationError: a header or a certificate can't be used.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float = 60.0,
        retries: int = 3,
        verify: bool | str | os.PathLike[str] = True,
        transport: Transport | None = None,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self._backoff = Backoff(retries=retries)
        self._transport = transport if transport is not None else HttpTransport(url, headers, verify=verify)

    def send(self, request: Request, deadline: Deadline = FOREVER, *, timeout: float | None = None) -> Response:
        """The answer to ``request``, whatever its status.

        Args:
            request: what to ask.
            deadline: until when the caller waits; repetitions end there, too.
            timeout: seconds for this answer, in place of those of the channel.

        Raises:
            TransportError: no whole answer came, also after what could be repeated was.
        """
        repetition = 0
        failing: float | None = None
        usual = self.timeout if timeout is None else timeout
        while True:
            outcome: Response | TransportError
            try:
                outcome = self._transport.send(request, timeout=request.patience(usual, deadline.left()))
                if outcome.status < 400:
                    return outcome
            except TransportError as failure:
                outcome = failure
            import random  # not at the top: hardly any request fails, and all programs would pay for it

            failed = time.monotonic()
            failing = failed if failing is None else failing
            delay = delay_before_retry(
                request,
                outcome,
                self._backoff,
                repetition=repetition,
                chance=random.random(),  # noqa: S311 — chance, not a secret
                now=datetime.now(UTC),
                out=failed - failing,
                left=deadline.left(),
            )
            if delay is None:
                if isinstance(outcome, TransportError):
                    raise outcome
                return outcome
            sleep(delay)
            repetition += 1

    def open(self, request: Request) -> Streamed:
        """The beginning of the answer to ``request``, whatever its status; the caller closes it.

        Raises:
            TransportError: no answer came.
        """
        return self._transport.open(request)

    def close(self) -> None:
        """End all connections. May be called again; any other call fails afterwards."""
        self._transport.close()
