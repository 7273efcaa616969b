"""The faults: each knows how to hurt a platform once, and to leave it as it was."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.faults.auditor import FROZEN
from tests.faults.boot import SILENCE
from tests.faults.controls import POLL, Settings
from tests.faults.journal import Ended, Hurt, Journal, now
from tests.faults.points import Point
from tests.faults.server import Server

POINT_PATIENCE = 40.0
"""Seconds of load within which a kill point must have been passed."""
PREY_PATIENCE = 20.0
"""Seconds of load within which there is something to hurt: a worker, a process that models share, a link."""
HOUR = 3600.0


class NotHit(Exception):
    """A fault could not be injected though everything was there for it: the suite is at fault, or out of date."""


@dataclass(slots=True)
class Ground:
    """Where a fault happens: a server, the callers' journal, and chance. ``serial`` numbers the orders to its start script."""

    server: Server
    journal: Journal
    chance: random.Random
    serial: int = 0

    def order(self, **settings: float | str) -> None:
        """Tells the start script what to do; what is not named is set back."""
        self.serial += 1
        self.server.set(Settings(**settings, serial=self.serial))  # type: ignore[arg-type] # checked by Settings itself

    def pause(self, low: float, high: float) -> None:
        time.sleep(self.chance.uniform(low, high))

    @contextmanager
    def hurting(self, fault: str) -> Iterator[None]:
        """Notes that a fault lasts for as long as the block runs."""
        began = now()
        try:
            yield
        finally:
            self.journal.write(Hurt(fault, began, now()))

    def bring_back(self, died_after: float) -> None:
        """The server has ended: takes note, and starts it again."""
        self.journal.write(Ended(died_after, now()))
        self.server.start()

    def some_worker(self) -> int | None:
        """A worker's process, by chance; None where there is none now."""
        try:
            workers = self.server.workers()
        except Exception:  # noqa: BLE001 - the server is hurt already: there is nobody to pick now
            return None
        return self.chance.choice(workers) if workers else None

    def some_shared(self) -> int | None:
        """A process that models share, by chance; None where there is none now."""
        shared = self.server.shared()
        return self.chance.choice(shared) if shared else None

    def strike(self, prey: Callable[[], int | None], number: signal.Signals) -> int | None:
        """Sends a signal to a process as soon as there is one, and returns which; None where none comes to be under load."""
        until = time.monotonic() + PREY_PATIENCE
        while not _strike(pid := prey(), number):  # there is none yet, or it has just ended by itself
            if time.monotonic() > until:
                return None
            self.pause(0.02, 0.1)
        return pid


class Fault(Protocol):
    """A way to hurt a platform."""

    name: str

    def inject(self, ground: Ground) -> int:
        """Hurts it, and heals it again; returns how many times (0: there was nothing to hurt)."""


def _strike(pid: int | None, number: signal.Signals) -> int:
    if pid is None:
        return 0
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return 0
    return 1


class KillServer:
    """SIGKILL to the server, and a new start."""

    name = "server killed"

    def inject(self, ground: Ground) -> int:
        before = now()
        with ground.hurting(self.name):
            ground.server.kill()
            ground.bring_back(before)
        return 1


class StopServer:
    """SIGTERM to the server under load, its clean end, and a new start."""

    name = "server stopped"

    def inject(self, ground: Ground) -> int:
        before = now()
        with ground.hurting(self.name):
            status = ground.server.stop()
            if status != 0:
                raise NotHit(f"the server ended with status {status}:\n{ground.server.log[-2000:]}")
            ground.bring_back(before)
        return 1


class FreezeServer:
    """SIGSTOP to the server, for as long as it takes until its workers seem silent, and SIGCONT."""

    name = "server frozen"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            ground.server.signal(signal.SIGSTOP)
            time.sleep(ground.chance.choice((0.5, SILENCE + 1.0)))
            ground.server.signal(signal.SIGCONT)
        return 1


class KillWorker:
    """SIGKILL to a worker."""

    name = "worker killed"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            return int(ground.strike(ground.some_worker, signal.SIGKILL) is not None)


