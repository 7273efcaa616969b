"""Handlers that fail before they succeed, and one that streams a lot."""

import os
import time
from pathlib import Path

import trivet


def tries(marker: str) -> int:
    """Counts this call in a file, and says which it is."""
    with Path(marker).open("a+") as file:
        file.write("x")
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


@trivet.endpoint(workers=(0, 2), idle_timeout=600, max_attempts=3, retry_on=["ConnectionError"], backoff=0.1)
def flaky(marker: str, fails: int, kind: str = "connection") -> int:
    number = tries(marker)
    if number <= fails:
        raise ConnectionError("no route") if kind == "connection" else ValueError("no value")
    return number


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def careful(marker: str, seconds: float = 0.0) -> int:
    number = tries(marker)
    time.sleep(seconds)
    return number


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def pieces(n: int, seconds: float = 0.0):
    for i in range(n):
        yield i
        if seconds:
            time.sleep(seconds)


@trivet.endpoint(workers=(0, 1), idle_timeout=0.1, retention=1.0)
def short_lived(value: int) -> int:
    return value
