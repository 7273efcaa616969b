"""The way a request takes to the server and its answer back: one seam, and the implementation over HTTP."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from trivet.sdk import _library
from trivet.sdk._async.concurrency import BODIES_BLOCK, apart, dispose, interruptible, loopback, release
from trivet.sdk._http import (
    CONNECT_TIMEOUT,
    Request,
    Response,
    TransportError,
    check_headers,
    failure,
    largest_answer,
    origin,
    told_length,
    too_large,
)
from trivet.sdk.errors import ConfigurationError, TrivetError

if TYPE_CHECKING:
    from pyreqwest.bytes import Bytes
    from pyreqwest.client import Client as PyreqwestClient
    from pyreqwest.client import ClientBuilder
    from pyreqwest.http import HeaderMap
    from pyreqwest.request import RequestBuilder, StreamRequest
    from pyreqwest.response import Response as PyreqwestResponse

Use = Literal["whole", "stream", "upload"]
"""What a client of the HTTP library is for: answers read whole, answers as they come, bodies made piece by piece."""
AT_ONCE = 16 << 20
"""Bytes of a whole answer that are taken together with its head; most answers have less, and take no second step."""
PIECE = 1 << 20
"""Bytes of a longer one that are taken at once."""
LONGEST_PROBLEM = 1_000_000
"""Bytes of an answer that was to be a stream and is an error instead."""
LONGEST_TELLING = 30.0
"""Seconds that such an answer is read for: one that comes byte by byte is told as far as it has come."""
LONGEST_WAIT = 1e9
"""Seconds that stand for ever where the HTTP library takes a number."""
SILENCE = 30.0
"""Seconds without a byte after which a stream counts as broken; the server sends something every ten."""


class AsyncStreamed(Protocol):
    """An answer whose body is read as it comes."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are lower case."""
        ...

    async def read(self) -> bytes:
        """The next bytes; empty at the end.

        Raises:
            TransportError: the connection broke, or nothing came for too long.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection. May be called again."""


class AsyncTransport(Protocol):
    """Carries requests to one server. Redirects are answers like any other: nothing here follows them.

    Safe to be used by several threads and tasks at once.
    """

    async def send(self, request: Request, *, timeout: float) -> Response:
        """The whole answer to ``request``, within ``timeout`` seconds.

        Raises:
            TransportError: no whole answer came, or it is larger than those that are read whole.
        """
        ...

    async def open(self, request: Request) -> AsyncStreamed:
        """The beginning of the answer to ``request``.

        Raises:
            TransportError: no answer came.
        """
        ...

    async def close(self) -> None:
        """End all connections; what is under way fails. May be called again."""


async def problem(answer: AsyncStreamed) -> Response:
    """An answer that was to come piece by piece and is something else: closed, and as much of it as a problem has."""
    parts: list[bytes] = []
    left, until = LONGEST_PROBLEM, time.monotonic() + LONGEST_TELLING
    try:
        while left > 0 and time.monotonic() < until and (part := await answer.read()):
            parts.append(part)
            left -= len(part)
    finally:
        await answer.close()
    return Response(answer.status, answer.headers, b"".join(parts))


