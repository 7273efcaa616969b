"""The server is killed at random moments while files are uploaded and replaced: each is the old or the new one, and whole."""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import trivet
from tests.conftest import RunningPlatform

WRITES = 200
WRITERS = 4
FILES = 5
"""Files of each writer: what is written at first is an upload, and a replacement from then on."""
LARGEST = 1 << 20
PIECE = 1 << 16
LONGEST_ROUND = 0.2
"""Seconds from a start of the server to its end, at most."""
FEWEST_KILLS = 4
ENOUGH = 14.0
"""Seconds after which no more is killed."""
COLLECTION = ".my/survivors"
MOUTHS = ("/algorithmia/v1/data", "/api/v1/files")


def content(name: str, number: int) -> bytes:
    """What a file is when it was written for the nth time: bytes like no others, mostly many pieces of them."""
    made = random.Random(f"{name} {number}")
    return made.randbytes(made.choice([0, 1, PIECE, made.randrange(LARGEST), LARGEST]))


@dataclass
class Kept:
    """What is known of one file from outside.

    Attributes:
        number: of the write that was last told to have succeeded, or was found in the file; 0 before any.
        tried: of the write whose answer is not known, if there is one.
        told: how many writes were told to have succeeded.
    """

    number: int = 0
    tried: int | None = None
    told: int = 0


@dataclass
class Journal:
    """What all writers have done. Each writes files of its own, one at a time."""

    files: dict[str, Kept] = field(
        default_factory=lambda: {f"{w}-{n}": Kept() for w in range(WRITERS) for n in range(FILES)}
    )
    cut: int = 0
    """Writes of which the server's death has left no answer."""

    @property
    def is_full(self) -> bool:
        return sum(kept.told for kept in self.files.values()) + self.cut >= WRITES


class Writer(threading.Thread):
    """Uploads and replaces its files until the server is gone or there have been writes enough."""

    def __init__(self, platform: RunningPlatform, journal: Journal, me: int, order: random.Random) -> None:
        super().__init__()
        self._platform = platform
        self._journal = journal
        self._names = [name for name in journal.files if name.startswith(f"{me}-")]
        self._order = order
        self.refused: list[str] = []

    def run(self) -> None:
        parts = urlsplit(self._platform.url)
        while not self._journal.is_full:
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
            try:
                while not self._journal.is_full and not self.refused:
                    self._write(connection)
            except (http.client.HTTPException, OSError):
                return  # it was killed
            finally:
                connection.close()

    def _write(self, connection: http.client.HTTPConnection) -> None:
        name = self._order.choice(self._names)
        kept = self._journal.files[name]
        kept.tried = kept.number + 1
        body = content(name, kept.tried)
        headers = {"Authorization": f"Bearer {self._platform.key}", "Content-Type": "application/octet-stream"}
        headers |= self._order.choice([{"Content-Length": str(len(body))}, {"Transfer-Encoding": "chunked"}])
        path = f"{self._order.choice(MOUTHS)}/{COLLECTION}/{name}"
        connection.request("PUT", path, pieces(body), headers, encode_chunked="Transfer-Encoding" in headers)
        with connection.getresponse() as answer:
            said = answer.read()
        if answer.status not in (200, 201):
            self.refused.append(f"{answer.status} {said!r}")
            return
        kept.number, kept.tried, kept.told = kept.tried, None, kept.told + 1


def pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + PIECE] for start in range(0, len(body), PIECE))


def check(platform: RunningPlatform, journal: Journal) -> None:
    """Finds each file old or new, whole, and of the size and checksum that are told of it."""
    with trivet.Client(platform.url, platform.key) as client:
        told = {entry.name: entry for entry in client.files.list(f"data://{COLLECTION}")}
        assert told.keys() <= journal.files.keys()
        for name, kept in journal.files.items():
            if name not in told:
                assert kept.number == 0, f"{name} is gone, which was written {kept.number} times"
                kept.tried = None
                continue
            found = client.files.read(f"data://{COLLECTION}/{name}")
            assert (told[name].size, told[name].md5) == (
                len(found),
                hashlib.md5(found, usedforsecurity=False).hexdigest(),
            )
            could_be = [number for number in (kept.number, kept.tried) if number]
            is_now = [number for number in could_be if content(name, number) == found]
            assert is_now, f"{name} is neither of {could_be}: {len(found)} bytes"
            kept.number, kept.tried = is_now[-1], None


def test_a_file_is_old_or_new_and_whole_whenever_the_server_is_killed(own_platform: RunningPlatform) -> None:
    moments, journal, kills = random.Random(5), Journal(), 0
    with trivet.Client(own_platform.url, own_platform.key) as client:
        client.files.create(f"data://{COLLECTION}")
    until = time.monotonic() + ENOUGH
    while not journal.is_full:
        writers = [Writer(own_platform, journal, me, random.Random(f"{me} {kills}")) for me in range(WRITERS)]
        for writer in writers:
            writer.start()
        killed = time.monotonic() < until or kills < FEWEST_KILLS  # a slow machine has its time
        if killed:
            time.sleep(moments.uniform(0.0, LONGEST_ROUND))  # no moment is better than another
            own_platform.kill()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()
            assert not writer.refused
        journal.cut += sum(kept.tried is not None for kept in journal.files.values())
        if killed:
            kills += 1
            own_platform.start()
        check(own_platform, journal)
    assert kills >= FEWEST_KILLS
    assert journal.cut >= kills, "hardly a write was under way when the server was killed"
    own_platform.kill()
    own_platform.start()
    check(own_platform, journal)
    kept = sum(kept.number > 0 for kept in journal.files.values())
    blobs = [path for path in (own_platform.data / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == kept, "what the dead server left of uploads must be gone"
