"""The drop-in modules beside the packages whose names they have: the same programs, with nothing but the import changed.

All call one platform. A job and a stream have a handler that takes its time, so that what counts is how soon a caller hears of
it; calls that are counted for the client's own processor time have one that takes none. A worker is a folder with RunPod's
`serverless.start`: with ours over the link, with ours over HTTP as it is on any other host, and with the published package.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.callers import calls
from benchmarks.figures import Entry, Metric, Outcome, above, at_most, below
from benchmarks.load import LoadError, call, press
from benchmarks.ours import Ours
from benchmarks.peers.originals import ORIGINALS, RUNPOD, Package
from benchmarks.processes import StartError
from benchmarks.rows.models import EXAMPLE
from trivet.protocol.runpod import LINKED_HOST, POLLING_HOST

OWN = 0.1
"""Seconds that a handler takes for a job, and for its first piece."""
JOB = Metric("job", f"run().output() of {OWN * 1000:g} ms, s", 3)
FIRST = Metric("first_piece", "first piece after its yield, ms", 1)
RATE = Metric("rate", "jobs/s of one worker", rising=True)
ROW = Metric("in_a_row", "each awaited, /s", rising=True)
CPU = Metric("cpu", "client CPU, ms a call", 3)
WHOLE = Metric("whole", "CPU of a program with one call, ms")
SOURCE = f"""
import time, trivet

@trivet.endpoint(workers=(1, 1), concurrency=1)
def job(value):
    time.sleep({OWN})
    return value

@trivet.endpoint(workers=(1, 1), concurrency=1)
def pieces(value):
    time.sleep({OWN})
    yield value

@trivet.endpoint(workers=(1, 1), concurrency=1)
def echo(value):
    return value
"""
INPUT = {"value": "hello"}
_WORKER = """
import {module} as runpod

def handler(job):
    return job["input"]

runpod.serverless.start({{"handler": handler{more}}})
"""
_POLLS = ', "concurrency_modifier": lambda current: 1'
"""How many jobs it takes is its own business then, so it asks for them, as it does wherever it was not started by us."""
_JOB = b'{"input": 1}'
_SUBMITTERS = 16
_WAITS = 4
"""Jobs and streams of a turn: the original sleeps a second over each."""
_CALLS, _WARM = 300, 20
_FEW = 4
"""Jobs of a first look at a worker's pace."""


_Contestant = tuple[Entry, Package]