class AsyncHttpTransport:
    """A transport over HTTP/1.1 with a pool of connections, made at the first request.

    Proxies are taken from the environment (``HTTPS_PROXY``, ``NO_PROXY`` …), except on the way to this machine itself;
    certificates from the system's store, or from ``SSL_CERT_FILE``.

    Args:
        url: the server's base URL.
        headers: headers of every request.
        verify: a file of certificates (PEM) to trust besides the system's; True for the system's alone.
        largest: how many bytes of an answer are read whole; None takes ``TRIVET_MAX_ANSWER``, else 256 MiB.
        address: the address to connect to, in place of those that the host's name stands for; no proxy is used then.

    Raises:
        ConfigurationError: certificates are not to be checked, their file can't be read, a header can't be sent, or
            ``TRIVET_MAX_ANSWER`` is no size.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        verify: bool | str | os.PathLike[str] = True,
        largest: int | None = None,
        address: str | None = None,
    ) -> None:
        self._url = url
        self._address = address
        self._largest = largest_answer() if largest is None else largest
        self._headers = dict(headers)
        self._certificates = _certificates(verify)
        self._lock = threading.Lock()
        self._clients: dict[Use, PyreqwestClient] = {}
        self._owner = 0
        self._closed = False
        self._loopback = loopback(url, self._headers)
        if any(not value.isascii() or not value.isprintable() for value in self._headers.values()):
            raise ConfigurationError(
                "The API key has characters that no key has.", hint="Copy it again, without what stands around it."
            )

    async def send(self, request: Request, *, timeout: float) -> Response:
        """See `AsyncTransport.send`.

        Raises:
            InvalidRequestError: a header can't be sent.
        """
        if self._loopback is not None and self._loopback.takes(request):
            try:
                return self._loopback.send(request, timeout=timeout, largest=self._largest)
            except TransportError as error:
                raise (_closed() if self._closed else error) from error.__cause__
        if request.chunks is None:
            return await self._fetched(self._client("whole"), request, timeout)
        try:
            return await self._fetched(self._client("upload"), request, timeout)
        finally:
            await release(request.chunks)

    async def open(self, request: Request) -> AsyncStreamed:
        """See `AsyncTransport.open`."""
        # Without a limit of 0 the library holds back the first bytes until it has gathered more.
        builder = self._build(self._client("stream"), request)
        built = builder.streamed_read_buffer_limit(0).build_streamed()
        return _AsyncHttpAnswer(built, await self._opened(built), self._failed)

    async def close(self) -> None:
        """See `AsyncTransport.close`."""
        with self._lock:
            self._closed = True
            clients, self._clients = self._clients, {}
        if self._loopback is not None:
            self._loopback.close()
        if self._owner == os.getpid():
            for client in clients.values():
                await client.close()

    async def _fetched(self, client: PyreqwestClient, request: Request, timeout: float) -> Response:
        builder = self._build(client, request).timeout(timedelta(seconds=max(0.0, min(timeout, LONGEST_WAIT))))
        built = builder.streamed_read_buffer_limit(AT_ONCE).build_streamed()
        answer = await self._opened(built)
        headers = _readable(answer.headers)
        length = None if request.method == "HEAD" else told_length(headers)
        if length is not None and length < AT_ONCE and length <= self._largest:
            # It has come with the head. Nothing is left to let go of, either, and that would take longer than all the rest.
            return Response(answer.status, headers, bytes(await answer.bytes()))
        long = _AsyncHttpAnswer(built, answer, self._failed)
        try:
            body = await self._whole(long, length)
        finally:
            await long.close()
        return Response(long.status, long.headers, body)

    async def _whole(self, answer: _AsyncHttpAnswer, length: int | None) -> bytes:
        """All of a long body.

        Args:
            answer: whose.
            length: how many bytes it says that it has; None where it does not. The library unpacks what is compressed, and
                then says nothing of a length: what is counted is what it unpacks to.
        """
        if length is not None and length > self._largest:
            raise too_large(length, self._largest)
        gathered = io.BytesIO()  # what is joined would lie in memory twice, parts and whole
        left = self._largest
        while left >= 0:
            if self._closed:
                raise _closed()
            part = await answer.gather(PIECE)
            if part is None:
                return gathered.getvalue()
            left -= gathered.write(part)
        raise too_large(None, self._largest)

    async def _opened(self, built: StreamRequest) -> PyreqwestResponse:
        try:
            return await interruptible(built.__aenter__)
        except _library_error() as error:
            raise self._failed(error) from error

    def _build(self, client: PyreqwestClient, request: Request) -> RequestBuilder:
        check_headers(request)
        builder = client.request(request.method, self._url + request.path)
        if request.headers:
            builder = builder.headers(request.headers)
        if request.chunks is not None:
            return builder.body_stream(apart(request.chunks))
        return builder if request.body is None else builder.body_bytes(request.body)

    def _client(self, use: Use) -> PyreqwestClient:
        client = self._clients.get(use)
        if client is None or self._owner != os.getpid():
            client = self._make(use)
        return client

    def _make(self, use: Use) -> PyreqwestClient:
        with self._lock:
            if self._closed:
                raise _closed()
            if self._owner not in {0, os.getpid()}:
                raise _forked()
            existing = self._clients.get(use)
            if existing is not None:
                return existing
            builder = self._builder()
            # Said in each case: a client that says nothing takes the threads on which bodies block, once there are any.
            blocks = BODIES_BLOCK and use == "upload"
            builder = builder.runtime_multithreaded(blocks)
            if blocks:
                _library.let_bodies_block()
            if use == "stream":
                builder = builder.read_timeout(timedelta(seconds=SILENCE))
            try:
                client = builder.build()
            except RuntimeError as error:  # the HTTP library's own word for a fork
                raise _forked() from error
            self._owner = os.getpid()
            self._clients[use] = client
            return client

    def _builder(self) -> ClientBuilder:
        _library.load()
        from pyreqwest.client import ClientBuilder

        builder = (
            ClientBuilder()
            .follow_redirects(False)
            .referer(False)
            .default_headers(self._headers)
            .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT))
        )
        if origin(self._url)[1] == "localhost":
            builder = builder.no_proxy()  # a proxy elsewhere has a loopback of its own
        if self._address is not None:
            _, host, port = origin(self._url)
            builder = builder.no_proxy().resolve(host, self._address, port)
        for certificate in self._certificates:
            builder = builder.add_root_certificate_pem(certificate)
        return builder

    def _failed(self, error: Exception) -> TransportError | TrivetError:
        return _closed() if self._closed else failure(error)


class _AsyncHttpAnswer:
    def __init__(
        self,
        built: StreamRequest,
        answer: PyreqwestResponse,
        failed: Callable[[Exception], TransportError | TrivetError],
    ) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = _readable(answer.headers)
        self._built = built
        self._reader = answer.body_reader
        self._failed = failed
        self._reading = False
        self._closed = False

    async def read(self) -> bytes:
        with self._waiting():
            chunk = await interruptible(self._reader.read_chunk)
        return b"" if chunk is None else bytes(chunk)

    async def gather(self, size: int) -> Bytes | None:
        """The next ``size`` bytes, fewer before the end, None at the end."""
        with self._waiting():
            return await interruptible(self._reader.read, size)

    @contextmanager
    def _waiting(self) -> Generator[None, None, None]:
        """Around a wait. Where a signal ends it, the reader stays busy in its own thread."""
        self._reading = True
        try:
            yield
        except _library_error() as error:
            self._reading = False
            raise self._failed(error) from error
        self._reading = False

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await dispose(self._built.__aexit__, None, None, None, busy=self._reading)


def _readable(headers: HeaderMap) -> dict[str, str]:
    """The headers that are text. One that is not, such as a file's name in raw UTF-8, counts as not there."""
    try:
        return dict(headers.items())
    except ValueError:  # the library's word for one of them, and it gives none then
        found: dict[str, str] = {}
        for name in headers:
            with suppress(ValueError):
                found[name] = headers.getall(name)[-1]
        return found


