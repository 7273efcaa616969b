"""Two hundred uploads and replaces, and the server is struck dead again and again amid them."""

from __future__ import annotations

import random
import time
from pathlib import Path

import trivet
from tests.faults.auditor import Auditor
from tests.faults.files import COLLECTION, Writers
from tests.faults.injections import Ground, KillServer
from tests.faults.journal import FileKept, FileSeen, Journal
from tests.faults.leaks import find_leaks
from tests.faults.records import read_disk
from tests.faults.server import Server

SEED = 21
PUTS = 200
KILLS = 6


def test_every_file_is_old_or_new_and_whole_though_the_server_is_killed_amid_uploads(tmp_path: Path) -> None:
    server, journal = Server(tmp_path), Journal()
    try:
        server.start()
        with trivet.Client(server.url, server.key) as client:
            client.files.create(f"data://.my/{COLLECTION}")
        writers = Writers(server.url, server.key, journal, seed=SEED, name="killed", pause=0.01)
        ground, kills, until = Ground(server, journal, random.Random(SEED)), 0, time.monotonic() + 60
        writers.start()
        while (writers.sent < PUTS or kills < KILLS) and time.monotonic() < until:
            ground.pause(0.1, 2.0)
            kills += KillServer().inject(ground)
        writers.stop()
        writers.look()
        server.stop()
        disk = read_disk(server.data)
        leaks = find_leaks(server, disk)
    finally:
        server.close()
    assert not writers.broken
    assert writers.sent >= PUTS
    assert kills >= KILLS
    entries = journal.entries()
    assert not Auditor(entries, {}, disk).audit()
    assert not leaks
    kept, seen = ([entry for entry in entries if isinstance(entry, kind)] for kind in (FileKept, FileSeen))
    assert len(kept) > PUTS / 2  # most of them were kept, and their files read
    assert len(seen) > PUTS / 10
