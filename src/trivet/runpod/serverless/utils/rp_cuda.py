"""Whether this machine has a GPU, without a library that knows them."""

from __future__ import annotations

_PATIENCE = 10.0
"""Seconds for the driver's tool to answer; one that hangs has no GPU to offer."""


def is_available() -> bool:
    """Whether NVIDIA's driver is here and answers."""
    import subprocess

    try:
        said = subprocess.run(["nvidia-smi"], capture_output=True, check=True, timeout=_PATIENCE).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return b"NVIDIA-SMI" in said
