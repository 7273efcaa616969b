"""Virtual environments: each peer is installed into one of its own, in a folder that stays for the next run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(os.environ.get("TRIVET_BENCHMARK_CACHE") or Path(__file__).parent / ".cache")
"""Where they are kept. Nothing in it is looked at by git or by the project's checks."""
_MARKER = ".installed"
_PATIENCE = 1800.0


class NotInstalledError(Exception):
    """A peer can't be used; the message says why."""


def python_of(name: str, requirements: Sequence[str], *, install: bool, tell: Callable[[str], None]) -> Path:
    """The interpreter of a peer's environment.

    Args:
        name: the peer's.
        requirements: what it is made of.
        install: whether to make it where it is missing.
        tell: told what takes long.

    Raises:
        NotInstalledError: it is not there, or can't be installed.
    """
    made_of = "\n".join([sys.version, *requirements])
    folder = CACHE / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if (folder / _MARKER).exists():
        return python
    if not install:
        raise NotInstalledError("not installed; `make bench` installs it")
    tell(f"Installing {' '.join(requirements)}")
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left half-made
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
    (folder / _MARKER).touch()
    return python


def version_of(python: Path, distribution: str) -> str:
    """The version of what is installed."""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    return subprocess.run(
        [python, "-c", code, distribution], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"installing took more than {_PATIENCE:g} s") from None
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise NotInstalledError(f"can't be installed: {said[-1].strip() if said else 'pip says nothing'}")