def _library_error() -> type[Exception]:
    """The base of the HTTP library's errors; asked for where something was raised, so that a good answer pays nothing."""
    from pyreqwest.exceptions import PyreqwestError

    return PyreqwestError


def _certificates(verify: bool | str | os.PathLike[str]) -> tuple[bytes, ...]:
    if verify is True:
        return ()
    if verify is False:
        raise ConfigurationError(
            "Certificates are always checked: without that, anybody on the way could read the key.",
            hint="Give the file with the certificate of your own authority: `verify='ca.pem'`, or SSL_CERT_FILE.",
        )
    end = b"-----END CERTIFICATE-----"
    try:
        parts = Path(verify).expanduser().read_bytes().split(end)
    except OSError as error:
        raise ConfigurationError(
            f"The certificates in {os.fspath(verify)} can't be read: {error.strerror}.", hint="Check `verify`."
        ) from error
    if len(parts) < 2:
        raise ConfigurationError(
            f"There is no certificate in {os.fspath(verify)}.",
            hint="It should be a file with `-----BEGIN CERTIFICATE-----` (PEM).",
        )
    return tuple(part + end + b"\n" for part in parts[:-1])


def _closed() -> TrivetError:
    return TrivetError("This client is closed.", code="client_closed", hint="Make a new one, or close it later.")


def _forked() -> TrivetError:
    return TrivetError(
        "This process was forked from one that had used a client already; its connections can't be shared.",
        code="forked",
        hint="Start processes with `spawn` (multiprocessing.set_start_method), or call nothing before the fork.",
    )
