"""Workers of RunPod's protocol that live elsewhere: processes of the suite's own, which the platform did not start."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PING = 1000
"""Milliseconds between two pings: the least that the published package bears."""


@dataclass(slots=True)
class Pollers:
    """Keeps as many workers as it was told at one endpoint, each with an id of its own.

    Args:
        url: where the platform listens.
        key: an API key with the scope ``work``.
        endpoint_id: the endpoint that they serve.
        count: how many.
        log: the file that they write to.
    """

    url: str
    key: str
    endpoint_id: str
    count: int
    log: Path
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), init=False)

    def start(self) -> None:
        """Starts those that are missing."""
        self._processes = [process for process in self._processes if process.poll() is None]
        while len(self._processes) < self.count:
            self._processes.append(self._start())

    def pids(self) -> list[int]:
        """The processes that live."""
        return [process.pid for process in self._processes if process.poll() is None]

    def kill(self, chance: random.Random) -> None:
        """SIGKILL to one of them; returns when it is gone, and the next `start` replaces it."""
        process = chance.choice([process for process in self._processes if process.poll() is None])
        process.kill()
        process.wait(30)

    def last_words(self) -> str:
        """The end of what they wrote."""
        return self.log.read_text(errors="replace")[-2000:]

    def close(self) -> None:
        """Ends all of them, whatever they do."""
        for process in self._processes:
            process.kill()
            process.wait(10)
        self._processes = []

    def _start(self) -> subprocess.Popen[bytes]:
        base = f"{self.url}/runpod/v2/{self.endpoint_id}"
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "RUNPOD_POD_ID": f"{self.endpoint_id}-{os.getpid()}-{next(self._numbers)}",
            "RUNPOD_AI_API_KEY": self.key,
            "RUNPOD_PING_INTERVAL": str(PING),
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=none",
        }
        command = [sys.executable, "-m", "tests.faults.programs.poller"]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
