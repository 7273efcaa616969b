"""The platform under test: a real server on a folder of its own, which may be struck dead and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil

import trivet
from tests.faults.controls import Controls, Settings
from tests.faults.files import COLLECTION
from tests.faults.pollers import Pollers
from tests.faults.proxy import LinkProxy
from tests.faults.tables import FACTORS, TURNS
from tests.ports import free_port
from tests.unit.worker.small_models import graph, slow_graph, write_model

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
ELSEWHERE = {"admin/polled": 2, "admin/polled_once": 1}
"""How many workers of the suite's own serve which endpoints."""
LINKED = ("linked", "linked_pieces")
"""Programs of RunPod's kind that have the platform's link."""
START_TIMEOUT = 60.0
STOP_TIMEOUT = 60.0
KILL_TIMEOUT = 30.0


class Server:
    """`trivet up` under the suite's start script, in a session of its own.

    Args:
        folder: everything lies below it.
        data: the data folder, where it is not to be ``folder/data``.
        as_shipped: start the product as its users do, without the suite's start script.
        environ: further settings of the server.
    """

    def __init__(self, folder: Path, data: Path | None = None, *, as_shipped: bool = False, **environ: str) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.ledger = folder / "ledger"
        self.controls = Controls(folder / "controls")
        self.controls.folder.mkdir(exist_ok=True)
        self.pollers: list[Pollers] = []
        self.proxy = LinkProxy(self.controls.socket, self.data / "run" / "link.sock")
        self.key = ""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self._as_shipped = as_shipped
        self._environ = environ
        self._config = folder / "config.toml"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        return self.data / "trivet.db"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Starts it; with ``wait`` returns when it takes calls."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TRIVET_")}
        environ = {
            **kept,
            "TRIVET_CONFIG": str(self._config),
            Controls.VARIABLE: str(self.controls.folder),
            **self._environ,
        }
        program = "trivet.cli" if self._as_shipped else "tests.faults.boot"
        command = [sys.executable, "-m", program, "up", "--port", str(self.port), "--data", str(self.data)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.starts += 1
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        until = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            if not self.is_alive:
                raise AssertionError(f"the server ended at its start:\n{self.log[-4000:]}")
            if time.monotonic() > until:
                raise AssertionError(f"the server did not become ready:\n{self.log[-4000:]}")
            time.sleep(0.02)
        if not self.key:
            self.key = tomllib.loads(self._config.read_text())["api_key"]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    def await_death(self, seconds: float) -> bool:
        """Whether it has ended by itself within so many seconds."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to the server alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(KILL_TIMEOUT)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM, and the clean end; returns the exit status."""
        if not self.is_alive:
            return 0
        self.signal(signal.SIGTERM)
        if not self.await_death(STOP_TIMEOUT):
            self.kill()
            raise AssertionError(f"the server did not stop within {STOP_TIMEOUT:g} s:\n{self.log[-4000:]}")
        assert self._process is not None
        return int(self._process.returncode)

    def close(self) -> None:
        """Leaves nothing behind, whatever happened."""
        for pollers in self.pollers:
            pollers.close()
        if self.is_alive:
            self.kill()
        for process in self.descendants():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.proxy.close()

    def deploy(self) -> None:
        """Publishes the menagerie and models, makes a place for files, and starts the workers that live elsewhere."""
        graphs = {TURNS: slow_graph(), **{name: graph(factor) for name, factor in FACTORS.items()}}
        with trivet.Client(self.url, self.key) as client:
            for name, folder in self._programs().items():
                client.deploy(folder)
                if name in LINKED:
                    client.endpoints.update(f"admin/{name}", workers=(0, 2), idle_timeout=60)
            for name, model in graphs.items():
                client.deploy(write_model(self.folder / "models" / name, model=model, name=name))
            client.files.create(f"data://.my/{COLLECTION}")
            key = client.keys.create(label="workers", scopes=["work"]).key
            for name, count in ELSEWHERE.items():
                endpoint = client.endpoints.update(name, workers=(0, 0))  # none of the platform's own
                self.pollers.append(Pollers(self.url, key, endpoint.id, count, self.folder / "pollers.log"))
        for pollers in self.pollers:
            pollers.start()

    def _programs(self) -> dict[str, Path]:
        """What is deployed, by its name: a folder for each program, with the module that keeps the ledger in it."""
        folders = {}
        for name in ("menagerie", *LINKED):
            folder = folders[name] = self.folder / "programs" / name
            folder.mkdir(parents=True)
            for module in (name, "ledger"):
                shutil.copy(PROGRAMS / f"{module}.py", folder)
        return folders

    def explain(self, job_id: str) -> str:
        """Why a job is where it is, in the platform's own words."""
        with trivet.Client(self.url, self.key, timeout=5) as client:
            try:
                return str(client.job(job_id).explain())
            except trivet.TrivetError as error:
                return str(error)

    def set(self, settings: Settings) -> None:
        self.controls.write(settings)

    # -- its processes ------------------------------------------------------------------------------------------------

    def workers(self) -> list[int]:
        """The processes of the platform's workers, as the platform names them."""
        with trivet.Client(self.url, self.key, timeout=5) as client:
            return [worker.pid for worker in client.endpoints.workers() if worker.pid]

    def parents(self) -> list[int]:
        """Children of the server that are no workers themselves: those that workers are forked from."""
        workers = set(self.workers())
        return [p.pid for p in psutil.Process(self.pid).children() if p.pid not in workers]

    def shared(self) -> list[int]:
        """The processes that workers of models share."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                if process.environ().get("TRIVET_HOST") == "shared":
                    found.append(process.pid)
            except psutil.Error:  # it has ended meanwhile
                continue
        return found

    def descendants(self) -> list[psutil.Process]:
        """All processes that work in the data folder, whoever their parent is by now; not the server itself."""
        place = os.fsencode(self.data)
        found = []
        for process in psutil.process_iter():
            if process.pid in (os.getpid(), self._process.pid if self._process is not None else 0):
                continue
            if _lives_in(process.pid, place):
                found.append(process)
        return found

    def descriptors(self) -> int:
        """How many files the server has open."""
        return psutil.Process(self.pid).num_fds()


def _lives_in(pid: int, place: bytes) -> bool:
    """Whether a process was started from, told of, or stands in a folder."""
    proc = Path("/proc") / str(pid)
    try:
        if place in (proc / "cmdline").read_bytes() or place in (proc / "environ").read_bytes():
            return True
        return os.fsencode((proc / "cwd").readlink()).startswith(place)
    except OSError:  # it has ended meanwhile, or is a zombie
        return False
