"""Writers of hosted data: each puts version after version of a file of its own, reads it, and writes down what it is told."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from tests.faults.journal import FileKept, FileSeen, FileSent, Journal, Odd, now
from tests.faults.line import Line
from tests.faults.mouth import Silence

COLLECTION = "faults"
ROOTS = ("/api/v1/files/.my", "/algorithmia/v1/data/.my")
"""Below which paths the dialects that know hosted data have it. One that joins adds its own here."""
_SIZES = (0, 1000, 100_000, 3 * 1024 * 1024)
"""Bytes of a version beyond its first line: less than a piece on its way to the disk, and several."""
_DONE, _MISSING = (200, 201), 404
_TRY_LATER = frozenset({503, 507})


def content_of(uri: str, version: int) -> bytes:
    """What a version of a file holds: its name in the first line, and behind it what only this version has."""
    chance = random.Random(f"{uri} {version}")
    return b"%d\n" % version + chance.randbytes(chance.choice(_SIZES))


class Writer:
    """Puts the versions of one file, and reads them.

    Args:
        url: where the platform listens.
        key: the API key of whoever writes.
        journal: where it writes what it is told.
        uri: of the file, as a path of the API that it goes through.
    """

    def __init__(self, url: str, key: str, journal: Journal, uri: str) -> None:
        self._line = Line(url, key)
        self._journal = journal
        self._uri = uri
        self._version = 0

    @property
    def sent(self) -> int:
        """How many versions were sent up to now."""
        return self._version

    def put(self) -> None:
        """Puts the next version. Where no answer says that it is kept, it may come to be, even later."""
        self._version += 1
        self._journal.write(FileSent(self._uri, self._version, now()))
        headers = {"Content-Type": "application/octet-stream"}
        status, _, said = self._line.ask("PUT", self._uri, content_of(self._uri, self._version), headers)
        if status in _DONE:
            self._journal.write(FileKept(self._uri, self._version, now()))
        elif status not in _TRY_LATER:
            self._odd("put", status, said)

    def look(self) -> None:
        """Reads the file, and tells which of its versions it is."""
        asked = now()
        status, _, said = self._line.ask("GET", self._uri)
        if status == _MISSING:
            self._journal.write(FileSeen(self._uri, 0, asked, now()))
        elif status in _DONE:
            first = said.partition(b"\n")[0]
            version = int(first) if first.isdigit() else 0
            is_whole = said == content_of(self._uri, version)
            self._journal.write(FileSeen(self._uri, version if is_whole else None, asked, now()))
        elif status not in _TRY_LATER:
            self._odd("read", status, said)

    def close(self) -> None:
        self._line.close()

    def _odd(self, act: str, status: int, said: bytes) -> None:
        self._journal.write(Odd(f"{act} {self._uri}: {status} {said[:200]!r}", now()))


class Writers:
    """One writer for each way to hosted data, on a thread of its own.

    Args:
        url: where the platform listens.
        key: the API key of whoever writes.
        journal: where they write.
        seed: of all chance.
        name: of the round, part of the names of the files.
        pause: seconds between two acts of a writer, on average.
    """

    def __init__(self, url: str, key: str, journal: Journal, *, seed: int, name: str, pause: float = 0.15) -> None:
        self._pause = pause
        self._stopped = threading.Event()
        self._writers: Sequence[Writer] = [
            Writer(url, key, journal, f"{root}/{COLLECTION}/{name}-{n}") for n, root in enumerate(ROOTS)
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(writer, random.Random(f"{seed} {name} {n}")), daemon=True)
            for n, writer in enumerate(self._writers)
        ]
        self.broken: list[BaseException] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 60.0) -> None:
        """Lets every writer finish what it is at."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(patience)
            if thread.is_alive():
                self.broken.append(TimeoutError(f"a writer still waits for an answer after {patience:g} s"))

    @property
    def sent(self) -> int:
        """How many versions were sent up to now."""
        return sum(writer.sent for writer in self._writers)

    def look(self) -> None:
        """Has every file read once more."""
        for writer in self._writers:
            writer.look()
            writer.close()

    def _run(self, writer: Writer, chance: random.Random) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    writer.put() if chance.random() < 0.6 else writer.look()
                except Silence:
                    pass  # what was sent is in the journal already
                self._stopped.wait(chance.expovariate(1 / self._pause))
        except Exception as error:  # noqa: BLE001 - a writer that breaks must not pass for a quiet one
            self.broken.append(error)
        finally:
            writer.close()
