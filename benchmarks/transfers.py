"""Files over HTTP, one at a time: as little work as Python allows, so that the other side is what is measured."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import PATIENCE, LoadError, Target, is_whole, quiet

_BUFFER = 1 << 20
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


def upload(target: Target, file: Path) -> float:
    """Seconds from the request of a PUT until its answer has come. The kernel takes the bytes from the file.

    Raises:
        LoadError: an answer that should not be.
    """
    with target.connect() as sock, file.open("rb") as content, quiet():
        sock.settimeout(PATIENCE)
        head = _head(target, "PUT", (("content-length", str(file.stat().st_size)),))
        began = time.perf_counter()
        try:
            sock.sendall(head)
            sock.sendfile(content)
        except ConnectionError:
            pass  # who refuses amid the bytes says so in the answer
        held = b""
        while not is_whole(held):
            more = sock.recv(_BUFFER)
            if not more:
                break
            held += more
        took = time.perf_counter() - began
    if held[9:10] != b"2":
        raise LoadError(f"PUT {target.path} was answered with {held[:300]!r}")
    return took


def download(target: Target, size: int) -> float:
    """Seconds from the request until the last of ``size`` bytes has come. They are counted, and not looked at.

    Raises:
        LoadError: an answer that should not be.
    """
    return _receive(target, size, None)


def digest_of(target: Target, size: int) -> str:
    """The checksum of what a download of ``size`` bytes brings, as `checksum` makes it.

    Raises:
        LoadError: an answer that should not be.
    """
    digest = _md5()
    _receive(target, size, digest)
    return digest.hexdigest()


class Exchange(NamedTuple):
    """A request and its answer: the seconds until its last byte had come, its head and its body."""

    seconds: float
    head: bytes
    body: bytearray


def exchange(target: Target) -> Exchange:
    """Sends a request of any size, and reads an answer of any size.

    Raises:
        LoadError: an answer that should not be.
    """
    with target.connect() as sock, quiet():
        sock.settimeout(PATIENCE)
        request = target.request
        began = time.perf_counter()
        sock.sendall(request)
        held = b""
        while _END not in held:
            more = sock.recv(_BUFFER)
            if not more:
                break
            held += more
        head, _, rest = held.partition(_END)
        length = _LENGTH.search(head)
        if head[9:12] != b"%d" % target.status or length is None:
            raise LoadError(f"{target.path} was answered with {held[:300]!r}")
        body = bytearray(int(length[1]))
        body[: len(rest)] = rest
        view, have = memoryview(body), len(rest)
        while have < len(body):
            count = sock.recv_into(view[have:])
            if not count:
                raise LoadError(f"{target.path}: the answer ended {len(body) - have} bytes before its end")
            have += count
        return Exchange(time.perf_counter() - began, head, body)


def checksum(file: Path) -> str:
    """The MD5 of a file: the checksum by which hosted data are known to their readers."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, _md5).hexdigest()


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


def _receive(target: Target, size: int, digest: hashlib._Hash | None) -> float:
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    with target.connect() as sock, quiet():
        sock.settimeout(PATIENCE)
        began = time.perf_counter()
        sock.sendall(_head(target, "GET"))
        rest = _after_head(sock, target, size)
        if digest is not None:
            digest.update(rest)
        left = size - len(rest)
        while left > 0:
            count = sock.recv_into(buffer)
            if not count:
                raise LoadError(f"GET {target.path} ended {left} bytes before its end")
            if digest is not None:
                digest.update(view[:count])
            left -= count
        return time.perf_counter() - began


def _after_head(sock: socket.socket, target: Target, size: int) -> bytes:
    """Reads the head of an answer, and returns what came of its body with it."""
    held = b""
    while _END not in held:
        more = sock.recv(_BUFFER)
        if not more:
            break
        held += more
    head, _, rest = held.partition(_END)
    if head[9:12] != b"200" or f"content-length: {size}".encode() not in head.lower().split(b"\r\n"):
        raise LoadError(f"GET {target.path} was answered with {held[:300]!r}")
    return rest


def _head(target: Target, method: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"host: 127.0.0.1:{target.port}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in (*target.headers, *headers)]
    return "\r\n".join([*lines, "", ""]).encode()
