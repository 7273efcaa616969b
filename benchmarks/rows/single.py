"""One durable job on an idle system, from submit to result in the SDK, beside what it can't do without.

That is two syncs of the disk, as the job is stored before it is acknowledged and its result before it is told, and the hop
through a server to a worker and back, as the floor has it.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.figures import Metric, Outcome, at_most
from benchmarks.load import call
from benchmarks.machine import sync_times
from benchmarks.peers.catalogue import BODY
from benchmarks.rows.durable import SOURCE

WHOLE = Metric("whole", "submit to result, p50 ms", 3)
SYNCS = 2
PAUSE = 0.01
"""Seconds between two jobs, so that each finds the system idle."""


def measure(bench: Bench) -> Outcome:
    """In turns within each round: a job, a sync, a hop."""
    outcome = Outcome("single", "One durable job on an idle system, in the SDK", (WHOLE,))
    mine = outcome.entry("Trivet, submit() and result()", "ours")
    needed = outcome.entry(f"{SYNCS} syncs and the hop", "floor")
    sync = outcome.entry("one sync (4 KiB appended)", "other")
    hop = outcome.entry("the hop (floor, one caller)", "other")
    with ExitStack() as stack:
        _, root = stack.enter_context(bench.floor())
        ours = stack.enter_context(bench.ours(SOURCE))
        noop = ours.client.endpoint("admin/noop")
        for _ in range(bench.times(20)):
            noop.submit(1).result()
        for number in range(bench.rounds):
            bench.tell(f"single: round {number + 1} of {bench.rounds}")
            jobs, syncs = [], []
            for _ in range(bench.times(100)):
                time.sleep(PAUSE)
                began = time.perf_counter()
                noop.submit(1).result()
                jobs.append(time.perf_counter() - began)
                syncs += sync_times(bench.folder, 1)
            mine.add(WHOLE, statistics.median(jobs) * 1000)
            sync.add(WHOLE, statistics.median(syncs) * 1000)
            hop.add(WHOLE, statistics.median(call(root.to("/", BODY), bench.times(100), pause=PAUSE)) * 1000)
            needed.add(WHOLE, SYNCS * sync.samples[WHOLE.name][-1] + hop.samples[WHOLE.name][-1])
    outcome.goals.append(at_most("one durable job, submit to result, p50 ms", mine, needed, WHOLE, 1.5))
    return outcome
