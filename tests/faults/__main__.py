"""`make faults`: every fault and every kill point, again and again for a while, and the audit as a table.

FAULTS_SECONDS says for how long (300), FAULTS_SEED repeats a run, FAULTS_ONLY takes the faults whose names hold a word.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.campaign import Campaign, Tally
from tests.faults.injections import GENERAL, Fault, KillAtPoints
from tests.faults.points import POINTS, STAGES


def main() -> int:
    """Runs the campaign; 0 where nothing was violated."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what is mounted and started goes with it
    seconds = float(os.environ.get("FAULTS_SECONDS") or 300)
    seed = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(10**6))
    only = os.environ.get("FAULTS_ONLY", "")
    folder = Path(tempfile.mkdtemp(prefix="trivet-faults-"))
    print(f"FAULTS_SEED={seed} FAULTS_SECONDS={seconds:g}: evidence goes to {folder}\n")
    tallies: dict[str, Tally] = {}
    print(_line("fault", "times", "jobs", "violations"))
    for tally in _rounds(folder, seed, time.monotonic() + seconds, only):
        known = tallies.setdefault(tally.fault, Tally(tally.fault))
        known.injected += tally.injected
        known.jobs += tally.jobs
        known.violations += tally.violations
        print(_line(tally.fault, tally.injected, tally.jobs, len(tally.violations)), flush=True)
        for violation in tally.violations:
            print(f"    {violation}")
        for note in tally.notes:
            print(f"    note: {note}")
        if tally.evidence is not None:
            print(f"    evidence: {tally.evidence}")
    return _sum_up(list(tallies.values()))


def _rounds(folder: Path, seed: int, until: float, only: str) -> Iterator[Tally]:
    """Every fault once, whatever the time; and then all over again while there is time."""
    lap = 0
    while lap == 0 or time.monotonic() < until:
        lap += 1
        chance = random.Random(seed + lap)
        faults: list[Fault] = [make() for make in GENERAL]
        faults += [KillAtPoints(stage, points, chance) for stage, points in STAGES.items()]
        chosen = [fault for fault in faults if only in fault.name]
        if chosen:
            with Campaign(folder / f"lap-{lap}", seed + lap) as campaign:
                for fault in chosen:
                    if lap > 1 and time.monotonic() > until:
                        return
                    yield campaign.round(fault, times=len(fault.left) if isinstance(fault, KillAtPoints) else None)
        with Campaign(folder / f"lap-{lap}-disk", seed + lap, on_small_disk=True) as campaign:
            if campaign.no_disk is not None:
                print(f"    no disk can be mounted ({campaign.no_disk}): files are limited instead")
            fault = campaign.disk_fault()
            if only in fault.name:
                yield campaign.round(fault, seconds=8.0)


def _sum_up(tallies: list[Tally]) -> int:
    print("\n" + _line("fault", "times", "jobs", "violations"))
    for tally in tallies:
        print(_line(tally.fault, tally.injected, tally.jobs, len(tally.violations)))
    violations = sum(len(tally.violations) for tally in tallies)
    times, jobs = sum(tally.injected for tally in tallies), sum(tally.jobs for tally in tallies)
    print(_line("total", times, jobs, violations))
    print(f"\n{len(POINTS)} kill points in {len(STAGES)} stages; a point that was not come by counts as a violation.")
    return 1 if violations else 0


def _line(fault: str, times: object, jobs: object, violations: object) -> str:
    return f"{fault:<44}{times:>8}{jobs:>9}{violations:>12}"


if __name__ == "__main__":
    sys.exit(main())
