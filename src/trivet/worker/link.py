"""The worker's end of the link: one socket, whole frames, written from any thread."""

from __future__ import annotations

import _socket  # what `socket` is made from: that costs a tenth of a worker's start, and nothing of it is needed here
import threading
from collections import deque
from typing import Self

from trivet.protocol.frames import Decoder, Frame, ProtocolError
from trivet.worker.interrupts import Guards

_READ_SIZE = 256 * 1024


class LinkLost(Exception):
    """The server's end of the link is gone. A worker without a server ends."""


class Link:
    """A connection to the server.

    Whoever writes takes the link as a context manager, which keeps interrupts away meanwhile: a frame leaves whole or not
    at all. Reading is for one thread at a time; who it is decide those who share the link.

    Args:
        connection: a connected, blocking socket.
        guards: the guards of the threads that run handlers.
    """

    def __init__(self, connection: _socket.socket, guards: Guards) -> None:
        self._socket = connection
        self._decoder = Decoder()
        self._guards = guards
        self._lock = threading.RLock()
        self._waiting: deque[bytes] = deque()
        self._writing = False
        self._lost = False

    @classmethod
    def connect(cls, address: str, guards: Guards, timeout: float = 10.0) -> Self:
        """Connects to a server.

        Args:
            address: ``unix:/path.sock`` or ``tcp:host:port``.
            guards: the guards of the threads that run handlers.
            timeout: seconds to wait for the connection, and for each answer until `settle`.

        Raises:
            ValueError: for an address of another form.
            OSError: when nobody answers there.
        """
        scheme, _, place = address.partition(":")
        if scheme == "unix":
            connection = _socket.socket(_socket.AF_UNIX)
            connection.settimeout(timeout)
            connection.connect(place)
        elif scheme == "tcp":
            import socket

            host, _, port = place.rpartition(":")
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            raise ValueError(f"{address!r} is no address of a link; it looks like unix:/path.sock or tcp:host:port")
        return cls(connection, guards)

    def settle(self) -> None:
        """From now on waits without limit: both sides have said who they are."""
        self._socket.settimeout(None)

    def fileno(self) -> int:
        """The socket's descriptor, to wait on; -1 once the link is given up."""
        return self._socket.fileno()

    def receive(self) -> list[Frame]:
        """Waits for bytes and returns the frames that they complete (there may be none yet).

        Raises:
            LinkLost: the other end is gone, or sends something that is no frame.
        """
        try:
            data = self._socket.recv(_READ_SIZE)
        except OSError as error:
            raise LinkLost(str(error)) from None
        if not data:
            raise LinkLost("the server closed the link")
        try:
            return self._decoder.feed(data)
        except ProtocolError as error:
            raise LinkLost(f"the server sent {error}") from None

    def send(self, data: bytes) -> None:
        """Writes whole frames; waits while the server does not read.

        Raises:
            LinkLost: they can't be written any more.
        """
        with self:
            if self._writing:
                # A signal handler or a finaliser of the author's wrote in the middle of our own writing: behind it, then.
                self._waiting.append(data)
                return
            if self._lost:
                raise LinkLost("the link is gone")
            self._writing = whole = True
            try:
                whole = False
                self._socket.sendall(data)
                while self._waiting:
                    self._socket.sendall(self._waiting.popleft())
                whole = True
            except OSError as error:
                raise LinkLost(str(error)) from None
            finally:
                self._writing = False
                self._lost = not whole  # half a frame may be out: nothing can follow it

    def abandon(self) -> None:
        """Gives the link up without a word, in a process that was forked off and has no part in it."""
        self._lost = True
        self._lock = threading.RLock()  # the other one may be held by a thread that was not forked along
        self._socket.close()

    def __enter__(self) -> None:
        guard = self._guards.get(threading.get_ident())
        if guard is not None:
            guard.shield()
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()
        guard = self._guards.get(threading.get_ident())
        if guard is not None:
            guard.unshield()
