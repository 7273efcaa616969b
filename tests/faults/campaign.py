"""A campaign: round by round, a platform under load is hurt in one way, comes to rest, and is audited."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import trivet
from tests.faults.algorithmia import AlgorithmiaMouth
from tests.faults.auditor import Auditor, Violation
from tests.faults.files import Writers
from tests.faults.injections import Fault, FillDisk, Ground, LimitFiles, NotHit, small_disk, unmount
from tests.faults.jaqpot import JaqpotMouth
from tests.faults.journal import Acknowledged, Journal, Seen, now, read_ledger
from tests.faults.leaks import find_leaks
from tests.faults.load import Load, MakeMouth, Reader
from tests.faults.mouth import Mouth, Refused, Sight, Silence
from tests.faults.native import HttpMouth, SdkMouth
from tests.faults.records import has_open_jobs, read_disk
from tests.faults.runpod import RunpodMouth
from tests.faults.server import Server

OWNER = "admin"
REST = 60.0
"""Seconds that a healed platform has until every acknowledged job is final."""
LONG = 5.0
"""Seconds at rest after which an open job is worth a note."""
REREAD = 15
"""Streams that are read once more, from their beginning, after the end."""
KEPT = 7 * 86_400.0
"""Seconds that RunPod's jobs are kept: their usual half an hour is less than the jumps of the clock."""
POLL = 5.0
"""Seconds that a worker's question is held: shorter than usual, so that the kill points on its way are come by in time."""
LEAST = 10
"""Jobs without which a round says nothing."""
LOAD_PATIENCE = 20.0
"""Seconds that callers have for as many, once all is healed."""
SPARE_DESCRIPTORS = 40
"""Files that a server may have open at rest beyond what it had when it was idle, and beyond those for its workers."""
FOR_A_WORKER = 6
"""Files that a worker costs, with its share of a warm parent: how many there are depends on how busy the machine was."""

MakeMouths = Callable[[str, str], Sequence[MakeMouth]]


def every_mouth(url: str, key: str) -> Sequence[MakeMouth]:
    """The mouths of all dialects, in turns. One that joins adds its own here."""
    with trivet.Client(url, key) as client:
        endpoints = list(client.endpoints.list())
    ids = {endpoint.name: endpoint.id for endpoint in endpoints}
    models = {endpoint.name: endpoint.model_id for endpoint in endpoints if endpoint.model_id is not None}
    return (
        lambda: HttpMouth(url, key),
        lambda: SdkMouth(url, key),
        lambda: RunpodMouth(url, key, ids),
        lambda: AlgorithmiaMouth(url, key),
        lambda: JaqpotMouth(url, key, models),
    )


