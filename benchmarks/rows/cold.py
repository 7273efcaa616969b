"""From zero workers to the first answer: with warm parents, without, and the interpreter alone with the same imports."""

from __future__ import annotations

import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Metric, Outcome, at_most, below
from benchmarks.load import LoadError, call
from benchmarks.ours import Ours

FIRST = Metric("first_answer", "first answer, p50 ms", 1)
_STARTS = 5
"""Cold starts in each round."""
_NEEDED = "import json, socket, threading"
"""What any worker of this shape has to import."""
BODY = b"1"


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    title: str
    imports: str
    requirements: str
    limit: float

    @property
    def source(self) -> str:
        """A handler that needs what it imports, and whose workers leave at once."""
        return f"""
import trivet
{self.imports}

@trivet.endpoint(name="{self.name}", workers=(0, 1), idle_timeout=0.1)
def handler(value):
    return value
"""


def measure(bench: Bench) -> Outcome:
    """In turns: a start of ours, one without warm parents, and one of the interpreter."""
    outcome = Outcome("cold", "From zero workers to the first answer", (FIRST,))
    cases = [
        _Case("trivial", "trivial handler", "", "", 20.0),
        _Case("numeric", "NumPy", "import numpy", "numpy\n", 20.0),
    ]
    if bench.torch:
        cases.append(_Case("tensors", "torch", "import torch", f"{bench.torch}\n", 30.0))
    with ExitStack() as stack:
        warm = stack.enter_context(Ours(bench.fresh("t")))
        plain = stack.enter_context(Ours(bench.fresh("t"), {"TRIVET_WARM_PARENTS": "0"}))
        for case in cases:
            bench.tell(f"cold: {case.title}")
            warm.deploy(case.name, case.source, case.requirements)
            plain.deploy(case.name, case.source, case.requirements)
            _case(bench, case, outcome, warm, plain)
    return outcome


def _case(bench: Bench, case: _Case, outcome: Outcome, warm: Ours, plain: Ours) -> None:
    parent = outcome.entry(f"Trivet, {case.title}, warm parent", "ours")
    process = outcome.entry(f"Trivet, {case.title}, no warm parent", "ours")
    alone = outcome.entry(f"interpreter, {case.title}", "other")
    python = plain.python()
    for ours in (warm, plain):
        call(ours.call(case.name, BODY), 1)
    for _ in range(bench.rounds):
        starts: dict[int, list[float]] = {}
        for _ in range(bench.times(_STARTS)):
            starts.setdefault(0, []).append(_from_zero(warm, case.name))
            starts.setdefault(1, []).append(_from_zero(plain, case.name))
            starts.setdefault(2, []).append(_interpreter(python, case.imports))
        for number, entry in enumerate((parent, process, alone)):
            entry.add(FIRST, statistics.median(starts[number]) * 1000)
    what = f"from zero, {case.title}, ms"
    outcome.goals.append(below(f"{what}, warm parent", parent.median(FIRST), FIRST, case.limit, _said(alone)))
    outcome.goals.append(at_most(f"{what}, without", process, alone, FIRST, 1.3))


def _from_zero(ours: Ours, endpoint: str) -> float:
    ours.without_workers(endpoint)
    time.sleep(0.05)  # the last one's departure is dealt with
    return call(ours.call(endpoint, BODY), 1)[0]


def _interpreter(python: Path, imports: str) -> float:
    """Seconds until an interpreter has its imports and says so. Its end is not counted: a worker's is not either."""
    code = f"{_NEEDED}\n{imports}\nimport os\nos.write(1, b'.')"
    began = time.perf_counter()
    with subprocess.Popen([python, "-I", "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read(1)
        took = time.perf_counter() - began
    if not said:
        raise LoadError(f"{python} ended with status {process.returncode} before it had its imports")
    return took


def _said(entry: Entry) -> str:
    return f"{entry.title}: {FIRST.show(entry.median(FIRST))}"
