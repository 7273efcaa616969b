"""`make soak`: a mixed load for a long time, and whether memory, open files and the database stay as they were.

SOAK_MINUTES says for how long (30), SOAK_JSON where the samples go.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.faults.campaign import OWNER, every_mouth
from tests.faults.journal import Entry, Journal, Odd, Seen
from tests.faults.load import Load
from tests.faults.server import Server

INTERVAL = 10.0
"""Seconds between two samples."""
RETENTION = 30.0
"""Seconds that jobs are kept, so that forgetting them is part of the load."""
SETTLED = 0.5
"""The part of the run that is left out: caches fill, and the first jobs have to become old enough to be forgotten."""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """How a platform stood ``at`` seconds after the start. Sizes in bytes."""

    at: float
    server_memory: int
    worker_memory: float
    workers: int
    open_files: int
    threads: int
    database: int
    wal: int
    blobs: int
    answers: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How much a figure may grow over the part of the run that counts: so much, or such a share of what it was."""

    figure: str
    unit: str
    scale: float
    amount: float
    share: float = 0.05


BOUNDS = (
    Bound("server_memory", "MiB", MIB, 6 * MIB),
    Bound("worker_memory", "MiB", MIB, 2 * MIB),
    Bound("open_files", "", 1, 6),
    Bound("threads", "", 1, 3),
    Bound("database", "MiB", MIB, 4 * MIB),
    Bound("wal", "MiB", MIB, 8 * MIB),
    Bound("blobs", "", 1, 20),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one figure: its mean when it had settled, and by how much it grew from then on by a fitted line."""

    bound: Bound
    mean: float
    growth: float

    @property
    def holds(self) -> bool:
        return self.growth <= max(self.bound.amount, self.bound.share * self.mean)

    def __str__(self) -> str:
        bound = self.bound
        allowed = max(bound.amount, bound.share * self.mean) / bound.scale
        shown = (
            f"{bound.figure.replace('_', ' '):<16}{self.mean / bound.scale:>12.1f}{self.growth / bound.scale:>+12.2f}"
        )
        return f"{shown}{allowed:>12.1f} {bound.unit:<4}{'' if self.holds else '  GROWS'}"


class Counts(Journal):
    """A journal that only counts, as a long run would fill the memory of the one who takes its measure."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.odd: list[str] = []

    def write(self, entry: Entry) -> None:
        with self._lock:
            self.counts[type(entry).__name__] += 1
            if isinstance(entry, Odd) and len(self.odd) < 20:
                self.odd.append(entry.what)
            if isinstance(entry, Seen) and entry.sight.is_final:
                self.counts[entry.sight.status] += 1


def main() -> int:
    """Runs the soak; 0 where nothing grew."""
    minutes = float(os.environ.get("SOAK_MINUTES") or 30)
    folder = Path(tempfile.mkdtemp(prefix="trivet-soak-"))
    journal = Counts()
    print(
        f"SOAK_MINUTES={minutes:g}: a sample each {INTERVAL:g} s, jobs are kept for {RETENTION:g} s, everything in {folder}"
    )
    kept = f"{RETENTION:g}"
    server = Server(
        folder,
        as_shipped=True,
        TRIVET_JOB_RETENTION=kept,
        TRIVET_DEAD_LETTER_RETENTION=kept,
        TRIVET_RUNPOD_RETENTION=kept,
    )
    try:
        server.start()
        server.deploy()
        load = Load(
            every_mouth(server.url, server.key),
            journal,
            OWNER,
            server.ledger,
            seed=1,
            name="soak",
            callers=6,
            pause=0.1,
        )
        load.start()
        samples = _watch(server, journal, minutes * 60)
        load.stop()
        status = server.stop()
    finally:
        server.close()
    verdicts = judge(samples)
    target = Path(os.environ.get("SOAK_JSON") or folder / "soak.json")
    target.write_text(
        json.dumps({"minutes": minutes, "samples": [asdict(s) for s in samples], "counts": journal.counts})
    )
    broken = [*map(repr, load.broken), *journal.odd]
    _report(journal, verdicts, broken, target)
    return 0 if status == 0 and not broken and all(verdict.holds for verdict in verdicts) else 1


def _watch(server: Server, journal: Counts, seconds: float) -> list[Sample]:
    began = time.monotonic()
    samples: list[Sample] = []
    while (passed := time.monotonic() - began) < seconds:
        time.sleep(min(INTERVAL, seconds - passed))
        server.ledger.unlink(missing_ok=True)  # nobody audits it here
        samples.append(sample(server, journal, time.monotonic() - began))
        now = samples[-1]
        print(
            f"{now.at:7.0f} s  {now.answers:>8} answers  server {now.server_memory / MIB:6.1f} MiB, {now.open_files} files, "
            f"{now.threads} threads  {now.workers} workers of {now.worker_memory / MIB:.1f} MiB  "
            f"database {now.database / MIB:.1f} + {now.wal / MIB:.1f} MiB, {now.blobs} blobs",
            flush=True,
        )
    return samples


def sample(server: Server, journal: Counts, at: float) -> Sample:
    """How a platform stands now."""
    process = psutil.Process(server.pid)
    workers = []
    for child in process.children(recursive=True):
        try:
            workers.append(child.memory_info().rss)
        except psutil.NoSuchProcess:  # it has left meanwhile
            continue
    return Sample(
        at,
        process.memory_info().rss,
        statistics.mean(workers) if workers else 0.0,
        len(workers),
        process.num_fds(),
        process.num_threads(),
        server.database.stat().st_size,
        server.database.with_name("trivet.db-wal").stat().st_size,
        sum(1 for path in (server.data / "blobs").rglob("*") if path.is_file()),
        journal.counts["Seen"] + journal.counts["Acknowledged"],
    )


def judge(samples: Sequence[Sample]) -> list[Verdict]:
    """Fits a line to each figure over the part that counts; how much it rises there is the growth."""
    settled = samples[int(len(samples) * SETTLED) :]
    times = [one.at for one in settled]
    verdicts = []
    for bound in BOUNDS:
        figures = [float(getattr(one, bound.figure)) for one in settled]
        slope = statistics.linear_regression(times, figures).slope if len(settled) > 1 else 0.0
        verdicts.append(Verdict(bound, statistics.mean(figures), slope * (times[-1] - times[0])))
    return verdicts


def _report(journal: Counts, verdicts: Sequence[Verdict], broken: Sequence[str], target: Path) -> None:
    print(f"\n{'figure':<16}{'mean':>12}{'growth':>12}{'allowed':>12}      (over the second half)")
    for verdict in verdicts:
        print(verdict)
    print("\n" + ", ".join(f"{count} {name}" for name, count in sorted(journal.counts.items())))
    for what in broken:
        print(f"a caller got what nobody should get: {what}")
    print(f"samples: {target}")


if __name__ == "__main__":
    sys.exit(main())
