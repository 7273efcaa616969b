"""Files on disk, of a platform that is killed in the middle of its work: each is the old one or the new one, and whole."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trivet.platform.core.accounts import DEFAULT_SCOPES, Account, Principal
from trivet.platform.core.data_paths import DataPath
from trivet.platform.services.files import Files
from trivet.platform.services.upkeep import Upkeep
from trivet.platform.stores.blobs_disk import DiskBlobs
from trivet.platform.stores.sqlite import SqliteStore

BOND = Principal("acc_bond", "bond", "key", DEFAULT_SCOPES)
ROUNDS = 8
WRITERS = 4
READY = "ready"

WRITES_UNTIL_IT_IS_KILLED = """
import asyncio, random, sys
from pathlib import Path
from tests.contract.test_files_survive import BOND, READY, WRITERS, content, opened
from trivet.platform.core.data_paths import DataPath

async def write(files, writer, number):
    path = DataPath.parse(f".my/c/{writer}")
    while True:
        number += 1
        if random.random() < 0.1 and number > 2:
            await files.delete(BOND, path)
            print(writer, number, "deleted", flush=True)
            number += 1
        await files.write(BOND, path, content(number), content_type=None)
        print(writer, number, "written", flush=True)

async def main():
    async with opened(Path(sys.argv[1])) as (files, _):
        print(READY, flush=True)
        await asyncio.gather(*(write(files, writer, int(sys.argv[2])) for writer in range(WRITERS)))

asyncio.run(main())
"""


def size_of(number: int) -> int:
    """From nothing to some megabytes."""
    return 0 if number % 7 == 0 else (number * 7919) % 3_000_000


async def content(number: int) -> AsyncIterator[bytes]:
    """The content of that number: every eight bytes of it tell which it is."""
    left = size_of(number) // 8
    while left:
        some = min(left, 8192)
        yield number.to_bytes(8) * some
        left -= some
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Files, SqliteStore]]:
    """Files on disk, as a platform that is started has them."""
    store = await SqliteStore.open(folder / "trivet.db")
    blobs = DiskBlobs(folder / "blobs")
    await Upkeep(store=store, blobs=blobs, clock=time.time, sleep=asyncio.sleep).forget_lost_blobs()
    files = Files(
        store=store, blobs=blobs, clock=time.time, entropy=random.randbytes, is_open=lambda _: False, max_file=2**40
    )
    try:
        yield files, store
    finally:
        await store.close()


async def settle(folder: Path) -> None:
    async with opened(folder) as (files, store):
        await store.write(lambda tx: tx.accounts.add(Account("acc_bond", "bond", 0.0)))
        await files.create(BOND, DataPath.parse(".my/c"))


async def look(folder: Path) -> dict[str, int]:
    """Which content each file has; fails where one is not whole, or a blob lies about that is no file's."""
    found: dict[str, int] = {}
    async with opened(folder) as (files, _):
        for file in (await files.list(BOND, DataPath.parse(".my/c"))).files:
            data = b"".join([piece async for piece in files.read(file)])
            assert len(data) == file.size
            if data:
                number = int.from_bytes(data[:8])
                assert data == number.to_bytes(8) * (size_of(number) // 8), f"{file.name} is a mixture"
                found[file.name] = number
            else:
                found[file.name] = -1
        kept = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
        assert len(kept) == len(found)
    return found


def test_every_file_is_old_or_new_and_whole_whenever_the_platform_is_killed(tmp_path: Path) -> None:
    asyncio.run(settle(tmp_path))
    chance = random.Random(7)
    acknowledged = 0
    for round_number in range(ROUNDS):
        base = 1000 * (round_number + 1)
        command = [sys.executable, "-c", WRITES_UNTIL_IT_IS_KILLED, str(tmp_path), str(base)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY
            time.sleep(chance.uniform(0.02, 0.4))
            process.kill()
            told = [line.split() for line in process.stdout.read().splitlines() if len(line.split()) == 3]
        last = {writer: (int(number), what) for writer, number, what in told}
        acknowledged += len(told)
        found = asyncio.run(look(tmp_path))
        for writer, (number, what) in last.items():
            now = found.get(writer)
            if now == -1:
                continue  # an empty file does not tell its number
            if what == "written":  # or deleted since, or replaced
                assert now is None or number <= now <= number + 2, (writer, number, now)
            else:
                assert now is None or now == number + 1, (writer, number, now)
    assert acknowledged > ROUNDS
