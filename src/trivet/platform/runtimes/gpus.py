"""The GPUs of this machine."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping

_TIMEOUT = 10.0


def installed_gpus() -> Mapping[str, int]:
    """Kinds of GPU and how many of each, as the vendor's own tool tells; empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return {}
    try:
        told = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return Counter(line.strip() for line in told.stdout.splitlines() if line.strip())
