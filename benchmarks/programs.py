"""Programs that are run to their end in an environment of somebody, and tell what they have measured as JSON."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.load import LoadError
from benchmarks.peers.catalogue import PROGRAMS

_PATIENCE = 300.0


def run(python: Path, program: str, *words: object, given: str = "", environ: Mapping[str, str] | None = None) -> Any:
    """Runs a program of those that lie beside the peers, and returns what it prints last, from JSON.

    Args:
        python: the interpreter that runs it.
        program: its name.
        words: its arguments.
        given: what it reads.
        environ: all environment variables that it has; None: ours.

    Raises:
        LoadError: it does not come to its end; says its last words.
    """
    command = [str(python), "-I", str(PROGRAMS / f"{program}.py"), *map(str, words)]
    try:
        done = subprocess.run(
            command, input=given, env=environ, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"{program} was not done after {_PATIENCE:g} s") from None
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise LoadError(f"{program} ended with status {done.returncode}: {said}")
    return json.loads(done.stdout.splitlines()[-1])


def added(python: Path, code: str, times: int) -> float:
    """The seconds that code adds to an interpreter which does nothing: the median of so many pairs, one after the other.

    Raises:
        LoadError: the code fails.
    """
    return statistics.median(_start(python, code) - _start(python, "pass") for _ in range(times))


def _start(python: Path, code: str) -> float:
    began = time.perf_counter()
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise LoadError(f"{code!r} ended with {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return took
