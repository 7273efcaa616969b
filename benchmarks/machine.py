"""The machine that is measured: what it is, and what its disk takes for a sync."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.venvs import CACHE

_RECORD = b"\0" * 4096
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def describe(folder: Path) -> dict[str, object]:
    """What figures depend on."""
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_at_start": [round(value, 2) for value in os.getloadavg()],
        "disk": filesystem(folder),
        "fdatasync_ms": round(statistics.median(sync_times(folder, 100)) * 1000, 3),
    }


def sync_times(folder: Path, times: int) -> list[float]:
    """Seconds that a small append and its sync take, each time."""
    took = []
    descriptor = os.open(folder / "sync", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the second
    try:
        for _ in range(times):
            began = time.perf_counter()
            os.write(descriptor, _RECORD)
            sync(descriptor)
            took.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        (folder / "sync").unlink()
    return took


def filesystem(folder: Path) -> str:
    """The kind of file system that a folder lies on."""
    folder, best = folder.resolve(), ("", "unknown")
    for mounted in psutil.disk_partitions(all=True):
        if folder.is_relative_to(mounted.mountpoint) and len(mounted.mountpoint) >= len(best[0]):
            best = (mounted.mountpoint, mounted.fstype)
    return best[1]


def disk_folder() -> Path:
    """Where to work when nothing is said: the folder for temporary files, unless that is no disk."""
    usual = Path(tempfile.gettempdir())
    if filesystem(usual) not in _IN_MEMORY:
        return usual
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
