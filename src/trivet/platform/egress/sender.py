"""The sender: an `Egress` over HTTP/1.1 that connects to the very address which the guard has looked at."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, DetailedPyreqwestError, PyreqwestError, RequestTimeoutError
from pyreqwest.response import Response

from trivet.platform.core.errors import BadRequest
from trivet.platform.core.webhooks import KEPT_RESPONSE, WebhookAnswer
from trivet.platform.egress.guard import Address, Guard, Target
from trivet.platform.egress.resolver import ResolveError, Resolver

TIMEOUT = 15.0
"""Seconds for everything: the name, the connection, the answer."""
RESOLVE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 5.0
READ_RESPONSE = 4096
"""Bytes of an answer's body that are read; what comes behind them is nobody's business."""
CLIENTS = 64
"""Ways to hosts that are kept open. Making one takes milliseconds, as it reads the certificates to trust."""
ADDRESSES = 3
"""Addresses of a host that are tried, while none takes the connection."""
_NEARLY = 0.25


class HttpSender:
    """Sends messages. No redirect is followed, no proxy is used, no certificate is taken on trust.

    A name is resolved here, once, and each of its addresses goes past the guard; the connection is then made to one of those
    that passed, under the host's own name. So a name that changes its address in between (DNS rebinding) gains nothing.

    Args:
        guard: decides where messages may go.
        user_agent: how the platform introduces itself.
        resolver: resolves names.
        certificates: authorities to trust besides the system's (PEM).
    """

    def __init__(
        self,
        guard: Guard,
        user_agent: str,
        *,
        resolver: Resolver | None = None,
        certificates: Sequence[bytes] = (),
        timeout: float = TIMEOUT,
    ) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._resolver = resolver or Resolver()
        self._certificates = certificates
        self._timeout = timeout
        self._clients: OrderedDict[tuple[str, str], Client] = OrderedDict()

    def check(self, url: str) -> None:
        """Looks at a URL; asks nobody.

        Raises:
            BadRequest: nothing can ever be sent there.
        """
        self._guard.target(url)

    async def post(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> WebhookAnswer:
        """Sends one message and gives what came of it; see `Egress.post`."""
        until = time.monotonic() + self._timeout
        try:
            target = self._guard.target(url)
            addresses = await self._addresses(target)
        except BadRequest as error:
            return WebhookAnswer(None, error.detail)
        except ResolveError as error:
            return WebhookAnswer(None, f"Nothing was sent: {error}.")
        answer = _refused(target)
        for address in addresses[:ADDRESSES]:
            left = until - time.monotonic()
            if left <= 0:
                return self._timed_out()
            try:
                return await self._send(target, address, headers, body, left)
            except RequestTimeoutError:
                # the library has one name for a connection that was not made and for an answer that did not begin
                if time.monotonic() > until - _NEARLY:
                    return self._timed_out()
                answer = WebhookAnswer(None, f"No connection to {target.host} within {CONNECT_TIMEOUT:g} s.")
            except PyreqwestError as error:
                if not _found_nobody(error):  # the message may have arrived: another address might get it twice
                    return WebhookAnswer(None, f"{target.host} gave no answer that can be read: {_reason(error)}.")
                answer = WebhookAnswer(None, f"No connection to {target.host}: {_reason(error)}.")
        return answer

    async def _addresses(self, target: Target) -> list[Address]:
        if target.address is not None:
            return [target.address]
        found = await self._resolver.resolve(target.host, min(RESOLVE_TIMEOUT, self._timeout))
        return [address for address in found if self._guard.permits(target.host, address)]

    async def _send(
        self, target: Target, address: Address, headers: Sequence[tuple[str, str]], body: bytes, timeout: float
    ) -> WebhookAnswer:
        request = self._client(target, address).post(target.url).headers(headers).body_bytes(body)
        built = request.timeout(timedelta(seconds=timeout)).streamed_read_buffer_limit(0).build_streamed()
        async with built as response:
            return WebhookAnswer(
                response.status,
                body=await _beginning(response),
                retry_after=_retry_after(response.get_header("retry-after")),
            )

    def _client(self, target: Target, address: Address) -> Client:
        """The way to one address of one host. The oldest is let go of where there are many; it ends with its last request."""
        key = (target.host, str(address))
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = self._connect(target, address)
            if len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        else:
            self._clients.move_to_end(key)
        return client

    def _connect(self, target: Target, address: Address) -> Client:
        builder = (
            ClientBuilder()
            .user_agent(self._user_agent)
            .follow_redirects(False)
            .referer(False)
            .no_proxy()
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT))
            .pool_idle_timeout(timedelta(seconds=30))
            .pool_max_idle_per_host(4)
        )
        if target.address is None:
            builder = builder.resolve(target.host, str(address), target.port)
        for certificate in self._certificates:
            builder = builder.add_root_certificate_pem(certificate)
        return builder.build()

    def _timed_out(self) -> WebhookAnswer:
        return WebhookAnswer(None, f"No answer came within {self._timeout:g} s.")

    async def close(self) -> None:
        """Ends all connections."""
        self._resolver.close()
        while self._clients:
            _, client = self._clients.popitem()
            await client.close()


def _refused(target: Target) -> WebhookAnswer:
    return WebhookAnswer(
        None,
        f"Nothing was sent: {target.host} leads to an address of this machine or of a private network. "
        "Whoever runs the platform may allow it: TRIVET_WEBHOOK_ALLOW.",
    )


async def _beginning(response: Response) -> bytes:
    """The first bytes of the body. The status has decided already, so that a body which breaks off is no failure."""
    data = bytearray()
    try:
        while len(data) < READ_RESPONSE and (chunk := await response.body_reader.read_chunk()) is not None:
            data += chunk
    except PyreqwestError:
        pass
    return bytes(data[:KEPT_RESPONSE])


def _retry_after(value: str | None) -> float | None:
    """Seconds, from a number of seconds or a date; None where it is neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _found_nobody(error: PyreqwestError) -> bool:
    """Whether no connection was made. The library's own class says so of connections that broke, too; its words are exact."""
    return isinstance(error, ConnectError) and "client error (Connect)" in _causes(error)


def _reason(error: PyreqwestError) -> str:
    """The innermost reason that the library knows, as a clause."""
    return [error.message, *_causes(error)][-1].strip().rstrip(".")[:200] or "no reason is known"


def _causes(error: PyreqwestError) -> list[str]:
    details = error.details if isinstance(error, DetailedPyreqwestError) else {"causes": None}
    return [cause["message"] for cause in details["causes"] or ()]
