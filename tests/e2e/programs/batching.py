"""Handlers that take batches."""

import os
import signal
import time
from pathlib import Path

import trivet


@trivet.endpoint(workers=(0, 1), idle_timeout=600, max_batch_size=16, batch_wait=0.2)
def company(names: list[str]) -> list[int]:
    """How many were in the batch."""
    return [len(names)] * len(names)


@trivet.endpoint(workers=(0, 1), idle_timeout=600, max_batch_size=8, batch_wait=0.5)
async def picky(words: list[str]) -> list[str | Exception]:
    """Refuses some."""
    return [ValueError(f"{word} is no word") if word.isdigit() else word.upper() for word in words]


@trivet.endpoint(workers=(0, 1), idle_timeout=600, max_batch_size=8, batch_wait=0.5)
def fragile(words: list[str]) -> list[str]:
    """Dies of a word, and takes its company along."""
    if "poison" in words:
        os.kill(os.getpid(), signal.SIGKILL)
    return words


@trivet.endpoint(workers=(0, 1), idle_timeout=600, max_batch_size=2, batch_wait=30)
def gate(files: list[str]) -> list[int]:
    """Waits for a file."""
    print("waiting", flush=True)
    while not Path(files[0]).exists():
        time.sleep(0.02)
    return [os.getpid()] * len(files)
