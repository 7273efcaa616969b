"""A large file, up and down: hosted data beside nginx, and what it costs the server of memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, at_least, below
from benchmarks.load import LoadError, Target
from benchmarks.ours import Ours
from benchmarks.peers.nginx import NAME, RunningNginx
from benchmarks.processes import StartError
from benchmarks.transfers import checksum, digest_of, download, upload
from benchmarks.venvs import NotInstalledError

DOWN = Metric("down", "down, MiB/s", rising=True)
UP = Metric("up", "up, MiB/s", rising=True)
CHECKED = Metric("up_checked", "up with checksum, MiB/s", rising=True)
GROWTH = Metric("growth", "server's memory grows by, MiB", 1)
_MEBIBYTE = 1 << 20
_COLLECTION = "data://.my/bench"


@dataclass(frozen=True, slots=True)
class _Contestant:
    """Who keeps a file. ``check`` makes the checksum of what was put; None: it was made under way."""

    entry: Entry
    file: Target
    check: Callable[[], str] | None = None


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns: the file is put, over the one of the round before, and fetched."""
    outcome = Outcome("files", f"A file of {bench.size:,} MiB, up and down, one caller", (DOWN, UP, CHECKED, GROWTH))
    outcome.bars = (DOWN, CHECKED)
    with ExitStack() as stack:
        ours = stack.enter_context(Ours(bench.fresh("t")))
        mine, algorithmia = outcome.entry("Trivet, hosted data", "ours"), outcome.entry("Trivet, Algorithmia's", "ours")
        everybody = [
            _Contestant(mine, ours.file("native")),
            _Contestant(algorithmia, ours.file("algorithmia", dialect="algorithmia")),
        ]
        if NAME in bench.peers:
            try:
                nginx = stack.enter_context(RunningNginx(bench.fresh("n")))
            except (NotInstalledError, StartError, OSError) as error:
                outcome.missing.append((NAME, str(error)))
            else:
                kept = nginx.files / "file"
                peer = outcome.entry(nginx.title, "peer")
                everybody.append(_Contestant(peer, nginx.file(kept.name), lambda: checksum(kept)))
        bench.tell(f"files: making a file of {bench.size:,} MiB")
        file, digest = _make(bench.fresh("file"), bench.size)
        ours.client.files.create(_COLLECTION)
        _warm_up(bench, everybody)
        before = _most_memory(ours)
        for number in range(bench.rounds):
            bench.tell(f"files: round {number + 1} of {bench.rounds}")
            for contestant in everybody:
                _turn(contestant, file, digest, bench.size)
        if before is not None and (after := _most_memory(ours)) is not None:
            mine.add(GROWTH, (after - before) / _MEBIBYTE)
        for contestant in everybody:
            if digest_of(contestant.file, file.stat().st_size) != digest:
                raise LoadError(f"{contestant.entry.title}: what came down is not what went up")
    _conclude(outcome, mine, algorithmia)
    return outcome


def _turn(contestant: _Contestant, file: Path, digest: str, size: int) -> None:
    os.sync()  # what the turn before has left to be written is not for this one
    took = upload(contestant.file, file)
    contestant.entry.add(UP, size / took)
    if contestant.check is not None:
        began = time.perf_counter()
        if contestant.check() != digest:
            raise LoadError(f"{contestant.entry.title}: what lies there is not what went up")
        took += time.perf_counter() - began
    contestant.entry.add(CHECKED, size / took)
    contestant.entry.add(DOWN, size / download(contestant.file, file.stat().st_size))


def _make(file: Path, size: int) -> tuple[Path, str]:
    """A file of chance, so that no disk can make less of it, and its checksum."""
    with file.open("wb") as content:
        for _ in range(size):
            content.write(os.urandom(_MEBIBYTE))
    return file, checksum(file)


def _warm_up(bench: Bench, everybody: list[_Contestant]) -> None:
    """What is made at first use has been made."""
    small, _ = _make(bench.fresh("small"), 4)
    for contestant in everybody:
        upload(contestant.file, small)
        download(contestant.file, small.stat().st_size)


def _most_memory(ours: Ours) -> int | None:
    """The most bytes that the server's process has ever held; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{ours.process.pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def _conclude(outcome: Outcome, mine: Entry, algorithmia: Entry) -> None:
    for peer in outcome.peers:
        outcome.goals.append(at_least("a large file down, MiB/s", mine, peer, DOWN, 0.8))
        outcome.goals.append(at_least("a large file up with checksum, MiB/s", mine, peer, CHECKED, 1.3))
    outcome.goals.append(at_least("the same in Algorithmia's dialect, down", algorithmia, mine, DOWN, 0.9))
    outcome.goals.append(at_least("the same in Algorithmia's dialect, up", algorithmia, mine, CHECKED, 0.9))
    if mine.has(GROWTH):
        outcome.goals.append(below("the server's memory grows by, MiB", mine.median(GROWTH), GROWTH, 16.0))
    outcome.notes.append(
        "Ours makes MD5 and SHA-256 of a file under way, and syncs it to the disk before it answers. nginx does neither: "
        "its checksum is an MD5 of the file behind the PUT."
    )
