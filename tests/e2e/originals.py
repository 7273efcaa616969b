"""Environments with published packages, unmodified, in the versions that people have: made once per checkout.

A test gets an interpreter by `original_python("1.12.0")`. It runs one program with it by `run_original`, and many by an
`Original`, which imports the package only once. The packages never enter the environment of the tests themselves.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LATEST = "1.12.0"
VERSIONS = ("1.7.9", "1.9.1", LATEST)
"""The versions of `runpod` that programs must go on working with."""
ALGORITHMIA_LATEST = "2.0.5"
ALGORITHMIA_VERSIONS = ("1.17.0", ALGORITHMIA_LATEST)
"""The versions of `algorithmia` that programs must go on working with: what repositories pin, and what callers have."""
_FOLDER = Path(__file__).resolve().parents[2] / ".pytest_cache" / "originals"
_COMPLETE = ".complete"
_INSTALL_TIMEOUT = 600.0
_PASSED_ON = ("LANG", "PATH", "TMPDIR", "SSL_CERT_DIR", "SSL_CERT_FILE")


@cache
def original_python(version: str = LATEST, package: str = "runpod") -> Path:
    """The interpreter of an environment that holds one version of a published package.

    The first call in a checkout installs it; later runs, and other processes at the same time, share it.
    """
    made_for = hashlib.sha256(f"{version} {sys.version} {sys.prefix}".encode()).hexdigest()[:12]
    folder = _FOLDER / f"{package}-{version}-{made_for}"
    python = folder / "bin" / "python"
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with (_FOLDER / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
            _uv("venv", "--python", sys.executable, str(folder))
            _uv("pip", "install", "--python", str(python), f"{package}=={version}")
            (folder / _COMPLETE).touch()
    return python


def _uv(*words: str) -> None:
    environ = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    if "PIP_INDEX_URL" in environ:
        environ.setdefault("UV_DEFAULT_INDEX", environ["PIP_INDEX_URL"])
    done = subprocess.run(
        [sys.executable, "-m", "uv", "--no-config", "--quiet", *words],
        env=environ, cwd=_FOLDER, check=False, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"uv {' '.join(words)}\n{done.stdout}{done.stderr}"


def pointing(url: str, key: str) -> dict[str, str]:
    """The variables that point the original package at a platform, as ``trivet env runpod`` prints them."""
    return {
        "RUNPOD_API_KEY": key,
        "RUNPOD_ENDPOINT_BASE_URL": f"{url}/runpod/v2",
        "RUNPOD_API_BASE_URL": f"{url}/runpod",
    }


def pointing_algorithmia(url: str, key: str) -> dict[str, str]:
    """The variables that point Algorithmia's package at a platform, as ``trivet env algorithmia`` prints them."""
    return {"ALGORITHMIA_API_KEY": key, "ALGORITHMIA_API": f"{url}/algorithmia"}


def run_original(
    python: Path, script: str, env: Mapping[str, str], timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Runs a program with an original package: in an empty folder that is also its home, and in nobody's environment.

    Args:
        python: the interpreter, from `original_python`.
        script: the program's text.
        env: what it is given beside PATH and the like.
        timeout: seconds that it may take.

    Returns:
        Its end, with its output as text. Its exit status is not judged.
    """
    with tempfile.TemporaryDirectory(prefix="trivet-original-") as folder:
        program = Path(folder) / "main.py"
        program.write_text(script, encoding="utf-8")
        return subprocess.run(
            [str(python), "-u", str(program)],
            env=_environ(Path(folder), env),
            cwd=folder, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip


def _environ(home: Path, env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # A home of its own: the package prefers the key in ~/.runpod to any other.
    return {**kept, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **env}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it printed."""

    status: int
    stdout: str
    stderr: str

    def answer(self) -> Any:
        """What it printed last, as JSON; it must have ended well."""
        assert self.status == 0, f"{self.stdout}\n{self.stderr}"
        lines = self.stdout.strip().splitlines()
        assert lines, f"it printed nothing\n{self.stderr}"
        return json.loads(lines[-1])


class Running:
    """A program that runs beside the test."""

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder = folder
        self._pid = pid

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return self._read("stdout")

    def printed(self, text: str, timeout: float = 60.0) -> None:
        """Returns when it has printed ``text``."""
        until = time.monotonic() + timeout
        while text not in self.stdout:
            assert time.monotonic() < until, f"it did not print {text!r}\n{self.stdout}\n{self._read('stderr')}"
            assert not (self._folder / "status").exists() or text in self.stdout, self.stdout + self._read("stderr")
            time.sleep(0.02)

    def interrupt(self) -> None:
        """Presses Ctrl+C."""
        os.kill(self._pid, signal.SIGINT)

    def end(self, timeout: float = 60.0) -> Ended:
        """Waits for its end; kills it where that takes longer than ``timeout`` seconds."""
        until = time.monotonic() + timeout
        while not (self._folder / "status").exists():
            if time.monotonic() > until:
                os.kill(self._pid, signal.SIGKILL)
                raise AssertionError(f"it ran for more than {timeout:g} s\n{self.stdout}\n{self._read('stderr')}")
            time.sleep(0.02)
        return Ended(int(self._read("status")), self.stdout, self._read("stderr"))

    def _read(self, name: str) -> str:
        file = self._folder / name
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


class Original:
    """An interpreter that has imported an original package once, and runs programs in forks of itself.

    Importing `runpod` takes two seconds and more; a fork has it at once. Each program has a folder of its own.

    Args:
        python: the interpreter, from `original_python`.
        folder: where the programs' folders are made; it is also their home.
        env: what they are given beside PATH and the like. The package reads part of it when it is imported.
    """

    def __init__(self, python: Path, folder: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._player = subprocess.Popen(
            [str(python), "-u", str(Path(__file__).parent / "programs" / "player.py")],
            env=_environ(folder, env), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self._tell(None) == "ready", "the original package can't be imported"

    def start(self, script: str) -> Running:
        """Starts a program and returns at once. May be called by several threads."""
        with self._lock:
            self._count += 1
            folder = self._folder / f"program-{self._count}"
            folder.mkdir()
            (folder / "main.py").write_text(script, encoding="utf-8")
            return Running(folder, int(self._tell(str(folder))))

    def run(self, script: str, timeout: float = 60.0) -> Ended:
        """Runs a program to its end."""
        return self.start(script).end(timeout)

    def answer(self, script: str, timeout: float = 60.0) -> Any:
        """What a program printed last, as JSON; it must end well."""
        return self.run(script, timeout).answer()

    def close(self) -> None:
        """Ends the interpreter. Programs that still run are not waited for."""
        assert self._player.stdin is not None
        assert self._player.stdout is not None
        self._player.stdin.close()
        self._player.wait(30)
        self._player.stdout.close()

    def _tell(self, line: str | None) -> str:
        assert self._player.stdin is not None
        assert self._player.stdout is not None
        if line is not None:
            self._player.stdin.write(f"{line}\n")
            self._player.stdin.flush()
        return self._player.stdout.readline().strip()
