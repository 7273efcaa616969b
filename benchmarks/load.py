"""The load: many callers in one process, with as little of its own as Python allows.

Sockets and a selector, requests as prepared bytes, answers only measured and checked for their status: the load must not be
what is measured. Its own limit is part of each run: see `benchmarks.bare`.
"""

from __future__ import annotations

import gc
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from benchmarks.network import connect

READ = 1 << 18
PATIENCE = 30.0
"""Seconds without any answer after which a measurement is given up."""


class LoadError(Exception):
    """A measurement could not be made; the message says what was answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """A request, and whom it goes to.

    Args:
        port: where on the loopback it is listened.
        path: of the request, with its query.
        body: of the request; None makes it a GET.
        headers: beside host, length and type of the body.
        content_type: of the body.
        status: what is to be answered.
        marker: the bytes by which the first piece of a stream is known; empty takes the first byte of the body.
        namespace: the process in whose network the port is; None: in ours.
    """

    port: int
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    marker: bytes = b""
    namespace: int | None = None
    content_type: str = "application/json"

    @property
    def request(self) -> bytes:
        """The whole request as it is sent."""
        lines = [f"{'GET' if self.body is None else 'POST'} {self.path} HTTP/1.1", f"host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body is not None:
            lines += [f"content-type: {self.content_type}", f"content-length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")

    def to(self, path: str, body: bytes | None = None, *, status: int = 200, marker: bytes = b"") -> Target:
        """Another request to the same place, with the same headers."""
        return replace(self, path=path, body=body, status=status, marker=marker)

    def connect(self) -> socket.socket:
        """A connection of its own."""
        return connect(self.port, self.namespace)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of so many callers.

    Attributes:
        answered: how many requests were answered as they should.
        failed: how many were not.
        seconds: from the first request to the last answer.
        latencies: of each answered request, in seconds.
    """

    answered: int
    failed: int
    seconds: float
    latencies: list[float] = field(repr=False)

    @property
    def rate(self) -> float:
        """Answered requests per second."""
        return self.answered / self.seconds

    @property
    def p50(self) -> float:
        """The median latency in seconds."""
        return statistics.median(self.latencies)


class Caller:
    """One connection, which sends its next request when the last was answered."""

    __slots__ = ("began", "held", "sock")

    def __init__(self, target: Target) -> None:
        self.sock = target.connect()
        self.sock.setblocking(False)
        self.held = b""
        self.began = 0.0


def press(target: Target, callers: int, *, seconds: float | None = None, count: int | None = None) -> Load:
    """Has so many callers call, each as fast as it is answered.

    Args:
        target: what is called.
        callers: how many connections.
        seconds: for how long requests are sent; or
        count: how many are sent.

    Raises:
        LoadError: nothing is answered any more, or no request was answered as it should.
    """
    request, status = target.request, b"%d" % target.status
    selector = selectors.DefaultSelector()
    everybody = [Caller(target) for _ in range(callers)]
    left = count if count is not None else 1 << 62
    latencies: list[float] = []
    failed, wrong = 0, b""
    clock = time.perf_counter
    with quiet():
        start = clock()
        until = start + seconds if seconds is not None else float("inf")
        for caller in everybody[: min(callers, left)]:
            selector.register(caller.sock, selectors.EVENT_READ, caller)
            caller.began = clock()
            caller.sock.send(request)
            left -= 1
        waiting = min(callers, len(selector.get_map()))
        while waiting:
            ready = selector.select(PATIENCE)
            if not ready:
                raise LoadError(f"no answer for {PATIENCE:g} s, with {waiting} requests under way")
            for key, _ in ready:
                caller = key.data
                data = _receive(caller.sock)
                held = caller.held + data if caller.held else data
                if data and not is_whole(held):
                    caller.held = held
                    continue
                now = clock()
                if data and held[9:12] == status:
                    latencies.append(now - caller.began)
                else:
                    failed += 1
                    wrong = held
                    selector.unregister(caller.sock)
                    caller.sock.close()
                    caller.sock = target.connect()
                    caller.sock.setblocking(False)
                    selector.register(caller.sock, selectors.EVENT_READ, caller)
                caller.held = b""
                if left and now < until:
                    left -= 1
                    caller.began = now
                    caller.sock.send(request)
                else:
                    waiting -= 1
        took = clock() - start
    for caller in everybody:
        caller.sock.close()
    selector.close()
    if not latencies:
        raise LoadError(f"{target.path} answered {wrong[:300]!r}")
    return Load(len(latencies), failed, took, latencies)


def call(target: Target, times: int, *, pause: float = 0.0) -> list[float]:
    """The latencies, in seconds, of one caller on one connection.

    Raises:
        LoadError: an answer that should not be.
    """
    request, status = target.request, b"%d" % target.status
    latencies = []
    with target.connect() as sock, quiet():
        sock.settimeout(PATIENCE)
        for _ in range(times):
            began = time.perf_counter()
            sock.sendall(request)
            held = sock.recv(READ)
            while not is_whole(held):
                more = sock.recv(READ)
                if not more:
                    raise LoadError(f"{target.path}: the connection ended within {held[:300]!r}")
                held += more
            latencies.append(time.perf_counter() - began)
            if held[9:12] != status:
                raise LoadError(f"{target.path} answered {held[:300]!r}")
            if pause:
                time.sleep(pause)
    return latencies


def fetch(target: Target) -> bytes:
    """The body of one answer.

    Raises:
        LoadError: an answer that should not be.
    """
    with target.connect() as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(target.request)
        held = b""
        while not is_whole(held):
            more = sock.recv(READ)
            if not more:
                break
            held += more
    if held[9:12] != b"%d" % target.status:
        raise LoadError(f"{target.path} answered {held[:300]!r}")
    return held.partition(b"\r\n\r\n")[2]


def pieces(target: Target, sock: socket.socket) -> Iterator[tuple[float, bytes]]:
    """The bytes of one streamed answer's body as they come, each with the seconds since the request was sent.

    Raises:
        LoadError: an answer that should not be.
    """
    began = time.perf_counter()
    sock.sendall(target.request)
    held, known = b"", 0
    while not is_whole(held):
        more = sock.recv(READ)
        now = time.perf_counter() - began
        held += more
        if held[9:12] != b"%d" % target.status or not more:
            raise LoadError(f"{target.path} answered {held[:300]!r}")
        body = held.partition(b"\r\n\r\n")[2]
        if len(body) > known:
            yield now, body[known:]
            known = len(body)


def first_pieces(target: Target, times: int) -> list[float]:
    """The seconds until the first piece of a stream, for one caller who reads each stream to its end."""
    took = []
    with target.connect() as sock, quiet():
        sock.settimeout(PATIENCE)
        for _ in range(times):
            held, first = b"", None
            for moment, data in pieces(target, sock):
                held += data
                if first is None and target.marker in held:
                    first = moment
            if first is None:
                raise LoadError(f"{target.path}: the stream ended without a piece: {held[:300]!r}")
            took.append(first)
    return took


def is_whole(held: bytes) -> bool:
    """Whether an answer has come to its end."""
    end = held.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = held[:end].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        stop = head.find(b"\r\n", at)
        return len(held) >= end + 4 + int(head[at + 15 : stop if stop >= 0 else end])
    return b"chunked" in head and held.endswith(b"\r\n0\r\n\r\n")


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the collector of garbage from adding pauses of ours to what is measured."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(READ)
    except OSError:
        return b""
