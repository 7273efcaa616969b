"""A long queue: what submit, take and status cost with 100 jobs waiting and with 100,000.

Two platforms side by side, one with each, in turns. Their workers are kept busy by a first job that waits for a file.
"""

from __future__ import annotations

import json
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, at_most
from benchmarks.load import LoadError, call, fetch, press
from benchmarks.ours import Ours

FEW = 100
SUBMIT = Metric("submit", "submit, p50 ms", 3)
STATUS = Metric("status", "status, p50 ms", 3)
TAKE = Metric("take", "take and run, ms a job", 3)
_TAKEN = 2000
"""How many jobs of the long queue are let through."""
_START = 20
_PATIENCE = 60.0
SOURCE = """
import os, time, trivet

@trivet.endpoint(workers=(1, 1), concurrency=1, timeout=3600)
def work(value):
    while isinstance(value, str) and not os.path.exists(value):
        time.sleep(0.02)
"""


class _Queue:
    """A platform with so many jobs waiting."""

    def __init__(self, ours: Ours, entry: Entry, length: int) -> None:
        self.ours = ours
        self.entry = entry
        self.length = length
        self.gate = Path()
        self.waiting = ""
        """The id of a job that waits."""

    def fill(self) -> None:
        """Shuts the gate and queues jobs behind it."""
        self.gate = self.ours.folder / f"gate{time.monotonic_ns()}"
        fetch(self.ours.call("work", json.dumps(str(self.gate)).encode(), "submit"))
        press(self.ours.call("work", b"1", "submit"), min(64, self.length), count=self.length)
        self.waiting = json.loads(fetch(self.ours.call("work", b"1", "submit")))["id"]

    def look(self, times: int) -> None:
        """Measures a submit and a look at a job."""
        submits = call(self.ours.call("work", b"1", "submit"), times)
        looks = call(self.ours.look(f"/jobs/{self.waiting}"), times)
        self.entry.add(SUBMIT, statistics.median(submits) * 1000)
        self.entry.add(STATUS, statistics.median(looks) * 1000)

    def open(self, jobs: int) -> None:
        """Opens the gate, and measures at which pace jobs are taken, as the records of the first ones tell."""
        since = time.time()
        self.gate.touch()
        until = time.monotonic() + _PATIENCE
        started = f"SELECT started_at FROM jobs WHERE started_at > {since} ORDER BY started_at LIMIT {jobs}"
        while len(times := [row[0] for row in self.ours.on_disk(started)]) < jobs:
            if time.monotonic() > until:
                raise LoadError(f"only {len(times)} of {jobs} jobs were taken within {_PATIENCE:g} s")
            time.sleep(0.1)
        # windows as long as the short queue, each without its first jobs: only the short one's would have the start in them
        spans = [times[at + _START : at + FEW] for at in range(0, jobs - FEW + 1, FEW)]
        paces = [(span[-1] - span[0]) / (len(span) - 1) for span in spans]
        self.entry.add(TAKE, statistics.median(paces) * 1000)


def measure(bench: Bench) -> Outcome:
    """In turns; the long queue is let through last."""
    outcome = Outcome("backlog", f"A queue of {bench.backlog:,}", (SUBMIT, STATUS, TAKE))
    with ExitStack() as stack:
        queues = [
            _Queue(stack.enter_context(bench.ours(SOURCE)), outcome.entry(f"{length:,} waiting", "ours"), length)
            for length in (FEW, bench.backlog)
        ]
        small, large = queues
        bench.tell(f"backlog: queueing {bench.backlog:,} jobs")
        large.fill()
        for number in range(bench.rounds):
            bench.tell(f"backlog: round {number + 1} of {bench.rounds}")
            small.fill()
            for queue in queues:
                queue.look(bench.times(200))
            small.open(FEW)
            small.ours.drain("work")
        large.open(min(_TAKEN, bench.backlog))
    for metric, what in ((SUBMIT, "submit"), (TAKE, "take"), (STATUS, "status")):
        said = f"{what} with {bench.backlog:,} waiting, {metric.title.rpartition(', ')[2]}"
        outcome.goals.append(at_most(said, large.entry, small.entry, metric, 1.5))
    return outcome
