"""The GPUs of this machine, and whether they are what a version asks for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

_TIMEOUT = 10.0


def find_gpus() -> dict[str, int]:
    """How many GPUs of each kind this machine has, as its driver names them; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    try:
        answer = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, int] = {}
    for line in answer.stdout.splitlines():
        if line.strip():
            found[line.strip()] = found.get(line.strip(), 0) + 1
    return found


def missing_gpu(wanted: str | None, have: Mapping[str, int]) -> str | None:
    """Why a version can't have the GPU that it asks for, a sentence; None where it can.

    Args:
        wanted: how many of any kind (``2``), or a part of a kind's name (``A100``), perhaps with how many (``A100:2``).
        have: how many there are of each kind.
    """
    if wanted is None:
        return None
    kind, _, number = ("", "", wanted) if wanted.isdecimal() else wanted.partition(":")
    count = int(number) if number.isdecimal() else 1
    there = sum(n for name, n in have.items() if kind.strip().lower() in name.lower())
    if there >= count:
        return None
    listing = ", ".join(f"{n} × {name}" for name, n in sorted(have.items())) or "none"
    return f"no such GPU here: {wanted}; this node has {listing}"
