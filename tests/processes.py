"""Processes that tests look at from outside."""

from __future__ import annotations

import psutil


def is_alive(pid: int) -> bool:
    """Whether a process can still do something.

    One that has ended stays until somebody asks for its status. One that was killed is ended when its memory is gone, which is
    some time before its status says so.
    """
    try:
        process = psutil.Process(pid)
        return process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD} and process.memory_info().rss > 0
    except psutil.NoSuchProcess:
        return False
