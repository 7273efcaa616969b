"""Hosted data on a real platform: the client, the command line, and connections that do what real ones do."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import RunningPlatform
from trivet import (
    AsyncClient,
    Client,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionFailedError,
)

MEBIBYTE = 1 << 20
BIG = 48
"""Mebibytes of the file that shows what memory a file takes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def big(folder: Path) -> Path:
    """A file that is larger than anything the platform holds in memory."""
    path = folder / "big.bin"
    with path.open("wb") as file:
        for _ in range(BIG):
            file.write(os.urandom(MEBIBYTE))
    return path


@pytest.fixture(scope="module")
def client(platform: RunningPlatform) -> Iterator[Client]:
    with Client(platform.url, platform.key) as made:
        made.files.create("data://.my/e2e")
        yield made
        made.files.delete("data://.my/e2e", force=True)


def blobs(platform: RunningPlatform) -> set[str]:
    """The blobs that lie in the platform's folder, finished or not. Folders of single blobs stay where they are."""
    folders = [path for path in (platform.data / "blobs").iterdir() if path.is_dir()]
    return {path.name for folder in folders for path in folder.iterdir()}


def memory(platform: RunningPlatform) -> int:
    """The most memory that the server has had, in bytes."""
    lines = Path(f"/proc/{platform.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def wait_for(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.02)


def raw(platform: RunningPlatform, method: str, path: str, *lines: str) -> socket.socket:
    """A connection on which the head of a request has been sent."""
    parts = urlsplit(platform.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
    head = [f"{method} /api/v1/files/{path} HTTP/1.1", "Host: x", f"Authorization: Bearer {platform.key}", *lines]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    return connection


# -- there and back


def test_a_file_goes_there_and_back_and_the_servers_memory_stays_small(
    client: Client, platform: RunningPlatform, big: Path, folder: Path
) -> None:
    client.files.write("data://.my/e2e/first", b"so that everything is imported")
    before = memory(platform)
    entry = client.files.upload(big, "data://.my/e2e/big.bin")
    back = client.files.download("data://.my/e2e/big.bin", folder / "back.bin")
    assert memory(platform) - before < 16 * MEBIBYTE
    data = big.read_bytes()
    assert back.read_bytes() == data
    assert entry.size == len(data)
    assert entry.sha256 == hashlib.sha256(data).hexdigest()
    assert entry.md5 == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert client.files.stat("data://admin/e2e/big.bin") == entry


def test_both_halves_of_the_client_do_everything(client: Client, platform: RunningPlatform) -> None:
    async def scenario() -> None:
        async with AsyncClient(platform.url, platform.key) as other:
            await other.files.create("data://.my/e2e-async", acl="private")
            await other.files.write("data://.my/e2e-async/a b#.txt", "Änne")
            assert client.files.read("data://admin/e2e-async/a b#.txt") == "Änne".encode()
            assert (await other.files.stat("data://.my/e2e-async")).acl == "private"
            assert (await other.files.set_acl("data://.my/e2e-async", "public")).acl == "public"
            names = [entry.name async for entry in other.files.list("data://.my/e2e-async")]
            assert names == ["a b#.txt"]
            with pytest.raises(ConflictError):
                await other.files.delete("data://.my/e2e-async")
            assert await other.files.delete("data://.my/e2e-async", force=True) == 1
            assert not await other.files.exists("data://.my/e2e-async/a b#.txt")

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_conditions_hold_between_writers(client: Client) -> None:
    uri = "data://.my/e2e/counter"
    first = client.files.write(uri, b"1", if_absent=True)
    with pytest.raises(PreconditionFailedError):
        client.files.write(uri, b"2", if_absent=True)
    client.files.write(uri, b"2", if_match=first.md5)
    with pytest.raises(PreconditionFailedError):
        client.files.write(uri, b"3", if_match=first.md5)
    assert client.files.read(uri) == b"2"


def test_a_reader_gets_one_version_whole_whatever_writers_do(client: Client, big: Path) -> None:
    uri = "data://.my/e2e/replaced.bin"
    client.files.upload(big, uri)
    pieces = client.files.stream(uri)
    got = [next(pieces)]
    client.files.write(uri, b"another one")
    got += pieces
    assert b"".join(got) == big.read_bytes()
    assert client.files.read(uri) == b"another one"


# -- connections that die


def test_a_download_goes_on_through_connections_that_are_cut(
    client: Client, platform: RunningPlatform, big: Path, folder: Path
) -> None:
    client.files.upload(big, "data://.my/e2e/cut.bin")
    with cutting_proxy(platform, after=10 * MEBIBYTE) as (url, cuts), Client(url, platform.key) as through:
        local = through.files.download("data://.my/e2e/cut.bin", folder / "cut.bin")
    assert local.read_bytes() == big.read_bytes()
    assert len(cuts) >= BIG // 10


@contextlib.contextmanager
def cutting_proxy(platform: RunningPlatform, after: int) -> Iterator[tuple[str, list[int]]]:
    """A way to the platform that ends every connection after so many bytes of answers."""
    import threading

    parts = urlsplit(platform.url)
    listening = socket.create_server(("127.0.0.1", 0))
    cuts: list[int] = []

    def carry(near: socket.socket) -> None:
        with near, socket.create_connection((parts.hostname, parts.port), timeout=20) as far:
            near.settimeout(20)
            far.sendall(near.recv(65_536))
            passed = 0
            while passed < after and (data := far.recv(65_536)):
                near.sendall(data)
                passed += len(data)
            cuts.append(passed)
            with contextlib.suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                threading.Thread(target=carry, args=(near,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", cuts
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        accepting.join(30)  # or it might go on at the next socket of this number
        listening.close()


def test_an_upload_that_dies_leaves_the_old_file_and_no_blob(client: Client, platform: RunningPlatform) -> None:
    client.files.write("data://.my/e2e/old.txt", b"the old one")
    before = blobs(platform)
    for line in ("Content-Length: 3000000", "Transfer-Encoding: chunked"):
        connection = raw(platform, "PUT", ".my/e2e/old.txt", line)
        connection.sendall((b"" if "Length" in line else b"200000\r\n") + bytes(2 * MEBIBYTE))
        wait_for(lambda: len(blobs(platform) - before) == 1)
        connection.close()
        wait_for(lambda: not blobs(platform) - before)
        assert client.files.read("data://.my/e2e/old.txt") == b"the old one"


def test_who_may_not_write_is_told_so_before_the_body_is_sent(client: Client, platform: RunningPlatform) -> None:
    connection = raw(platform, "PUT", "nobody/e2e/x", "Content-Length: 1000000000", "Expect: 100-continue")
    answer = http.client.HTTPResponse(connection, method="PUT")
    answer.begin()
    assert answer.status == 404
    connection.close()


def test_an_upload_that_is_refused_amid_its_bytes_says_why(client: Client, big: Path) -> None:
    with pytest.raises(NotFoundError, match="e2e-nothing"):
        client.files.upload(big, "data://.my/e2e-nothing/big.bin")
    client.files.upload(big, "data://.my/e2e/once.bin")
    with pytest.raises(PreconditionFailedError):
        client.files.upload(big, "data://.my/e2e/once.bin", if_absent=True)


def test_a_reader_who_leaves_costs_nothing(client: Client, platform: RunningPlatform, big: Path) -> None:
    client.files.upload(big, "data://.my/e2e/left.bin")
    connection = raw(platform, "GET", ".my/e2e/left.bin")
    assert connection.recv(1000)
    wait_for(lambda: open_blobs(platform) == 1)  # those of earlier readers are let go
    connection.close()
    wait_for(lambda: open_blobs(platform) == 0)


def open_blobs(platform: RunningPlatform) -> int:
    """How many blobs the server holds open."""
    count = 0
    for link in Path(f"/proc/{platform.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += "blobs" in link.readlink().parts
    return count


def test_an_operator_says_how_long_the_rest_of_a_request_is_waited_for(tmp_path: Path) -> None:
    platform = RunningPlatform(tmp_path, TRIVET_HEAD_PATIENCE="1", TRIVET_BODY_PATIENCE="1")
    try:
        platform.start()
        with Client(platform.url, platform.key) as client:
            client.files.create("data://.my/e2e")
            client.files.write("data://.my/e2e/old.txt", b"the old one")
            upload = raw(platform, "PUT", ".my/e2e/old.txt", "Content-Length: 3000000")
            upload.sendall(bytes(MEBIBYTE))
            answer = http.client.HTTPResponse(upload, method="PUT")
            answer.begin()
            assert (answer.status, json.loads(answer.read())["code"]) == (408, "request_stalled")
            parts = urlsplit(platform.url)
            head = socket.create_connection((parts.hostname, parts.port), timeout=10)
            head.sendall(b"GET / HTTP/1.1\r\n")
            assert head.recv(100).startswith(b"HTTP/1.1 408 ")
            for connection in (upload, head):
                while connection.recv(MEBIBYTE):
                    pass
                connection.close()
            assert client.files.read("data://.my/e2e/old.txt") == b"the old one"
        assert platform.stop() == 0
    finally:
        platform.stop()


# -- people


def test_what_is_whose_holds_on_a_real_platform(client: Client, platform: RunningPlatform) -> None:
    client.accounts.create("e2e-ben")
    key = client.keys.create(account="e2e-ben").key
    client.files.write("data://.my/e2e/mine.txt", b"mine")
    with Client(platform.url, key) as ben:
        with pytest.raises(NotFoundError):
            ben.files.read("data://admin/e2e/mine.txt")
        client.files.set_acl("data://.my/e2e", "public")
        assert ben.files.read("data://admin/e2e/mine.txt") == b"mine"
        with pytest.raises(PermissionDeniedError):
            ben.files.write("data://admin/e2e/mine.txt", b"ben's")
        with pytest.raises(PermissionDeniedError):
            ben.files.delete("data://admin/e2e", force=True)
        assert [entry.name for entry in ben.files.list()] == ["e2e-ben"]
    assert client.files.read("data://.my/e2e/mine.txt") == b"mine"
    client.files.set_acl("data://.my/e2e", "owners_endpoints")


# -- the command line


def test_the_command_line_does_a_whole_round(client: Client, platform: RunningPlatform, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")

    def trivet(*words: str, stdin: str | None = None) -> str:
        done = platform.trivet("files", *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    trivet("cp", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "data://.my/e2e-cli/", "--create")
    trivet("cp", "-", "data://.my/e2e-cli/c.txt", stdin="from stdin\n")
    trivet("cp", "data://.my/e2e-cli/c.txt", "data://.my/e2e-cli/d.txt")
    assert trivet("cp", "data://.my/e2e-cli/d.txt", "-") == "from stdin\n"
    assert [line.split()[0] for line in trivet("ls", "data://.my/e2e-cli").splitlines()[1:]] == [
        "a.txt",
        "b.txt",
        "c.txt",
        "d.txt",
    ]
    assert trivet("acl", "data://.my/e2e-cli", "public") == "public\n"
    trivet("rm", "data://.my/e2e-cli/a.txt")
    assert platform.trivet("files", "rm", "data://.my/e2e-cli").returncode == 1
    trivet("rm", "-r", "data://.my/e2e-cli")
    assert platform.trivet("files", "ls", "data://.my/e2e-cli").returncode == 1
