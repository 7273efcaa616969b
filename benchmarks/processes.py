"""The processes of a contender: started, counted, paused and ended as one, by their ids."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

MARK = "TRIVET_BENCHMARK"
"""The environment variable by which the processes of a contender are known, also those that it has detached from itself."""
_PATIENCE = 15.0


class StartError(Exception):
    """A contender could not be started; the message says why, in its own words where it has any."""


class Contender:
    """A program with all that it starts.

    Args:
        name: what to call it.
        command: the program and its arguments.
        folder: where its output is kept, and what it works in.
        environ: environment variables beside ours.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._mark = f"{name}-{secrets.token_hex(8)}"
        self._log = folder / f"{self._mark}.log"
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {}), MARK: self._mark}
        with self._log.open("wb") as log:
            # A session of its own: an interrupt on the terminal is for the benchmark, which then ends this in order.
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The id of the program that was started."""
        return self._process.pid

    def wait_for(self, ready: Callable[[], object], seconds: float = 60.0) -> None:
        """Waits until a look says that it is ready.

        Args:
            ready: called until it gives something true; an OSError counts as no.
            seconds: how long.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if ready():
                    return
            if self._process.poll() is not None:
                raise StartError(f"{self.name} ended with status {self._process.returncode}: {self.last_words()}")
            if time.monotonic() > until:
                raise StartError(f"{self.name} was not ready after {seconds:g} s: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        """The last lines that it wrote."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return " / ".join(lines[-3:])[-500:] or "it wrote nothing"

    def processes(self) -> list[psutil.Process]:
        """All its processes that live now."""
        found = {process.pid: process for process in _family(self.pid)}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid not in found and process.environ().get(MARK) == self._mark:
                    found[process.pid] = process
        return list(found.values())

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used up to now."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory(self) -> int:
        """Bytes that its processes hold for themselves alone."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().uss
        return total

    def pause(self) -> None:
        """Stops it where it is, so that it takes nothing from another's turn."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Asks it to end, then ends what is left of it."""
        everybody = self.processes()
        self.resume()
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        everybody = [process for process in {*everybody, *self.processes()} if process.is_running()]
        for process in everybody:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(everybody, timeout=_PATIENCE)
        self._process.wait(_PATIENCE)

    def _signal(self, number: int) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _family(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        yield parent
        yield from parent.children(recursive=True)
