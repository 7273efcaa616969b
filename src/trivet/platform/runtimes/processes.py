"""Ending a worker and everything that it started, also what has left its process group."""

from __future__ import annotations

import contextlib
import os
import signal

MARKER = "TRIVET_WORKER_ID"
"""The variable in the environment of a worker, and so of all that it starts, that tells whose they are."""
_ROUNDS = 20


def signal_group(pid: int, number: int) -> None:
    """Sends a signal to the process group that a worker leads; nothing where it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def kill_strays(worker_id: str) -> None:
    """Kills whatever still has a worker's mark in its environment, until a look around finds no more.

    It looks at every process of the machine, so call it off the event loop.
    """
    import psutil

    for _ in range(_ROUNDS):  # one may fork while another is killed
        found = False
        for pid in psutil.pids():
            with contextlib.suppress(psutil.Error, OSError):
                process = psutil.Process(pid)
                if process.environ().get(MARKER) == worker_id and process.status() != psutil.STATUS_ZOMBIE:
                    process.send_signal(signal.SIGKILL)
                    found = True
        if not found:
            return


def start_time(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None where there is none. It tells a number's users apart."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def group_memory(leaders: frozenset[int]) -> dict[int, int]:
    """The resident memory of process groups, in bytes by their leader's pid.

    Pages that processes of a group share count for each of them. It looks at every process of the machine, so call it off
    the event loop.
    """
    import psutil

    memory = dict.fromkeys(leaders, 0)
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            leader = os.getpgid(pid)
            if leader in memory:
                memory[leader] += psutil.Process(pid).memory_info().rss
    return memory
