"""A synchronous call of a handler that gives back its input: many callers, and one."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, at_least, at_most, ratio
from benchmarks.load import LoadError, Target, call, press
from benchmarks.ours import Ours
from benchmarks.peers.catalogue import BODY, RUNPOD_BODY
from benchmarks.peers.originals import ALGORITHMIA
from benchmarks.processes import Contender, StartError

CALLERS = 64
RATE = Metric("rate", "requests/s", rising=True)
HELD = Metric("p50_of_many", f"p50 ms of {CALLERS}", 2)
ALONE = Metric("p50_of_one", "p50 ms of one", 3)
CPU = Metric("cpu", "CPU µs/request")
SOURCE = """
import trivet

@trivet.endpoint(workers=(1, 1), concurrency=1)
def echo(value):
    return value
"""
ALGORITHM = {
    "algorithmia.conf": '{"username": "admin", "algoname": "Kit", "language": "python3"}',
    "requirements.txt": "algorithmia>=1.0.0,<2.0\n",
    "src/__init__.py": "",
    "src/Kit.py": """
from Algorithmia import ADK

def apply(value):
    return value["value"]

ADK(apply).init({"value": "hello"})
""",
}
"""The same as an algorithm's repository: its worker speaks to the published kit, which reads lines and writes to a pipe."""
_TIMES_FASTER = {"LitServe": 10.0, "MLServer": 10.0, "BentoML": 10.0, "Ray Serve, HAProxy": 3.0}


@dataclass(slots=True)
class _Contestant:
    entry: Entry
    target: Target
    process: Contender
    pausable: bool
    failed: int = 0


def measure(bench: Bench) -> Outcome:
    """Everybody in every round, in turns; whoever is not on is paused."""
    outcome = Outcome(
        "echo", "Synchronous call, echo of a small JSON body", (RATE, HELD, ALONE, CPU), bars=(RATE, ALONE)
    )
    with ExitStack() as stack:
        floor_process, floor_target = stack.enter_context(bench.floor())
        ours = stack.enter_context(bench.ours(SOURCE))
        limit_process, limit = stack.enter_context(bench.bare())
        floor = outcome.entry("floor", "floor")
        mine = outcome.entry("Trivet, run", "ours")
        runpod = outcome.entry("Trivet, RunPod's runsync", "ours")
        pipe = outcome.entry("Trivet, Algorithmia's pipe", "ours")
        everybody = [
            _Contestant(floor, floor_target.to("/", BODY), floor_process, pausable=False),
            _Contestant(mine, ours.call("echo", BODY), ours.process, pausable=False),
            _Contestant(runpod, ours.runpod("echo", RUNPOD_BODY), ours.process, pausable=False),
            _Contestant(pipe, ours.algorithmia("echo", BODY), ours.process, pausable=False),
            *_of_the_kit(bench, ours, outcome),
            *(
                _Contestant(outcome.entry(peer.title, "peer"), peer.target, peer.process, pausable=True)
                for peer in bench.start_peers("echo", outcome, stack)
            ),
            _Contestant(
                outcome.entry("the load's own limit", "other"), limit.to("/", BODY), limit_process, pausable=False
            ),
        ]
        for number in range(bench.rounds):
            bench.tell(f"echo: round {number + 1} of {bench.rounds}")
            for contestant in list(everybody):
                try:
                    _turn(bench, contestant)
                except (LoadError, OSError) as error:
                    outcome.missing.append((contestant.entry.title, str(error)))
                    outcome.entries.remove(contestant.entry)
                    everybody.remove(contestant)
    for contestant in everybody:
        if contestant.failed:
            outcome.notes.append(f"{contestant.entry.title}: {contestant.failed} requests were not answered.")
    if mine in outcome.entries and floor in outcome.entries:
        _conclude(outcome, mine, floor)
    for dialect, way in ((runpod, "RunPod's runsync"), (pipe, "Algorithmia's pipe")):
        if mine in outcome.entries and dialect in outcome.entries:
            what = f"echo, {way}, {CALLERS} connections, requests/s"
            outcome.goals.append(at_least(what, dialect, mine, RATE, 0.9))
    return outcome


def _of_the_kit(bench: Bench, ours: Ours, outcome: Outcome) -> list[_Contestant]:
    """An algorithm that was written with the published kit, with one worker as all others have; none where it is not wanted."""
    if ALGORITHMIA.name not in bench.peers:
        return []
    title = "Trivet, an algorithm of the kit"
    bench.tell("echo: deploying an algorithm of the published kit")
    try:
        ours.deploy_files("algorithm", ALGORITHM)
    except StartError as error:
        outcome.missing.append((title, str(error)))
        return []
    ours.client.endpoints.update("admin/Kit", workers=(1, 1))
    return [_Contestant(outcome.entry(title, "ours"), ours.algorithmia("Kit", BODY), ours.process, pausable=False)]


def _turn(bench: Bench, contestant: _Contestant) -> None:
    if contestant.pausable:
        contestant.process.resume()
    try:
        press(contestant.target, CALLERS, seconds=0.3)
        before = contestant.process.cpu()
        load = press(contestant.target, CALLERS, seconds=bench.seconds)
        used = contestant.process.cpu() - before
        alone = call(contestant.target, bench.times(400))
    finally:
        if contestant.pausable:
            contestant.process.pause()
    contestant.failed += load.failed
    contestant.entry.add(RATE, load.rate)
    contestant.entry.add(HELD, load.p50 * 1000)
    contestant.entry.add(ALONE, statistics.median(alone) * 1000)
    contestant.entry.add(CPU, used / load.answered * 1e6)


def _conclude(outcome: Outcome, ours: Entry, floor: Entry) -> None:
    many, one = f"echo, {CALLERS} connections, requests/s", "echo, one caller, p50 ms"
    outcome.goals.append(at_least(many, ours, floor, RATE, 0.5))
    for peer in outcome.peers:
        outcome.goals += [
            at_least(many, ours, peer, RATE, times)
            for name, times in _TIMES_FASTER.items()
            if peer.title.startswith(name)
        ]
    outcome.goals.append(at_most(one, ours, floor, ALONE, 2.0))
    outcome.goals += [
        at_most(one, ours, peer, ALONE, 0.25) for peer in outcome.peers if peer.title.startswith("LitServe")
    ]
    more = ratio(ours, floor, CPU)
    outcome.notes.append(
        f"The server and worker processes of Trivet use {more:.1f} times the CPU of the floor's per request."
    )
