"""Durable jobs: submitted, stored, run, and their results stored, with a sync behind every acknowledgement.

Ours are submitted over HTTP with a key, natively and in RunPod's dialect; the queues' own libraries submit theirs in the
process. Counted is from the first submit until the last result is stored. Nothing that is not final is counted, and the
database is asked in the end.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, above, at_least
from benchmarks.load import LoadError, Target, press
from benchmarks.ours import Ours
from benchmarks.processes import StartError
from benchmarks.queues.catalogue import QUEUES, Queue
from benchmarks.venvs import NotInstalledError

FEW, MANY = 64, 256
RATES = {FEW: Metric("rate_64", f"jobs/s, {FEW} submitters", rising=True),
         MANY: Metric("rate_256", f"jobs/s, {MANY} submitters", rising=True)}  # fmt: skip
ACKNOWLEDGED = Metric("acknowledged", f"acknowledged/s, {FEW}", rising=True)
CPU = Metric("cpu", "CPU µs/job")
PILOT = 500
SOURCE = """
import trivet

@trivet.endpoint(workers=(1, 1), concurrency=1)
def noop(value):
    return value
"""
BODY, RUNPOD_BODY = b"1", b'{"input": 1}'


@dataclass(slots=True)
class _Peer:
    entry: Entry
    queue: Queue
    jobs: int = 0
    """How many fill a turn; 0: nobody knows yet."""


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns. A peer is started for its turn, with an empty store, and ended behind it."""
    metrics = (RATES[FEW], RATES[MANY], ACKNOWLEDGED, CPU)
    outcome = Outcome(
        "durable", "Durable jobs: submit, store, run a no-op, store the result", metrics, bars=(RATES[FEW],)
    )
    with ExitStack() as stack:
        ours = stack.enter_context(bench.ours(SOURCE))
        mine = outcome.entry("Trivet, submit over HTTP", "ours")
        runpod = outcome.entry("Trivet, RunPod's run over HTTP", "ours")
        dialects = ((mine, ours.call("noop", BODY, "submit")), (runpod, ours.runpod("noop", RUNPOD_BODY, "run")))
        peers = [_Peer(outcome.entry(queue.title, "peer"), queue) for queue in QUEUES if queue.name in bench.peers]
        jobs = _jobs(bench, _ours(ours, Entry("", "ours"), dialects[0][1], FEW, PILOT))
        for number in range(bench.rounds):
            bench.tell(f"durable: round {number + 1} of {bench.rounds}")
            for submitters, metric in RATES.items():
                for entry, target in dialects:
                    entry.add(metric, _ours(ours, entry, target, submitters, jobs))
            for peer in list(peers):
                try:
                    _turn(bench, peer)
                except (NotInstalledError, StartError, OSError) as error:
                    outcome.missing.append((peer.entry.title, str(error)))
                    outcome.entries.remove(peer.entry)
                    peers.remove(peer)
        _audit(ours, outcome)
    _conclude(outcome, mine, runpod)
    return outcome


def _turn(bench: Bench, peer: _Peer) -> None:
    with bench.queue(peer.queue) as running:
        peer.entry.title = running.title
        peer.jobs = peer.jobs or _jobs(bench, running.round(FEW, PILOT))
        for submitters, metric in RATES.items():
            peer.entry.add(metric, running.round(submitters, peer.jobs))


def _jobs(bench: Bench, rate: float) -> int:
    """How many jobs fill a turn, where so many get through in a second."""
    return max(2 * MANY, int(rate * bench.seconds))


def _ours(ours: Ours, entry: Entry, target: Target, submitters: int, jobs: int) -> float:
    used, began = ours.process.cpu(), time.perf_counter()
    load = press(target, submitters, count=jobs)
    ours.settle("noop")
    seconds = time.perf_counter() - began
    if load.failed:
        raise LoadError(f"{load.failed} of {jobs} submits were refused")
    if submitters == FEW:
        entry.add(ACKNOWLEDGED, load.rate)
        entry.add(CPU, (ours.process.cpu() - used) / jobs * 1e6)
    return jobs / seconds


def _audit(ours: Ours, outcome: Outcome) -> None:
    """Asks the database whether all that was counted is there and has succeeded."""
    found = {
        str(status): int(count) for status, count in ours.on_disk("SELECT status, count(*) FROM jobs GROUP BY status")
    }
    if set(found) != {"succeeded"}:
        raise LoadError(f"jobs that were counted are not all stored as succeeded: {found}")
    outcome.notes.append(f"The database has {found['succeeded']:,} jobs of ours, every one of them succeeded.")


def _conclude(outcome: Outcome, mine: Entry, runpod: Entry) -> None:
    for submitters, metric in RATES.items():
        what = f"durable jobs, {submitters} submitters, jobs/s"
        if outcome.peers:
            best = max(outcome.peers, key=lambda peer: peer.median(metric))
            outcome.goals.append(at_least(what, mine, best, metric, 5.0))
    outcome.goals.append(above(f"the same, stretch ({FEW})", mine.median(RATES[FEW]), RATES[FEW], 10_000))
    outcome.goals.append(at_least(f"RunPod's run, {FEW} submitters, acknowledged/s", runpod, mine, ACKNOWLEDGED, 0.9))
