"""What a program pays before its first call: the import of a drop-in module or an original, its first object, the packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Goal, Metric, Outcome, below
from benchmarks.peers.originals import ALGORITHMIA, JAQPOT, ORIGINALS, RUNPOD, Original
from benchmarks.programs import added, run

IMPORT = Metric("import", "import, CPU ms over bare Python", 1)
USE = Metric("use", "with the first use, CPU ms", 1)
PACKAGES = Metric("packages", "packages installed")
SIZE = Metric("size", "their MiB", 1)
LIMIT = 40.0
_STARTS = {"ours": 10, "other": 10, "peer": 5}
"""How often each is started in a turn: the originals take a second and more."""
_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Use:
    """What a program does first with a package.

    Args:
        title: for people.
        code: a program with no more; ``{module}`` is what it imports.
        needs_asyncio: whether it is told beside that alone, rather than beside the original.
    """

    title: str
    code: str
    needs_asyncio: bool = False


_USES = {
    RUNPOD.name: (
        _Use("Endpoint(…)", "import {module} as runpod; runpod.api_key = 'key'; runpod.Endpoint('endpoint')"),
        _Use("serverless.start", "from {module}.serverless import start"),
        _Use("AsyncioEndpoint", "from {module} import AsyncioEndpoint", needs_asyncio=True),
    ),
    ALGORITHMIA.name: (
        _Use("client(…).algo(…)", "import {module} as A; A.client('key', 'http://127.0.0.1:1').algo('demo/Hello')"),
    ),
    JAQPOT.name: (
        _Use(
            "JaqpotApiClient(…)",
            "from {module} import JaqpotApiClient as C; C(api_url='http://127.0.0.1:1', api_key='k', api_secret='s')",
        ),
    ),
}
"""The first of each is measured of the original, too; further ones cost that what its import costs."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Code that is started again and again.

    Args:
        entry: where its cost is told.
        metric: as what.
        python: the interpreter.
        code: the code.
        promise: what of it has a limit, for people; empty: it has none.
        beside: what it is compared with.
    """

    entry: Entry
    metric: Metric
    python: Path
    code: str
    promise: str = ""
    beside: _Start | None = None


def measure(bench: Bench) -> Outcome:
    """In turns: an interpreter that does nothing, and one that imports or uses."""
    metrics = (IMPORT, USE, PACKAGES, SIZE)
    outcome = Outcome("weights", "What the drop-in modules and the originals bring along", metrics, bars=(IMPORT, USE))
    asyncio = _Start(outcome.entry("asyncio alone", "other"), IMPORT, Path(sys.executable), "import asyncio")
    starts = [asyncio, *(start for original in ORIGINALS for start in _of(bench, original, outcome, asyncio))]
    for number in range(bench.rounds):
        bench.tell(f"weights: round {number + 1} of {bench.rounds}")
        for start in starts:
            times = bench.times(_STARTS[start.entry.kind])
            start.entry.add(start.metric, added(start.python, start.code, times) * 1000)
    outcome.goals += [_goal(start) for start in starts if start.promise]
    outcome.notes.append(
        "Installed is what a package brings, itself included, without what Python compiles of it. Ours is `pip install trivet`: "
        "all three modules, the native client, the command line, and the platform's own code."
    )
    return outcome


def _of(bench: Bench, original: Original, outcome: Outcome, asyncio: _Start) -> Iterator[_Start]:
    """What is started of a module of ours, and of the original where that is wanted and can be had."""
    (mine, ours), *others = packages = bench.packages(original, outcome)
    for entry, package in packages:
        found = run(package.python, "installed", package.distribution)
        entry.add(PACKAGES, found["packages"])
        entry.add(SIZE, found["bytes"] / _MEBIBYTE)
    usual, *further = _USES[original.name]
    imported = used = None
    for entry, theirs in others:
        imported = _Start(entry, IMPORT, theirs.python, f"import {theirs.module}")
        used = _Start(entry, USE, theirs.python, usual.code.format(module=theirs.module))
        yield from (imported, used)
    what = f"import {ours.module}, CPU ms over bare Python"
    yield _Start(mine, IMPORT, ours.python, f"import {ours.module}", what, imported)
    for use in (usual, *further):
        entry = mine if use is usual else outcome.entry(f"{ours.module}, {use.title}", "ours")
        code, beside = use.code.format(module=ours.module), asyncio if use.needs_asyncio else used
        yield _Start(entry, USE, ours.python, code, f"the same with {use.title}", beside)


def _goal(start: _Start) -> Goal:
    beside = ""
    if (other := start.beside) is not None:
        beside = f"{other.entry.title}: {other.metric.show(other.entry.median(other.metric))}"
    return below(start.promise, start.entry.median(start.metric), start.metric, LIMIT, beside)
