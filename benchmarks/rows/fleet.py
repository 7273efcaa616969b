"""A thousand endpoints at zero workers: what they hold of the server's memory, and what a call to one of them costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from contextlib import ExitStack

import psutil

from benchmarks.bench import Bench
from benchmarks.figures import Metric, Outcome, at_most, below
from benchmarks.load import call
from benchmarks.ours import Ours

HELD = Metric("held", "MB for all of them", 1)
CALL = Metric("call", "a call, p50 ms", 3)
DEPLOYED = Metric("deployed", "s to deploy them", 1)
_AT_ONCE = 100
"""How many endpoints one deployment may hold."""
_ONE = '''
@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def fleet{number}(value{number}: int, times: int = 1) -> int:
    """Multiplies a value."""
    return value{number} * times
'''


_INPUT = b'{"value0": 2, "times": 3}'


def measure(bench: Bench) -> Outcome:
    """Two platforms side by side: one with an endpoint, one with all; calls in turns."""
    outcome = Outcome("fleet", f"{bench.endpoints:,} endpoints at zero workers", (HELD, CALL, DEPLOYED))
    empty = outcome.entry("a platform with one endpoint", "other")
    full = outcome.entry(f"Trivet with {bench.endpoints:,} more", "ours")
    with ExitStack() as stack:
        # both have the endpoint that is called, so that it is the same call
        few, many = (stack.enter_context(bench.ours(_source(range(1)))) for _ in range(2))
        targets = ((full, many.call("fleet0", _INPUT)), (empty, few.call("fleet0", _INPUT)))
        for _, target in targets:
            call(target, 20)
        before, began = _held(many), time.perf_counter()
        bench.tell(f"fleet: deploying {bench.endpoints:,} endpoints")
        for first in range(0, bench.endpoints, _AT_ONCE):
            numbers = range(first + 1, min(first + _AT_ONCE, bench.endpoints) + 1)
            many.deploy(f"fleet{first}", _source(numbers))
        full.add(DEPLOYED, time.perf_counter() - began)
        full.add(HELD, (_held(many) - before) / 1e6)
        few.restart()
        many.restart()
        again = (_held(many) - _held(few)) / 1e6
        for _, target in targets:
            call(target, 20)
        for number in range(bench.rounds):
            bench.tell(f"fleet: round {number + 1} of {bench.rounds}")
            for entry, target in targets:
                entry.add(CALL, statistics.median(call(target, bench.times(400))) * 1000)
    said = f"{again:.1f} MB after a restart"
    outcome.goals.append(below(f"{bench.endpoints:,} endpoints, MB in all", full.median(HELD), HELD, 20.0, said))
    outcome.goals.append(at_most("a call to one of them, p50 ms", full, empty, CALL, 1.1))
    return outcome


def _source(numbers: Iterable[int]) -> str:
    return "import trivet\n" + "".join(_ONE.format(number=number) for number in numbers)


def _held(ours: Ours) -> int:
    """Bytes that the server's process alone holds for itself."""
    return int(psutil.Process(ours.process.pid).memory_full_info().uss)
