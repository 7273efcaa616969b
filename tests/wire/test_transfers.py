"""Files on a real connection: the kernel sends them from the disk, and whatever happens, readers get all of one file."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire import fakes
from tests.wire.algorithmia.fakes import AlgorithmiaWorld
from tests.wire.test_over_http import Connect, answer_of, head_of, over_http
from trivet.platform.core.data_paths import DataPath
from trivet.platform.server import sendfile
from trivet.platform.server.sendfile import Senders, descriptor_of
from trivet.platform.stores.blobs_disk import DiskBlobs

SIZE = 24 << 20
"""More than the sockets of both sides hold."""
LARGE = os.urandom(1 << 20) * (SIZE >> 20)
SMALL = b"0123456789"


class Shelf(AlgorithmiaWorld):
    """Both mouths of hosted data over a blob store on the disk, with a large file, a small one and an empty one."""

    def __init__(self, folder: Path, dialect: str = "native") -> None:
        super().__init__()
        self.folder = folder
        self.prefix = "/api/v1/files/.my/files" if dialect == "native" else "/algorithmia/v1/data/.my/files"
        self.ask("POST", "/files/.my", json_body={"name": "files"})
        for name, data in (("large", LARGE), ("small", SMALL), ("empty", b"")):
            self.run(self.write(name, data))
        if dialect != "native":
            self.client = self.caller

    async def write(self, name: str, data: bytes) -> None:
        await self.files.write(
            self.admin, DataPath.parse(f"data://.my/files/{name}"), pieces(data), content_type="image/png"
        )

    def blob_of(self, name: str) -> Path:
        file = self.run(self.files.stat(self.admin, DataPath.parse(f"data://.my/files/{name}")))
        blob = str(file.blob)
        return self.folder / blob[:2] / blob

    def request(self, name: str, *headers: str, method: str = "GET") -> bytes:
        lines = [f"{method} {self.prefix}/{name} HTTP/1.1", "Host: trivet", f"Authorization: Bearer {self.admin_token}"]
        return "\r\n".join([*lines, *headers, "", ""]).encode()

    def open_files(self) -> int:
        """How many blobs are open."""
        count = 0
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                count += str(self.folder) in str(link.readlink())
        return count


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.005)


@pytest.fixture
def threads() -> Iterator[Senders]:
    with contextlib.closing(Senders(2)) as made:
        yield made


@pytest.fixture(autouse=True)
def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "MemoryBlobs", lambda: DiskBlobs(tmp_path))
    monkeypatch.setattr(fakes, "MAX_FILE", 2 * SIZE)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes the kernel has sent, call by call."""
    found: list[int] = []
    real = os.sendfile

    def counted(out: int, into: int, offset: int, count: int) -> int:
        found.append(real(out, into, offset, count))
        return found[-1]

    monkeypatch.setattr(os, "sendfile", counted)
    return found


