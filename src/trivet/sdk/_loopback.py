"""Requests to a server on this very machine, over plain sockets and on the caller's own thread.

To the next process and back takes less time than the HTTP library needs to hand a request from thread to thread; see
decision 1 for the figures. So whole answers of a server that is reached over plain HTTP on the loopback are fetched here,
where no TLS, no proxy and no name to look up lie in between. Everything else goes through the library.

A signal ends a wait here, so that Ctrl-C comes through without a helper.
"""

from __future__ import annotations

import os
import select
import socket
import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from trivet.sdk._http import CONNECT_TIMEOUT, LARGEST_ANSWER, Request, Response, TransportError, check_headers, origin
from trivet.sdk._http1 import read_answer

LARGEST_BODY = 65_536
"""Bytes of a request's body that are sent from here; with a larger one the way is not what takes the time."""
GLANCE = 0.1
"""Seconds of one wait. A signal that arrives just before a wait begins does not end it: so it is never a long one."""
_CHUNK = 262_144


class Loopback:
    """The connections to one server on this machine. Threads may share it; a process that was forked makes its own.

    Args:
        url: the server's base URL; see `to`.
        headers: headers of every request.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "localhost", parts.port or 80)
        self._path = parts.path
        self._head = _lines({"Host": parts.netloc, "Accept": "*/*", **headers}.items())
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._owner = os.getpid()
        self._closed = False
        weakref.finalize(self, _release, self._idle)  # nobody has to close a client

    @classmethod
    def to(cls, url: str, headers: Mapping[str, str]) -> Self | None:
        """One for the server at ``url``, or None where the way there is not of this kind."""
        scheme, host, _ = origin(url)
        plain = scheme == "http" and host == "localhost" and url.isascii() and url.isprintable() and " " not in url
        return cls(url, headers) if plain and hasattr(select, "poll") else None  # Windows has no poll

    def takes(self, request: Request) -> bool:
        """Whether ``request`` is one for here."""
        return request.chunks is None and (request.body is None or len(request.body) <= LARGEST_BODY)

    def send(self, request: Request, *, timeout: float, largest: int = LARGEST_ANSWER) -> Response:
        """The whole answer to ``request``, within ``timeout`` seconds.

        Args:
            request: what to ask.
            timeout: seconds.
            largest: how many bytes the answer may have.

        Raises:
            TransportError: no whole answer came, or it has more.
            InvalidRequestError: a header can't be sent.
        """
        message = self._message(request)
        until = time.monotonic() + timeout
        connection = self._connection(until)
        self._busy.add(connection)
        goes_on = False
        try:
            if self._closed:
                raise TransportError("this end is closed", sent=False)
            connection.send(message, until)
            answer = read_answer(lambda: connection.receive(until), request.method, largest)
            goes_on = answer.goes_on
        except TimeoutError as error:
            raise TransportError("operation timed out", sent=True, timed_out=True) from error
        except (OSError, ValueError) as error:
            raise TransportError(_reason(error), sent=True) from error
        finally:  # a signal may end the wait at any point: what comes over that connection answers nobody any more
            self._busy.discard(connection)
            if goes_on:
                self._idle.append(connection)
            else:
                connection.close()
            if self._closed:
                _release(self._idle)
        return answer.response

    def close(self) -> None:
        """End all connections; what is under way fails, and so does what comes later."""
        self._closed = True
        if self._owner == os.getpid():
            for connection in tuple(self._busy):
                connection.cut()
        _release(self._idle)

    def _connection(self, until: float) -> _Connection:
        if self._owner != os.getpid():  # the parent goes on using its own
            _release(self._idle)
            self._busy.clear()
            self._owner = os.getpid()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect(until)
            if connection.is_quiet():
                return connection
            connection.close()  # the server has closed it meanwhile

    def _connect(self, until: float) -> _Connection:
        timeout = max(0.001, min(CONNECT_TIMEOUT, until - time.monotonic()))
        try:
            return _Connection(socket.create_connection(self._address, timeout))
        except OSError as error:
            raise TransportError(_reason(error), sent=False, timed_out=isinstance(error, TimeoutError)) from error

    def _message(self, request: Request) -> bytes:
        check_headers(request)
        body = request.body
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        more = _lines(request.headers) + length
        head = f"{request.method} {self._path}{request.path} HTTP/1.1\r\n{self._head}{more}\r\n".encode()
        return head if body is None else head + body


class _Connection:
    """One connection. Waits end with a `TimeoutError` when their time is over."""

    __slots__ = ("_poll", "_socket")

    def __init__(self, connected: socket.socket) -> None:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def is_quiet(self) -> bool:
        """Whether it is open and nothing has come that nobody asked for."""
        return not self._poll.poll(0)

    def send(self, data: bytes, until: float) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self._poll.modify(self._socket, select.POLLOUT)
                self._wait(until)
                self._poll.modify(self._socket, select.POLLIN)

    def receive(self, until: float) -> bytes:
        """What comes next; empty at the end."""
        while True:
            self._wait(until)
            with suppress(BlockingIOError):
                return self._socket.recv(_CHUNK)

    def _wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if self._poll.poll(min(left, GLANCE) * 1000):
                return
        raise TimeoutError

    def cut(self) -> None:
        """End it under the hands of whoever waits for it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


def _lines(headers: Iterable[tuple[str, str]]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _release(connections: list[_Connection]) -> None:
    while True:
        try:
            connections.pop().close()
        except IndexError:
            return
