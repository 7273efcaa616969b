"""What many tests share: a real platform, started as a user starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.ports import free_port

START_TIMEOUT = 60.0
ENOUGH = 30.0
"""Seconds that a killed process may need to be gone, and a stopped one to come to its end."""

# A machine that stands still for a moment is no finding, and the same tests are to be played each time.
# `pytest --hypothesis-profile=default` looks for examples that nobody has seen yet.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


class RunningPlatform:
    """`trivet up` in a process of its own, on a free port and a folder of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "config.toml"
        self.url = ""
        self.key = ""
        self._extra = environ
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._log = folder / "server.log"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which `trivet` and the SDK find this platform."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TRIVET_")}
        kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
        return {**kept, "TRIVET_URL": self.url, "TRIVET_API_KEY": self.key, "TRIVET_CONFIG": str(self.config)}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Starts the server and waits until it is ready."""
        if not self._port:
            self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TRIVET_")}
        environ = {**kept, "TRIVET_CONFIG": str(self.config), **self._extra}
        command = [sys.executable, "-m", "trivet.cli", "up", "--port", str(self._port), "--data", str(self.data)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise AssertionError(f"the platform ended at its start:\n{self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        else:
            raise AssertionError(f"the platform did not become ready:\n{self.log}")
        if not self.key:
            self.key = tomllib.loads(self.config.read_text())["api_key"]

    def kill(self) -> None:
        """SIGKILL to the server alone: its workers must notice by themselves."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(ENOUGH)

    def stop(self) -> int:
        """SIGTERM, and waits for the clean end; returns the exit status."""
        if self._process is None or self._process.poll() is not None:
            return 0 if self._process is None else int(self._process.returncode)
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(2 * ENOUGH)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(ENOUGH)
            raise

    def trivet(self, *words: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs the `trivet` command against this platform."""
        return subprocess.run(
            [sys.executable, "-m", "trivet.cli", *words],
            env=self.env,
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


@pytest.fixture(scope="session")
def platform() -> Iterator[RunningPlatform]:
    """One platform that the whole test run shares. Tests use names of their own on it."""
    folder = Path(tempfile.mkdtemp(prefix="trivet-test-"))
    running = RunningPlatform(folder)
    try:
        running.start()
        yield running
        status = running.stop()
        assert status == 0, f"the platform did not stop cleanly ({status}):\n{running.log[-4000:]}"
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_platform(tmp_path: Path) -> Iterator[RunningPlatform]:
    """A platform for one test alone, which may be killed and started again."""
    running = RunningPlatform(tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.stop()
