"""A thousand endpoints at zero workers: what they hold of the server's memory, and what a call to one of them costs."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

import psutil

from benchmarks.bench import Bench
from benchmarks.figures import Metric, Outcome, at_most, below
from benchmarks.load import call
from benchmarks.ours import Ours
from benchmarks.peers.catalogue import BODY

HELD = Metric("held", "MB for all of them", 1)
CALL = Metric("call", "a call, p50 ms", 3)
DEPLOYED = Metric("deployed", "s to deploy them", 1)
_AT_ONCE = 100
"""How many endpoints one deployment may hold."""
_ECHO = """
import trivet

@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def echo(value):
    return value
"""
_ONE = '''
@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def fleet{number}(value{number}: int, times: int = 1) -> int:
    """Multiplies a value."""
    return value{number} * times
'''


def measure(bench: Bench) -> Outcome:
    """Two platforms side by side: one with an endpoint, one with all; calls in turns."""
    outcome = Outcome("fleet", f"{bench.endpoints:,} endpoints at zero workers", (HELD, CALL, DEPLOYED))
    empty = outcome.entry("a platform with one endpoint", "other")
    full = outcome.entry(f"Trivet with {bench.endpoints:,} more", "ours")
    with ExitStack() as stack:
        few, many = (stack.enter_context(bench.ours(_ECHO)) for _ in range(2))
        for ours in (few, many):
            call(ours.call("echo", BODY), 20)
        before, began = _held(many), time.perf_counter()
        bench.tell(f"fleet: deploying {bench.endpoints:,} endpoints")
        for first in range(0, bench.endpoints, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, bench.endpoints))
            source = "".join(_ONE.format(number=number) for number in numbers)
            many.deploy(f"fleet{first}", f"import trivet\n{source}")
        full.add(DEPLOYED, time.perf_counter() - began)
        full.add(HELD, (_held(many) - before) / 1e6)
        few.restart()
        many.restart()
        again = (_held(many) - _held(few)) / 1e6
        one = many.call(f"fleet{bench.endpoints // 2}", b'{"value%d": 2, "times": 3}' % (bench.endpoints // 2))
        targets = ((full, one), (empty, few.call("echo", BODY)))
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


def _held(ours: Ours) -> int:
    """Bytes that the server's process alone holds for itself."""
    return int(psutil.Process(ours.process.pid).memory_full_info().uss)