@dataclass(slots=True)
class Tally:
    """What a round came to."""

    fault: str
    injected: int = 0
    jobs: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is no violation, and yet worth a look."""
    evidence: Path | None = None


class Campaign:
    """Runs rounds on one data folder, one after the other.

    Args:
        folder: everything lies below it; evidence of violations stays there.
        seed: of all chance.
        mouths: who calls.
        on_small_disk: put the data folder on a disk that can be filled.
        callers: how many call at once.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        mouths: MakeMouths = every_mouth,
        on_small_disk: bool = False,
        callers: int = 8,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.seed = seed
        self._mouths = mouths
        self._callers = callers
        self._rounds = 0
        self._idle = 0
        self._leaks: set[Violation] = set()
        self._mounted: Path | None = None
        self.no_disk: str | None = None
        """Why there is no disk that can be filled; None where there is one, or none was asked for."""
        data = folder / "disk"
        if on_small_disk:
            self.no_disk = small_disk(data)
            self._mounted = data if self.no_disk is None else None
        self.server = Server(
            folder,
            data / "data" if self._mounted is not None else None,
            TRIVET_RUNPOD_RETENTION=f"{KEPT:g}",
            TRIVET_RUNPOD_POLL=f"{POLL:g}",
        )

    def __enter__(self) -> Self:
        try:
            self.server.start()
            self.server.deploy()
            self._idle = self.server.descriptors()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.server.close()
        if self._mounted is not None:
            unmount(self._mounted)
            self._mounted = None

    def disk_fault(self) -> Fault:
        """How the disk of this campaign's data folder can be filled."""
        return FillDisk() if self._mounted is not None else LimitFiles()

    def round(self, fault: Fault, seconds: float = 3.0, times: int | None = None) -> Tally:
        """Hurts the platform under load, lets it come to rest, stops and audits it.

        Args:
            fault: how to hurt it.
            seconds: how long to go on with it, where ``times`` does not say how often.
            times: how often; None: for as long as the seconds last.
        """
        self._rounds += 1
        began = time.monotonic()
        tally = Tally(fault.name)
        name = f"r{self._rounds}"
        journal, ledger = Journal(), self.folder / f"ledger-{name}"
        chance = random.Random(f"{self.seed} {name} {fault.name}")
        if not self.server.is_alive:
            self.server.start()
        ground = Ground(self.server, journal, chance)
        mouths = self._mouths(self.server.url, self.server.key)
        load = Load(mouths, journal, OWNER, ledger, seed=self.seed, name=name, callers=self._callers)
        writers = Writers(self.server.url, self.server.key, journal, seed=self.seed, name=name)
        load.start()
        writers.start()
        try:
            ground.pause(0.3, 0.6)
            self._hurt(fault, ground, tally, seconds, times)
            self._await_jobs(journal)
        finally:
            if not self.server.is_alive:
                self.server.start()
            load.stop()
            writers.stop()
        broken = (*load.broken, *writers.broken)
        tally.violations += [Violation("a caller broke", fault.name, repr(error)) for error in broken]
        tally.notes += self._rest(mouths, journal)
        with suppress(Silence):
            writers.look()
        if self.server.is_alive:
            open_files, workers = self.server.descriptors(), len(self.server.workers())
            if open_files > self._idle + SPARE_DESCRIPTORS + FOR_A_WORKER * workers:
                told = f"{open_files} at rest with {workers} workers, {self._idle} when it was idle"
                tally.violations.append(Violation("open files grow", "the server", told))
        tally.violations += [
            Violation("a worker from elsewhere ended by itself", pollers.endpoint_id, pollers.last_words())
            for pollers in self.server.pollers
            if len(pollers.pids()) < pollers.count
        ]
        self._stop(tally)
        disk = read_disk(self.server.data)
        auditor = Auditor(journal.entries(), read_ledger(ledger), disk)
        leaks = [leak for leak in find_leaks(self.server, disk) if leak not in self._leaks]
        self._leaks.update(leaks)  # what is left behind stays, and is told once
        tally.violations += auditor.audit() + leaks
        tally.jobs = auditor.jobs
        tally.seconds = time.monotonic() - began
        if tally.violations:
            tally.evidence = self._keep_evidence(name, journal, ledger)
        return tally

    @staticmethod
    def _hurt(fault: Fault, ground: Ground, tally: Tally, seconds: float, times: int | None) -> None:
        until = time.monotonic() + seconds
        tries = 0
        while tries < times if times is not None else not tries or time.monotonic() < until:
            tries += 1
            try:
                tally.injected += fault.inject(ground)
            except NotHit as miss:
                tally.violations.append(Violation("a fault could not be injected", fault.name, str(miss)))
            ground.pause(0.05, 0.4)

    @staticmethod
    def _await_jobs(journal: Journal) -> None:
        """Lets the callers go on until the round has jobs enough, where they were held up."""
        until = time.monotonic() + LOAD_PATIENCE
        while time.monotonic() < until:
            if len({entry.told.job_id for entry in journal.entries() if isinstance(entry, Acknowledged)}) >= LEAST:
                return
            time.sleep(0.05)

    def _stop(self, tally: Tally) -> None:
        try:
            status = self.server.stop()
        except AssertionError as error:
            tally.violations.append(Violation("the server did not stop", "", str(error)))
        else:
            if status != 0:
                tally.violations.append(Violation("the server did not stop cleanly", f"status {status}", ""))

    def _rest(self, mouths: Sequence[MakeMouth], journal: Journal) -> list[str]:
        """Waits until every acknowledged job is final, as its callers would, and reads some streams once more.

        A job that was acknowledged with a number is asked for by that, and then by the id that was told with it.

        Returns:
            What the platform said of jobs that took their time.
        """
        callers = [make() for make in mouths]
        mouth = callers[0]
        by_number = next((caller for caller in callers if caller.by_number), mouth)
        until = time.monotonic() + REST
        told = {entry.told.job_id: entry.n for entry in journal.entries() if isinstance(entry, Acknowledged)}
        slow, streams = [], []
        for job_id, n in told.items():
            is_number = job_id.isdecimal()
            for sight in self._await(by_number if is_number else mouth, job_id, n, journal, until):
                if not sight.is_final:
                    slow.append(f"{n} is {sight.status} after {LONG:g} s at rest: {self.server.explain(sight.job_id)}")
                elif is_number:
                    list(self._await(mouth, sight.job_id, n, journal, until))
            if n.endswith("stream"):
                streams.append(job_id)
        # a server that died before its answer has jobs that no caller knows of
        while time.monotonic() < until and has_open_jobs(self.server.data):
            time.sleep(0.1)
        for job_id in streams[-REREAD:]:
            with suppress(Silence, Refused):
                Reader(mouth, journal, f"late reader of {job_id}").follow(iter(mouth.read_stream(job_id, 0)))
        for caller in callers:
            caller.close()
        return slow

    @staticmethod
    def _await(mouth: Mouth, job_id: str, n: str, journal: Journal, until: float) -> Iterator[Sight]:
        """A job as it is shown, again and again until it is final."""
        while time.monotonic() < until:
            asked = now()
            try:
                sight = mouth.wait(job_id, LONG)
            except Silence:
                time.sleep(0.2)
                continue
            except Refused:
                return  # the auditor will not find it either, and says so
            journal.write(Seen(sight, asked, now(), n))
            yield sight
            if sight.is_final:
                return

    def _keep_evidence(self, name: str, journal: Journal, ledger: Path) -> Path:
        """The three accounts and the server's log, as they stood when the violation was found."""
        place = self.folder / f"evidence-{name}"
        place.mkdir(exist_ok=True)
        journal.save(place / "journal.jsonl")
        for path in (ledger, self.server.database, self.folder / "server.log", self.folder / "pollers.log"):
            if path.exists():
                shutil.copy(path, place / path.name)
        return place