class EndWorker:
    """SIGTERM to a worker, as an operator might: it hands back what it has not begun."""

    name = "worker told to end"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            return int(ground.strike(ground.some_worker, signal.SIGTERM) is not None)


class KillParent:
    """SIGKILL to a process that workers are forked from."""

    name = "warm parent killed"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            parents = ground.server.parents()
            return _strike(ground.chance.choice(parents), signal.SIGKILL) if parents else 0


class KillShared:
    """SIGKILL to a process that workers of models share: all of them are lost, and none is to blame but who was at work."""

    name = "shared process killed"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            return int(ground.strike(ground.some_shared, signal.SIGKILL) is not None)


class FreezeWorker:
    """SIGSTOP to a worker: it stops answering without dying. The short kind wakes up before anybody has lost patience."""

    def __init__(self, *, short: bool = False) -> None:
        self._seconds = SILENCE / 3 if short else SILENCE + 2.0
        self.name = "worker frozen briefly" if short else "worker frozen"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            worker = ground.strike(ground.some_worker, signal.SIGSTOP)
            time.sleep(self._seconds)
            _strike(worker, signal.SIGCONT)
        return int(worker is not None)


class KillPoller:
    """SIGKILL to a worker that lives elsewhere. The platform learns of it by its silence; another one takes its place."""

    name = "remote worker killed"

    def inject(self, ground: Ground) -> int:
        pollers = ground.chance.choice(ground.server.pollers)
        with ground.hurting(self.name):
            pollers.kill(ground.chance)
            ground.pause(0.0, 0.5)
            pollers.start()
        return 1


class FreezePoller:
    """SIGSTOP to a worker that lives elsewhere, for longer than its silence is borne; what it says then comes late."""

    name = FROZEN

    def inject(self, ground: Ground) -> int:
        pollers = ground.chance.choice(ground.server.pollers)
        poller = ground.chance.choice(pollers.pids())
        with ground.hurting(self.name):
            _strike(poller, signal.SIGSTOP)
            time.sleep(SILENCE + 2.0)
            return _strike(poller, signal.SIGCONT)


class CutLink:
    """Every link between workers and server is cut; new ones get through."""

    name = "links cut"

    def inject(self, ground: Ground) -> int:
        until = time.monotonic() + PREY_PATIENCE
        with ground.hurting(self.name):
            while not (cut := ground.server.proxy.cut()) and time.monotonic() < until:
                ground.pause(0.02, 0.1)  # no worker has a link now
        return min(1, cut)


class HoldLink:
    """The links are half open: nothing gets through, nobody is told, and later everything arrives late."""

    def __init__(self, *, short: bool = False) -> None:
        self._seconds = SILENCE / 3 if short else SILENCE + 2.0
        self.name = "links half open briefly" if short else "links half open"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            ground.server.proxy.hold()
            time.sleep(self._seconds)
            ground.server.proxy.release()
        return 1


class JumpClock:
    """The wall clock jumps forwards and back again, or back and forwards."""

    def __init__(self, by: float) -> None:
        self._by = by
        self.name = "clock jumps forwards" if by > 0 else "clock jumps back"

    def inject(self, ground: Ground) -> int:
        with ground.hurting(self.name):
            ground.order(clock=self._by)
            ground.pause(0.5, 1.5)
            ground.order(clock=0.0)
            ground.pause(0.2, 0.5)
        return 2


class FillDisk:
    """The disk of the data folder fills up, and empties again. The folder must lie on a small disk of its own."""

    name = "disk full"

    def inject(self, ground: Ground) -> int:
        ballast = ground.server.data / "ballast"
        with ground.hurting(self.name):
            try:
                with suppress(OSError), ballast.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(64 * 1024))
                with suppress(OSError), ballast.open("ab", buffering=0) as file:
                    while True:
                        file.write(bytes(512))
                ground.pause(1.0, 2.5)
            finally:
                ballast.unlink()
            ground.pause(0.5, 1.0)
        return 1


