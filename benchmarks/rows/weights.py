"""What a program pays before its first call: the import of a drop-in module or an original, its first object, the packages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Entry, Goal, Metric, Outcome, below
from benchmarks.peers.originals import ALGORITHMIA, JAQPOT, ORIGINALS, RUNPOD, Original, Package
from benchmarks.programs import added, run
from benchmarks.venvs import NotInstalledError

IMPORT = Metric("import", "import, ms over bare Python", 1)
USE = Metric("use", "with the first use, ms", 1)
PACKAGES = Metric("packages", "packages installed")
SIZE = Metric("size", "their MiB", 1)
LIMIT = 40.0
_STARTS = 10
_MEBIBYTE = 1 << 20
_USES = {
    RUNPOD.name: (
        ("Endpoint(…)", "import {module} as runpod; runpod.api_key = 'key'; runpod.Endpoint('endpoint')"),
        ("serverless.start", "from {module}.serverless import start"),
        ("AsyncioEndpoint", "from {module} import AsyncioEndpoint"),
    ),
    ALGORITHMIA.name: (
        ("client(…).algo(…)", "import {module} as A; A.client('key', 'http://127.0.0.1:1').algo('demo/Hello')"),
    ),
    JAQPOT.name: (
        (
            "JaqpotApiClient(…)",
            "from {module} import JaqpotApiClient as C; C(api_url='http://127.0.0.1:1', api_key='k', api_secret='s')",
        ),
    ),
}
"""What a program does first with each; ``{module}`` is what it imports. Further ones cost the original what its import costs."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Code that is started again and again, and where its cost is told."""

    entry: Entry
    metric: Metric
    python: Path
    code: str


@dataclass(frozen=True, slots=True)
class _Promise:
    """A cost of ours that has a limit, and whose it is compared with."""

    what: str
    ours: Entry
    metric: Metric
    theirs: Entry | None


def measure(bench: Bench) -> Outcome:
    """In turns: an interpreter that does nothing, and one that imports or uses."""
    metrics = (IMPORT, USE, PACKAGES, SIZE)
    outcome = Outcome("weights", "What the drop-in modules and the originals bring along", metrics, bars=(IMPORT, USE))
    starts: list[_Start] = []
    promises: list[_Promise] = []
    for original in ORIGINALS:
        _add(bench, original, outcome, starts, promises)
    python = Path(sys.executable)
    starts.append(_Start(outcome.entry("asyncio alone", "other"), IMPORT, python, "import asyncio"))
    for number in range(bench.rounds):
        bench.tell(f"weights: round {number + 1} of {bench.rounds}")
        for start in starts:
            start.entry.add(start.metric, added(start.python, start.code, bench.times(_STARTS)) * 1000)
    outcome.goals += [_goal(promise) for promise in promises]
    outcome.notes.append(
        "Installed is what a package brings, itself included, without what Python compiles of it. Ours is `pip install trivet`: "
        "all three modules, the native client, the command line, and the platform's own code."
    )
    return outcome


def _add(bench: Bench, original: Original, outcome: Outcome, starts: list[_Start], promises: list[_Promise]) -> None:
    """Adds what is measured of a module of ours, and of the original where that is wanted and can be had."""
    packages = [Package.ours(original)]
    if original.name in bench.peers:
        try:
            packages.append(Package.theirs(original, install=bench.install, tell=bench.tell))
        except NotInstalledError as error:
            outcome.missing.append((original.distribution, str(error)))
    (use, code), *further = _USES[original.name]
    entries = []
    for package in packages:
        entry = outcome.entry(package.title, "ours" if package.module == original.ours else "peer")
        entries.append(entry)
        found = run(package.python, "installed", package.distribution)
        entry.add(PACKAGES, found["packages"])
        entry.add(SIZE, found["bytes"] / _MEBIBYTE)
        starts.append(_Start(entry, IMPORT, package.python, f"import {package.module}"))
        starts.append(_Start(entry, USE, package.python, code.format(module=package.module)))
    mine, theirs = entries[0], entries[1] if entries[1:] else None
    promises.append(_Promise(f"import {original.ours}, ms over bare Python", mine, IMPORT, theirs))
    promises.append(_Promise(f"the same with {use}", mine, USE, theirs))
    for title, code in further:
        entry = outcome.entry(f"{original.ours}, {title}", "ours")
        starts.append(_Start(entry, USE, packages[0].python, code.format(module=original.ours)))
        promises.append(_Promise(f"the same with {title}", entry, USE, theirs))


def _goal(promise: _Promise) -> Goal:
    theirs = promise.theirs
    beside = "" if theirs is None else f"{theirs.title}: {promise.metric.show(theirs.median(promise.metric))}"
    return below(promise.what, promise.ours.median(promise.metric), promise.metric, LIMIT, beside)
