"""A run: where it works, how long it measures, and whom beside ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Entry, Outcome
from benchmarks.load import LoadError, Target, fetch
from benchmarks.network import free_port
from benchmarks.ours import Ours
from benchmarks.peers.catalogue import PEERS, RunningPeer
from benchmarks.peers.originals import Original, Package
from benchmarks.processes import Contender, StartError
from benchmarks.queues.catalogue import Queue, RunningQueue
from benchmarks.venvs import NotInstalledError

PROJECT = Path(__file__).parent.parent


@dataclass(slots=True)
class Bench:
    """One run of the benchmark.

    Args:
        folder: an empty folder on the disk that is to be measured; its path is short, because sockets lie in it.
        rounds: how often each contender has its turn.
        seconds: how long a turn under load lasts.
        backlog: how many jobs a long queue has.
        endpoints: how many endpoints a large installation has.
        size: MiB of a large file.
        table: rows of a large table.
        peers: the names of those that are to run.
        install: whether those that are missing are installed.
        torch: the requirement by which torch is installed for the row on cold starts; empty: it is left out.
        tell: told what goes on.
    """

    folder: Path
    rounds: int = 3
    seconds: float = 2.0
    backlog: int = 100_000
    endpoints: int = 1000
    size: int = 256
    table: int = 100_000
    peers: frozenset[str] = frozenset()
    install: bool = False
    torch: str = ""
    tell: Callable[[str], None] = print
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)), init=False, repr=False)

    def times(self, many: int) -> int:
        """How often something quick is repeated in a round: so many times in a full run, fewer in a short one."""
        return max(5, int(many * min(1.0, self.seconds / 2.0)))

    def fresh(self, name: str) -> Path:
        """A folder that does not exist yet."""
        return self.folder / f"{name}{next(self._numbers)}"

    @contextmanager
    def ours(self, source: str, **environ: str) -> Iterator[Ours]:
        """A platform on which a module is published."""
        with Ours(self.fresh("t"), environ) as ours:
            ours.deploy("bench", source)
            yield ours

    @contextmanager
    def floor(self) -> Iterator[tuple[Contender, Target]]:
        """The floor, and a request to its root."""
        port, folder = free_port(), self.fresh("f")
        folder.mkdir()
        command = [sys.executable, "-m", "benchmarks.floor", "serve", str(port), str(folder / "floor.sock")]
        with self._module(command, "floor", folder, Target(port, "/")) as running:
            yield running

    @contextmanager
    def bare(self) -> Iterator[tuple[Contender, Target]]:
        """The server that answers with a constant, and a request to it."""
        port, folder = free_port(), self.fresh("b")
        folder.mkdir()
        command = [sys.executable, "-m", "benchmarks.bare", str(port)]
        with self._module(command, "bare", folder, Target(port, "/")) as running:
            yield running

    @contextmanager
    def _module(
        self, command: list[str], name: str, folder: Path, target: Target
    ) -> Iterator[tuple[Contender, Target]]:
        with Contender(name, command, folder, {"PYTHONPATH": str(PROJECT)}) as contender:
            contender.wait_for(lambda: fetch(target.to("/", b"{}")))
            yield contender, target

    def start_peers(self, role: str, outcome: Outcome, stack: ExitStack) -> list[RunningPeer]:
        """The model servers that are to run and can, paused; the others are told in the outcome.

        Args:
            role: ``echo`` or ``stream``.
            outcome: where those that can't run are told.
            stack: what ends them.
        """
        running = []
        for peer in PEERS:
            if peer.name not in self.peers or (role == "stream" and peer.stream is None):
                continue
            self.tell(f"Starting {peer.title}")
            try:
                started = RunningPeer(peer, role, self.fresh("p"), install=self.install, tell=self.tell)
            except (NotInstalledError, StartError, LoadError, OSError) as error:
                outcome.missing.append((peer.title, str(error)))
                continue
            stack.enter_context(started)
            started.process.pause()
            running.append(started)
        return running

    def packages(self, original: Original, outcome: Outcome) -> list[tuple[Entry, Package]]:
        """Our module, and behind it the original where that is wanted and can be had, each as a contender.

        Args:
            original: whose place the module takes.
            outcome: where they are told, and the original, too, if it can't be had.
        """
        found = [(outcome.entry(original.ours, "ours"), Package.ours(original))]
        if original.name in self.peers:
            try:
                theirs = Package.theirs(original, install=self.install, tell=self.tell)
            except NotInstalledError as error:
                outcome.missing.append((original.distribution, str(error)))
            else:
                found.append((outcome.entry(theirs.title, "peer"), theirs))
        return found

    def queue(self, queue: Queue) -> RunningQueue:
        """A durable queue with an empty store of its own.

        Raises:
            NotInstalledError: it is not there, or can't be installed.
            StartError: it does not start.
        """
        return RunningQueue(queue, self.fresh("q"), install=self.install, tell=self.tell)