@dataclass(frozen=True, slots=True)
class _Worker:
    """A deployed worker.

    Args:
        entry: where its figures are told.
        name: of its endpoint.
        jobs: how many fill a turn where they lie in a queue.
        in_a_row: how many do where each is submitted when the one before has ended.
    """

    entry: Entry
    name: str
    jobs: int
    in_a_row: int


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns; nothing else is asked of the platform meanwhile."""
    metrics = (JOB, FIRST, RATE, ROW, CPU, WHOLE)
    outcome = Outcome("dropins", "The drop-in modules beside the originals, on one platform", metrics, bars=(JOB, CPU))
    runpod, algorithmia, jaqpot = (bench.packages(original, outcome) for original in ORIGINALS)
    polls = outcome.entry(f"{RUNPOD.ours}, its worker over HTTP", "ours")
    with Ours(bench.fresh("t")) as ours:
        bench.tell("dropins: deploying")
        ours.deploy("bench", SOURCE)
        ours.publish(EXAMPLE)
        ours.client.endpoints.update(f"admin/{EXAMPLE.name}", workers=(1, 1))
        number = ours.client.endpoints.get(f"admin/{EXAMPLE.name}").model_id
        rows = json.loads((EXAMPLE / "sample.json").read_text())
        workers = _workers(bench, ours, runpod, polls, outcome)
        for turn in range(bench.rounds):
            bench.tell(f"dropins: round {turn + 1} of {bench.rounds}")
            for contestant in runpod:
                _wait(bench, ours, contestant)
                _spend(bench, ours, contestant, verb="run_sync", what=_id(ours, "echo"), given=INPUT)
            for contestant in algorithmia:
                _spend(bench, ours, contestant, verb="pipe", what="admin/echo", given=INPUT)
            for contestant in jaqpot:
                _spend(bench, ours, contestant, verb="predict_sync", what=number, given=rows)
            for worker in workers:
                worker.entry.add(RATE, _work(ours, worker.name, worker.jobs))
                worker.entry.add(ROW, 1 / _one(ours, worker.name, worker.in_a_row))
        _audit(ours, outcome)
    _conclude(outcome, runpod, algorithmia, jaqpot, polls)
    return outcome


def _workers(
    bench: Bench, ours: Ours, runpod: Sequence[_Contestant], polls: Entry, outcome: Outcome
) -> Sequence[_Worker]:
    """One of ours over the link, one over HTTP, and one of the original, each with the number of jobs that fills a turn."""
    wanted = [("linked", LINKED_HOST, runpod[0], ""), ("polls", POLLING_HOST, (polls, runpod[0][1]), _POLLS)]
    wanted += [("original", POLLING_HOST, original, "") for original in runpod[1:]]
    workers = []
    for name, host, (entry, package), more in wanted:
        bench.tell(f"dropins: deploying a worker, {entry.title}")
        files = {"handler.py": _WORKER.format(module=package.module, more=more)}
        if package.distribution == RUNPOD.distribution:
            files["requirements.txt"] = "\n".join([*RUNPOD.requirements, ""])
        try:
            ours.deploy_files(name, files)
        except StartError as error:
            outcome.missing.append((f"a worker of {entry.title}", str(error)))
            continue
        if (found := _host(ours, name)) != host:
            raise LoadError(f"{entry.title}: its folder is run as {found}, not as {host}")
        ours.client.endpoints.update(f"admin/{name}", workers=(1, 1))
        jobs = _enough(bench, ours, name)
        workers.append(_Worker(entry, name, jobs, max(_FEW, int(bench.seconds / _one(ours, name, _FEW)))))
    return workers


def _host(ours: Ours, name: str) -> str:
    """How a worker is given its jobs: no way shall pass for another."""
    sql = "SELECT host FROM versions JOIN endpoints ON endpoints.id = versions.endpoint_id WHERE endpoints.name = "
    ((host,),) = ours.on_disk(f"{sql}'{name}'")
    return str(host)


def _enough(bench: Bench, ours: Ours, name: str) -> int:
    """How many jobs keep a worker busy for a turn; it has started then.

    They are so many that what the original takes before the first of them, about a second, does not say how fast the others are.
    """
    _work(ours, name, _FEW)
    jobs = _FEW
    while jobs / (rate := _work(ours, name, jobs)) < bench.seconds * 0.75:
        jobs *= 2
    return max(_FEW, int(rate * bench.seconds))


def _work(ours: Ours, name: str, jobs: int) -> float:
    """Jobs a second, from the first submit until the last result is stored."""
    target = ours.runpod(name, _JOB, "run")
    began = time.perf_counter()
    load = press(target, min(_SUBMITTERS, jobs), count=jobs)
    ours.settle(name)
    seconds = time.perf_counter() - began
    if load.failed:
        raise LoadError(f"{load.failed} of {jobs} jobs were refused")
    return jobs / seconds


def _one(ours: Ours, name: str, jobs: int) -> float:
    """Seconds of a job where each is submitted when the one before has ended. The first may be in luck: it is left out."""
    return statistics.mean(call(ours.runpod(name, _JOB), jobs + 1)[1:])


def _wait(bench: Bench, ours: Ours, contestant: _Contestant) -> None:
    entry, package = contestant
    times = min(_WAITS, bench.times(_WAITS))
    job = calls(package, ours, "output", _id(ours, "job"), INPUT, warm=1, times=times)
    entry.add(JOB, job.p50)
    first = calls(package, ours, "stream", _id(ours, "pieces"), INPUT, warm=1, times=times)
    entry.add(FIRST, (first.p50 - OWN) * 1000)


def _spend(bench: Bench, ours: Ours, contestant: _Contestant, *, verb: str, what: object, given: object) -> None:
    entry, package = contestant
    spent = calls(package, ours, verb, what, given, warm=_WARM, times=bench.times(_CALLS))
    entry.add(CPU, spent.cpu * 1000)
    entry.add(WHOLE, spent.first * 1000)


def _id(ours: Ours, name: str) -> str:
    return ours.client.endpoints.get(f"admin/{name}").id


def _audit(ours: Ours, outcome: Outcome) -> None:
    """Asks the database whether all that was counted has succeeded."""
    ours.settle("echo")
    found = dict(ours.on_disk("SELECT status, count(*) FROM jobs GROUP BY status"))
    if set(found) != {"succeeded"}:
        raise LoadError(f"jobs that were counted have not all succeeded: {found}")
    outcome.notes.append(f"The database has {found['succeeded']:,} jobs, every one of them succeeded.")


def _conclude(
    outcome: Outcome,
    runpod: Sequence[_Contestant],
    algorithmia: Sequence[_Contestant],
    jaqpot: Sequence[_Contestant],
    polls: Entry,
) -> None:
    mine, _ = runpod[0]
    for what, metric, limit in (
        (f"a job of {OWN * 1000:g} ms by run().output(), s", JOB, 0.12),
        ("first piece of stream(), after its yield, ms", FIRST, 20.0),
    ):
        outcome.goals.append(below(what, mine.median(metric), metric, limit, _beside(runpod, metric)))
    for entry, way in ((mine, "over the link"), (polls, "over HTTP")):
        for metric, what in ((RATE, "jobs/s of one worker"), (ROW, "the same, each job awaited")):
            if entry.has(metric):
                reached = entry.median(metric)
                outcome.goals.append(above(f"{what}, {way}", reached, metric, 500.0, _beside(runpod, metric)))
    for verb, ((ours, _), *theirs) in (("pipe", algorithmia), ("predict_sync", jaqpot)):
        what = f"{verb}, the client's CPU, ms a call"
        outcome.goals += [at_most(what, ours, original, CPU, 0.7) for original, _ in theirs]
    outcome.notes.append(
        "A call is `run_sync` for RunPod's, `pipe` for Algorithmia's and `predict_sync` for Jaqpot's. A program with one call is "
        "the processor time from the start of its interpreter, bare Python included. The jobs of a worker lie in its queue, or "
        "each is submitted when the one before has ended."
    )


def _beside(contestants: Sequence[_Contestant], metric: Metric) -> str:
    """What the original reached, for people; nothing where it did not run."""
    entries = [entry for entry, _ in contestants[1:] if entry.has(metric)]
    return "".join(f"{entry.title}: {metric.show(entry.median(metric))}" for entry in entries)