class LimitFiles:
    """No file of the server's may grow any more, and then they may again: a full disk, where none can be mounted."""

    name = "file size limit"

    def inject(self, ground: Ground) -> int:
        wal = ground.server.database.with_name("trivet.db-wal")
        pid = ground.server.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        with ground.hurting(self.name):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(wal.stat().st_size, 256 * 1024), hard))
            ground.pause(1.0, 2.5)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
            ground.pause(0.5, 1.0)
        return 1


class LockDatabase:
    """Somebody else holds the database locked, for longer or shorter than the server waits for it."""

    name = "database locked"

    def __init__(self, seconds: tuple[float, ...] = (0.5, 2.0, 6.5)) -> None:
        self._seconds = seconds

    def inject(self, ground: Ground) -> int:
        how = ground.chance.choice(("IMMEDIATE", "EXCLUSIVE"))
        with ground.hurting(self.name), closing(sqlite3.connect(ground.server.database, timeout=30)) as connection:
            connection.isolation_level = None
            connection.execute(f"BEGIN {how}")
            time.sleep(ground.chance.choice(self._seconds))
            connection.execute("ROLLBACK")
        return 1


class KillAtPoints:
    """The server is struck dead at its kill points, at one after the other in any order, and started again each time."""

    def __init__(self, stage: str, points: Sequence[Point], chance: random.Random) -> None:
        self.name = f"killed: {stage}"
        self.left = chance.sample(points, len(points))

    def inject(self, ground: Ground) -> int:
        point = self.left.pop()
        before = now()
        known = len(ground.server.controls.deaths())
        with ground.hurting(self.name):
            if point.provoke == "restart":
                self._end(ground)
            ground.order(point=point.name, passes=ground.chance.randint(1, point.most))
            time.sleep(2 * POLL)  # what is provoked now must not be over before the order is read
            self._provoke(point, ground)
            until = time.monotonic() + POINT_PATIENCE
            while not ground.server.await_death(0.5):
                if time.monotonic() > until:
                    ground.order()
                    raise NotHit(f"the server did not come by {point.name} within {POINT_PATIENCE:g} s")
                if point.provoke.endswith("worker"):
                    self._provoke(point, ground)
            ground.order()
            ground.bring_back(before)
        if ground.server.controls.deaths()[known:] != [point.name]:
            raise NotHit(f"the server died elsewhere than at {point.name}:\n{ground.server.log[-3000:]}")
        return 1

    @staticmethod
    def _provoke(point: Point, ground: Ground) -> None:
        match point.provoke:
            case "kill-worker":
                _strike(ground.some_worker(), signal.SIGKILL)
            case "drain-worker":
                _strike(ground.some_worker(), signal.SIGTERM)
            case "kill-shared-worker":
                _strike(ground.some_shared() if ground.server.is_alive else None, signal.SIGKILL)
            case "restart":
                ground.server.start(wait=False)

    @staticmethod
    def _end(ground: Ground) -> None:
        """Kills the server before the order is given that the next one is to obey: it could come by the point itself."""
        before = now()
        ground.pause(0.2, 0.8)
        ground.server.kill()
        ground.journal.write(Ended(before, now()))


class Several:
    """One fault after the other, each once."""

    name = "several faults"

    def __init__(self, *faults: Fault) -> None:
        self.left = list(faults)

    def inject(self, ground: Ground) -> int:
        return self.left.pop(0).inject(ground)


def small_disk(folder: Path, size: int = 224 * 2**20) -> str | None:
    """Mounts a small disk, large enough for the environment of models; returns None, or why that can't be."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        return "there is no `mount` here"
    except subprocess.CalledProcessError as error:
        return str(error.stderr).strip() or f"mount ended with status {error.returncode}"
    return None


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True, timeout=30)


GENERAL: tuple[Callable[[], Fault], ...] = (
    KillServer,
    StopServer,
    FreezeServer,
    KillWorker,
    EndWorker,
    KillParent,
    KillShared,
    FreezeWorker,
    lambda: FreezeWorker(short=True),
    KillPoller,
    FreezePoller,
    CutLink,
    HoldLink,
    lambda: HoldLink(short=True),
    lambda: JumpClock(HOUR),
    lambda: JumpClock(-HOUR),
    LockDatabase,
)
"""The faults that any server can be hurt with; filling the disk takes a disk."""
