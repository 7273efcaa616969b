"""Blobs: whole or not there, in every blob store; and what holds on disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from trivet.platform.core.errors import CoreError, NotFound, StorageFull, TooLarge, Unavailable
from trivet.platform.ports.blobs import BlobStore
from trivet.platform.stores.blobs_disk import PIECE, STALE_AFTER, DiskBlobs

Run = Callable[[Coroutine[Any, Any, Any]], Any]
LONG = 10.0
"""Seconds; a test that takes so long has failed."""
ESCAPES = ["../../etc/passwd", "/etc/passwd", "", ".", "a" * 31, "A" * 32, "g" * 32, f"{'a' * 32}\n", f"{'a' * 30}/b"]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def collect(stream: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in stream]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_blobs_that_nobody_knows_of_are_forgotten_and_the_others_stay(blobs: BlobStore, run: Run) -> None:
    kept, lost = run(blobs.put(b"kept")), run(blobs.put(b"lost"))
    assert run(blobs.forget_others({kept, "another"})) == 1
    assert run(blobs.get(kept)) == b"kept"
    with pytest.raises(NotFound):
        run(blobs.get(lost))
    assert run(blobs.forget_others({kept})) == 0


@pytest.mark.parametrize("data", [b"", b"\x00\xff", os.urandom(3 * PIECE + 17)])
def test_a_blob_comes_back_as_it_was_put(blobs: BlobStore, run: Run, data: bytes) -> None:
    name = run(blobs.put(data))
    assert run(blobs.get(name)) == data
    assert b"".join(run(collect(blobs.stream(name)))) == data


def test_each_blob_has_a_name_of_its_own(blobs: BlobStore, run: Run) -> None:
    assert len({run(blobs.put(b"the same")) for _ in range(20)}) == 20


def test_a_blob_is_streamed_in_pieces_of_the_size_asked_for(blobs: BlobStore, run: Run) -> None:
    name = run(blobs.put(b"0123456789"))
    assert run(collect(blobs.stream(name, chunk=4))) == [b"0123", b"4567", b"89"]


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, None), (3, None), (0, 3), (3, 7), (4, 5), (9, 10), (9, 99), (10, None), (5, 5), (7, 3), (99, 120)],
)
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_a_part_of_a_blob_is_streamed(blobs: BlobStore, run: Run, start: int, end: int | None, chunk: int) -> None:
    name = run(blobs.put(b"0123456789"))
    found = run(collect(blobs.stream(name, start, end, chunk=chunk)))
    assert b"".join(found) == b"0123456789"[start:end]
    assert all(0 < len(piece) <= chunk for piece in found)


def test_a_blob_that_is_deleted_while_somebody_reads_it_is_read_to_its_end(blobs: BlobStore, run: Run) -> None:
    data = os.urandom(PIECE + 7)

    async def scene() -> bytes:
        name = await blobs.put(data)
        stream = blobs.stream(name, chunk=PIECE // 4)
        begun = await anext(stream)
        await blobs.delete(name)
        with pytest.raises(NotFound):
            await blobs.get(name)
        return begun + b"".join([piece async for piece in stream])

    assert run(scene()) == data


@pytest.mark.parametrize("chunks", [[], [b"", b"ab", b"c"], [b"x" * 700_000] * 5, [b"y" * (2 * PIECE + 1)]])
def test_a_stream_is_stored_measured_and_hashed(blobs: BlobStore, run: Run, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    stored = run(blobs.put_stream(pieces(*chunks), limit=len(whole)))
    sha256, md5 = hashlib.sha256(whole).hexdigest(), hashlib.md5(whole, usedforsecurity=False).hexdigest()
    assert (stored.size, stored.sha256, stored.md5) == (len(whole), sha256, md5)
    assert run(blobs.get(stored.name)) == whole


def test_a_deleted_blob_is_gone_and_deleting_it_again_is_no_fault(blobs: BlobStore, run: Run) -> None:
    name, other = run(blobs.put(b"one")), run(blobs.put(b"other"))
    run(blobs.delete(name))
    run(blobs.delete(name))
    with pytest.raises(NotFound):
        run(blobs.get(name))
    with pytest.raises(NotFound):
        run(collect(blobs.stream(name)))
    assert run(blobs.get(other)) == b"other"


@pytest.mark.parametrize("name", [*ESCAPES, "a" * 32])
def test_a_name_that_the_store_has_not_made_is_not_found(blobs: BlobStore, run: Run, name: str) -> None:
    with pytest.raises(NotFound):
        run(blobs.get(name))
    with pytest.raises(NotFound):
        run(collect(blobs.stream(name)))
    run(blobs.delete(name))


def test_no_name_leads_out_of_the_folder(tmp_path: Path, run: Run) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not yours")
    blobs = DiskBlobs(tmp_path / "blobs")
    for name in ("../outside", "aa/../../outside", str(outside)):
        run(blobs.delete(name))
        with pytest.raises(NotFound):
            run(blobs.get(name))
    assert outside.read_bytes() == b"not yours"


def test_a_stream_over_the_limit_leaves_nothing(tmp_path: Path, run: Run) -> None:
    blobs = DiskBlobs(tmp_path)
    with pytest.raises(TooLarge) as caught:
        run(blobs.put_stream(pieces(*[b"x" * PIECE] * 3), limit=2 * PIECE))
    assert caught.value.limit == 2 * PIECE
    assert files(tmp_path) == []


def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path, run: Run) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * PIECE)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        run(DiskBlobs(tmp_path).put_stream(broken(), limit=10 * PIECE))
    assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_caller_who_is_cancelled_while_a_thread_works_for_it_leaves_nothing(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    blobs = DiskBlobs(tmp_path)
    entered, go_on = threading.Event(), threading.Event()
    real = getattr(os, step)

    def slow(descriptor: int, *rest: Any) -> Any:
        entered.set()
        go_on.wait(20)
        return real(descriptor, *rest)

    async def cancel_in_the_middle() -> None:
        monkeypatch.setattr(os, step, slow)
        storing = asyncio.ensure_future(blobs.put_stream(pieces(b"x" * PIECE), limit=PIECE))
        await asyncio.to_thread(entered.wait, 20)
        storing.cancel()
        threading.Timer(0.05, go_on.set).start()
        with pytest.raises(asyncio.CancelledError):
            await storing

    run(cancel_in_the_middle())
    assert files(tmp_path) == []


def test_a_blob_is_whole_before_it_has_its_name(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = DiskBlobs(tmp_path)
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        steps.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        real_fsync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    run(blobs.put(b"data"))
    assert steps == ["sync folder", "sync file", "rename", "sync folder"]


def test_only_its_owner_may_read_a_blob(tmp_path: Path, run: Run) -> None:
    run(DiskBlobs(tmp_path / "blobs").put(b"data"))
    (path,) = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_what_was_left_unfinished_long_ago_is_removed_at_the_start(tmp_path: Path) -> None:
    DiskBlobs(tmp_path)
    old, fresh = tmp_path / "unfinished" / "old", tmp_path / "unfinished" / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    long_ago = time.time() - STALE_AFTER - 60
    os.utime(old, (long_ago, long_ago))
    DiskBlobs(tmp_path)
    assert files(tmp_path) == [fresh]


def test_a_folder_that_can_not_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="can't use its folder"):
        DiskBlobs(tmp_path / "file" / "blobs")


def test_a_blob_that_can_not_be_read_is_told_in_a_sentence(tmp_path: Path, run: Run) -> None:
    blobs = DiskBlobs(tmp_path)
    name = run(blobs.put(b"data"))
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()
    for way in (
        lambda: run(blobs.get(name)),
        lambda: run(collect(blobs.stream(name))),
        lambda: run(blobs.delete(name)),
    ):
        with pytest.raises(CoreError) as caught:
            way()
        assert caught.value.code == "unavailable"


FILLS_ITS_DISK = """
import asyncio, sys
from pathlib import Path
from trivet.platform.core.errors import StorageFull
from trivet.platform.stores.blobs_disk import DiskBlobs

