"""Programs that are run to their end in an environment of somebody, and tell what they have measured as JSON."""

from __future__ import annotations

import json
import resource
import subprocess
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
    """The processor time in seconds that code adds to an interpreter which does nothing, with what it starts in turn.

    Each of the two is started so many times, one beside the other, and counts with its least: what others do on the machine
    only ever adds.

    Raises:
        LoadError: the code fails.
    """
    starts = [(_start(python, code), _start(python, "pass")) for _ in range(times)]
    return min(with_it for with_it, _ in starts) - min(bare for _, bare in starts)


def _start(python: Path, code: str) -> float:
    before = _used()
    done = subprocess.run(
        [str(python), "-I", "-c", code], capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    if done.returncode:
        raise LoadError(f"{code!r} ended with {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return _used() - before


def _used() -> float:
    """The processor time of all programs that were run to their end here."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