def ask(world: Shelf, threads: Senders | None, *requests: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers to requests on one connection, one after the other."""
    found: list[tuple[int, dict[str, str], bytes]] = []

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        for request in requests:
            writer.write(request)
            if request.startswith(b"HEAD"):
                found.append((*await head_of(reader), b""))
            else:
                found.append(await answer_of(reader))

    over_http(world, scenario, threads=threads)
    for _, headers, _ in found:
        headers.pop("date")
    return found


@pytest.mark.parametrize("dialect", ["native", "algorithmia"])
def test_what_the_kernel_sends_is_what_goes_piece_by_piece(
    dialect: str, tmp_path: Path, threads: Senders, sent: list[int]
) -> None:
    world = Shelf(tmp_path, dialect)
    asked = [
        world.request("large"),
        world.request("large", "Range: bytes=1000-20000000"),
        world.request("large", "Range: bytes=-5"),
        world.request("large", "Range: bytes=99999999999999999999-"),
        world.request("large", "Range: bytes=5-", method="HEAD"),
        world.request("small"),
        world.request("small", "Range: bytes=2-3"),
        world.request("small", 'If-None-Match: "781e5e245d69b566979b86e28d23f2c7"'),
        world.request("small", 'If-Match: "abc"'),
        world.request("empty"),
        world.request("empty", "Range: bytes=0-"),
        world.request("nothing"),
    ]
    by_hand = ask(world, None, *asked)
    assert not sent
    by_kernel = ask(world, threads, *asked)
    assert by_kernel == by_hand
    assert sum(sent) > SIZE
    assert [status for status, _, _ in by_kernel] == [200, 206, 206, 416, 200, 200, 206, 304, 412, 200, 416, 404]
    bodies = [body for _, _, body in by_kernel]
    assert bodies[:3] == [LARGE, LARGE[1000:20_000_001], LARGE[-5:]]
    assert bodies[4:7] == [b"", SMALL, b"23"]
    assert bodies[9] == b""
    assert world.open_files() == 0


def test_nobody_gets_more_by_the_kernel_than_by_hand(tmp_path: Path, threads: Senders) -> None:
    world = Shelf(tmp_path)
    good = f"Authorization: Bearer {world.admin_token}".encode()
    strange = world.request("small").replace(good, b"Authorization: Bearer nobody")
    for way in (None, threads):
        assert ask(world, way, strange)[0][0] == 401


def test_requests_that_come_while_a_file_leaves_wait_for_their_turn(tmp_path: Path, threads: Senders) -> None:
    world = Shelf(tmp_path)

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(world.request("large"))
        assert (await head_of(reader))[0] == 200
        writer.write(world.request("small") + world.request("large", "Range: bytes=1-"))
        assert await reader.readexactly(SIZE) == LARGE
        assert (await answer_of(reader))[2] == SMALL
        assert (await head_of(reader))[0] == 206
        writer.write(b"nonsense\r\n\r\n")
        assert await reader.readexactly(SIZE - 1) == LARGE[1:]
        assert (await answer_of(reader))[0] == 400
        assert await reader.read() == b""

    over_http(world, scenario, threads=threads)


def test_a_slow_reader_holds_up_nobody_and_gets_it_all(tmp_path: Path) -> None:
    world = Shelf(tmp_path)

    async def scenario(connect: Connect) -> None:
        slow = [await connect() for _ in range(3)]
        for reader, writer in slow:
            writer.write(world.request("large"))
            assert (await head_of(reader))[0] == 200
        # there is one thread, and more readers who do not read than that
        reader, writer = await connect()
        writer.write(world.request("large"))
        assert (await answer_of(reader))[2] == LARGE
        for each, _ in slow:
            for at in range(0, SIZE, 1 << 20):
                assert await each.readexactly(1 << 20) == LARGE[at : at + (1 << 20)]

    with contextlib.closing(Senders(1)) as one:
        over_http(world, scenario, threads=one)


def test_a_file_that_is_replaced_or_deleted_while_it_leaves_leaves_whole(tmp_path: Path, threads: Senders) -> None:
    world = Shelf(tmp_path)

    async def scenario(connect: Connect) -> None:
        for remove in (False, True):
            reader, writer = await connect()
            writer.write(world.request("large"))
            assert (await head_of(reader))[0] == 200
            path = DataPath.parse("data://.my/files/large")
            blob = (await world.files.stat(world.admin, path)).blob
            if remove:
                await world.files.delete(world.admin, path)
            else:
                await world.write("large", LARGE[::-1])
            await world.blobs.delete(blob)
            assert await reader.readexactly(SIZE) == (LARGE[::-1] if remove else LARGE)

    over_http(world, scenario, threads=threads)
    assert world.open_files() == 0


def test_a_reader_who_leaves_costs_nothing(tmp_path: Path, threads: Senders, caplog: pytest.LogCaptureFixture) -> None:
    world = Shelf(tmp_path)

    async def scenario(connect: Connect) -> None:
        for _ in range(5):  # before anything is sent
            _, writer = await connect()
            writer.write(world.request("large"))
            await writer.drain()
            writer.transport.abort()
        for count in (1, 2):
            reader, writer = await connect()
            writer.write(world.request("large") * count)
            assert (await head_of(reader))[0] == 200
            assert world.open_files() == 1
            writer.transport.abort()
            await until(lambda: world.open_files() == 0)
        reader, writer = await connect()
        writer.write(world.request("small"))
        assert (await answer_of(reader))[2] == SMALL
        await until(lambda: world.open_files() == 0)

    over_http(world, scenario, threads=threads)
    assert not caplog.records


def test_a_server_that_stops_lets_go_of_the_files_that_leave(
    tmp_path: Path, threads: Senders, caplog: pytest.LogCaptureFixture
) -> None:
    world = Shelf(tmp_path)

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(world.request("large"))
        assert (await head_of(reader))[0] == 200
        serving = [task for task in asyncio.all_tasks() if "run_asgi" in repr(task.get_coro())]
        for task in serving:
            task.cancel()
        await asyncio.wait(serving)
        assert world.open_files() == 0
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < SIZE

    over_http(world, scenario, threads=threads)
    assert not caplog.records


def test_a_kernel_that_can_not_send_this_file_is_no_hindrance(
    tmp_path: Path, threads: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Shelf(tmp_path)

    def can_not(*_: int) -> int:
        raise OSError(errno.EINVAL, "not from here")

    monkeypatch.setattr(os, "sendfile", can_not)
    found = ask(world, threads, world.request("large"), world.request("small", "Range: bytes=3-4"))
    assert [body for _, _, body in found] == [LARGE, b"34"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_file_that_has_lost_its_end_ends_short(
    by_hand: bool, tmp_path: Path, threads: Senders, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    world = Shelf(tmp_path)
    os.truncate(world.blob_of("large"), SIZE - 7)
    if by_hand:
        monkeypatch.setattr(sendfile, "_CAN_NOT", frozenset({errno.EAGAIN, errno.EINVAL}))
        monkeypatch.setattr(os, "sendfile", refuse)

    async def scenario(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(world.request("large"))
        status, headers = await head_of(reader)
        assert (status, headers["content-length"]) == (200, str(SIZE))
        assert await reader.read() == LARGE[:-7]

    over_http(world, scenario, threads=threads)
    assert "could not be read to its end" in caplog.text
    assert world.open_files() == 0


def refuse(*_: int) -> int:
    raise OSError(errno.EINVAL, "not from here")


def test_what_has_to_be_encrypted_does_not_go_past_the_encryption() -> None:
    near, far = socket.socketpair()

    class Wire(asyncio.BaseTransport):
        def __init__(self, **extra: object) -> None:
            super().__init__(extra)

    with near, far:
        assert descriptor_of(Wire(socket=near)) == near.fileno()
        context = ssl.create_default_context()
        assert descriptor_of(Wire(socket=near, sslcontext=context)) is None
        assert descriptor_of(Wire()) is None