async def pieces():
    for _ in range(8):
        yield bytes(1 << 20)

async def main():
    blobs = DiskBlobs(Path(sys.argv[1]))
    for way in (lambda: blobs.put(bytes(4 << 20)), lambda: blobs.put_stream(pieces(), 1 << 30)):
        try:
            await way()
        except StorageFull as error:
            print(error.code, flush=True)
    print(await blobs.get(await blobs.put(b"small enough")), flush=True)

asyncio.run(main())
"""


def test_on_a_full_disk_nothing_is_left_and_what_fits_still_goes(tmp_path: Path) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run(
        [sys.executable, "-c", FILLS_ITS_DISK, str(tmp_path)],
        preexec_fn=small_files_only,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.split("\n") == ["storage_full", "storage_full", "b'small enough'", ""], done.stderr
    assert [path.read_bytes() for path in files(tmp_path)] == [b"small enough"]


def test_a_disk_that_is_full_in_the_middle_of_a_stream_is_told_and_nothing_is_kept(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.write, [3]

    def write(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        return real(descriptor, data)

    blobs = DiskBlobs(tmp_path)
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StorageFull):
        run(blobs.put_stream(pieces(*[b"x" * PIECE] * 9), limit=10 * PIECE))
    monkeypatch.undo()
    assert files(tmp_path) == []


def test_a_disk_that_reports_itself_full_is_told_as_such(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    blobs = DiskBlobs(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull) as caught:
        run(blobs.put(b"data"))
    assert "space" in caught.value.hint
    monkeypatch.undo()
    assert files(tmp_path) == []


def test_an_open_blob_is_a_file_that_lasts_until_it_is_closed(tmp_path: Path, run: Run) -> None:
    blobs = DiskBlobs(tmp_path)
    name = run(blobs.put(b"0123456789"))
    with run(blobs.open(name)) as file:
        run(blobs.delete(name))
        assert os.pread(file.fileno(), 100, 0) == b"0123456789"


@pytest.mark.parametrize("name", [*ESCAPES, "a" * 32])
def test_what_is_not_there_can_not_be_opened(blobs: BlobStore, run: Run, name: str) -> None:
    with pytest.raises(NotFound):
        run(blobs.open(name))


def test_a_caller_who_is_cancelled_while_a_blob_is_opened_leaves_nothing_open(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = DiskBlobs(tmp_path)
    name = run(blobs.put(b"x"))
    begun, go_on, files_opened = threading.Event(), threading.Event(), []
    really_open = Path.open

    def slow(path: Path, *args: Any) -> Any:
        begun.set()
        go_on.wait(LONG)
        files_opened.append(really_open(path, *args))
        return files_opened[-1]

    monkeypatch.setattr(Path, "open", slow)

    async def scene() -> None:
        opening = asyncio.ensure_future(blobs.open(name))
        await asyncio.to_thread(begun.wait, LONG)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        go_on.set()
        async with asyncio.timeout(LONG):
            while not (files_opened and files_opened[0].closed):
                await asyncio.sleep(0.001)

    run(scene())
