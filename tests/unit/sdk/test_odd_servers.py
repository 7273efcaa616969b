"""Servers that speak HTTP badly, or not at all: each way to a server ends in time, and no answer is taken for another's."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from trivet.sdk._async.transport import AsyncHttpTransport
from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._sync.transport import HttpTransport

ASK = Request("GET", "/x")
OK = b"HTTP/1.1 200 OK\r\n"
Send = Callable[..., Response]
Script = Callable[[socket.socket, threading.Event], None]


def says(*parts: bytes, once: bool = False) -> Script:
    """Answers every request with these bytes; or one, and ends."""

    def script(connection: socket.socket, _: threading.Event) -> None:
        while True:
            asked(connection)
            connection.sendall(b"".join(parts))
            if once:
                return

    return script


def drips(first: bytes, drop: bytes) -> Script:
    """Reads a request, sends the first bytes, and then a few more again and again."""

    def script(connection: socket.socket, over: threading.Event) -> None:
        asked(connection)
        connection.sendall(first)
        while not over.wait(0.02):
            connection.sendall(drop)

    return script


def asked(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError
        data += part


@pytest.fixture
def serve() -> Iterator[Callable[[Script], str]]:
    """Makes a server of a script, which speaks to each connection; its URL."""
    over = threading.Event()
    listening: dict[socket.socket, threading.Thread] = {}

    def one(connection: socket.socket, script: Script) -> None:
        with connection, suppress(OSError):
            script(connection, over)

    def serving(script: Script) -> str:
        server = socket.create_server(("127.0.0.1", 0))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=one, args=(connection, script), daemon=True).start()

        listening[server] = threading.Thread(target=accept, daemon=True)
        listening[server].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield serving
    over.set()
    for server, accepting in listening.items():
        server.shutdown(socket.SHUT_RDWR)
        accepting.join(30)  # or it might go on at the next socket of this number, which is another test's
        server.close()


@pytest.fixture(params=["loopback", "library", "asyncio"])
def ask(
    request: pytest.FixtureRequest, serve: Callable[[Script], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Script], Send]:
    """What asks the server of a script, by each of the three ways."""
    if request.param == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)

    def asking(script: Script) -> Send:
        url = serve(script)
        if request.param == "asyncio":
            runner = asyncio.Runner()
            awaited = AsyncHttpTransport(url, {})
            request.addfinalizer(runner.close)
            return lambda asked=ASK, timeout=20.0: runner.run(awaited.send(asked, timeout=timeout))
        waiting = HttpTransport(url, {})
        request.addfinalizer(waiting.close)
        return lambda asked=ASK, timeout=20.0: waiting.send(asked, timeout=timeout)

    return asking


@pytest.mark.parametrize(
    "script",
    [
        says(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
            OK,
            b"Content-Length: 4\r\n\r\nfine",
        ),
        says(b"HTTP/1.0 200 OK\r\n\r\nfine", once=True),
        says(OK, b"Connection: close\r\n\r\nfine", once=True),
        says(OK, b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nfine\r\n0\r\nTrailer: z\r\n\r\n"),
        says(OK, b"Content-Type: \xff; charset=\x80\r\nContent-Length: 4\r\n\r\nfine"),
    ],
)
def test_what_is_unusual_and_allowed_is_read(ask: Callable[[Script], Send], script: Script) -> None:
    send = ask(script)
    assert [send().body for _ in range(3)] == [b"fine"] * 3


def test_what_comes_behind_an_answer_answers_nobody(ask: Callable[[Script], Send]) -> None:
    evil = OK + b"Content-Length: 4\r\n\r\nevil"
    send = ask(says(OK, b"Content-Length: 4\r\n\r\nfine", evil, evil))
    assert [send().body for _ in range(3)] == [b"fine"] * 3


def test_an_answer_that_has_no_body_takes_none(ask: Callable[[Script], Send]) -> None:
    send = ask(says(b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil"))
    assert [(send().status, send().body) for _ in range(2)] == [(204, b"")] * 2


@pytest.mark.parametrize(
    "script",
    [
        says(once=True),
        says(b"HTTP/1.1 200 O", once=True),
        says(b"SSH-2.0-OpenSSH\r\n\r\n", once=True),
        says(OK, b'Content-Length: 50\r\n\r\n{"a": ', once=True),
        says(OK, b"Content-Length: -5\r\n\r\nfine", once=True),
        says(OK, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nfine", once=True),
        says(OK, b"X: " + b"y" * 3_000_000 + b"\r\n\r\n", once=True),
    ],
)
def test_what_is_no_answer_is_none(ask: Callable[[Script], Send], script: Script) -> None:
    with pytest.raises(TransportError) as caught:
        ask(script)()
    assert not caught.value.timed_out


@pytest.mark.parametrize(
    "script",
    [
        drips(b"", b""),
        drips(OK, b"x: y\r\n"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drips(OK + b"Content-Length: 100000\r\n\r\n", b" "),
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
        drips(OK + b"\r\n", b" "),
    ],
)
def test_what_comes_drop_by_drop_has_its_time(ask: Callable[[Script], Send], script: Script) -> None:
    with pytest.raises(TransportError) as caught:
        ask(script)(timeout=0.15)
    assert caught.value.timed_out


def test_a_redirect_is_an_answer_like_any_other(ask: Callable[[Script], Send]) -> None:
    send = ask(says(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"))
    assert send().status == 302
