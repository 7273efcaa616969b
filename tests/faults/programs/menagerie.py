"""Handlers that keep a ledger (`ledger.py`, which is deployed beside them)."""

import asyncio
import contextlib
import os
import signal
import time

from ledger import Execution, times_begun

import trivet


@trivet.endpoint(workers=(0, 2), idle_timeout=60)
def echo(n, ledger, value=None, pad=""):
    """Gives back what it got."""
    return Execution(n, ledger).answer(value=value, pad=pad)


@trivet.endpoint(workers=(0, 2), idle_timeout=0.5)
def nap(n, ledger, seconds=0.2):
    """Takes a while, tells how far it is, and stops when it is told to. Its workers come and go."""
    execution = Execution(n, ledger)
    for step in range(4):
        trivet.progress(step / 4, f"step {step}")
        print(f"{n}: step {step}")
        time.sleep(seconds / 4)
    return execution.answer()


@trivet.endpoint(workers=(0, 1), concurrency=4, idle_timeout=60)
async def share(n, ledger, seconds=0.1):
    """Several at once in one worker."""
    execution = Execution(n, ledger)
    await asyncio.sleep(seconds)
    return execution.answer()


@trivet.endpoint(workers=(0, 2), idle_timeout=60)
def pieces(n, ledger, count=5, seconds=0.0):
    """Streams."""
    execution = Execution(n, ledger)
    for i in range(count):
        if seconds:
            time.sleep(seconds)
        yield {"n": n, "run": execution.run, "i": i}
    execution.write("end")


@trivet.endpoint(workers=(0, 2), idle_timeout=60)
def moody(n, ledger, how="raise"):
    """Fails in the way it is told to."""
    execution = Execution(n, ledger)
    if how == "raise":
        execution.write("end")
        raise ValueError(f"{n} was told to fail")
    if how == "die" or (how == "die_once" and times_begun(n, ledger) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return execution.answer()


@trivet.endpoint(workers=(0, 2), idle_timeout=60, retry_on=["handler_error", "worker_lost"], backoff=0.05)
def retried(n, ledger, how="raise_once"):
    """Fails at first, or always; its errors are tried again."""
    execution = Execution(n, ledger)
    if how == "raise" or times_begun(n, ledger) == 1:
        execution.write("end")
        raise ValueError(f"{n} was told to fail")
    return execution.answer()


@trivet.endpoint(workers=(0, 2), idle_timeout=60, max_batch_size=8, batch_wait=0.02)
def batched(items):
    """Takes several calls at once; each has an end of its own."""
    executions = [Execution(item["n"], item["ledger"]) for item in items]
    time.sleep(0.02)
    return [execution.answer(value=item["value"], pad="") for execution, item in zip(executions, items, strict=True)]


@trivet.endpoint(workers=(0, 2), idle_timeout=60, max_attempts=1)
def once(n, ledger, seconds=0.02):
    """Must not be tried again."""
    execution = Execution(n, ledger)
    time.sleep(seconds)
    return execution.answer()


@trivet.endpoint(workers=(0, 2), idle_timeout=60)
def stubborn(n, ledger, seconds=60.0):
    """Does not stop when it is told to."""
    execution = Execution(n, ledger)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(BaseException):
            time.sleep(until - time.monotonic())
    return execution.answer()


@trivet.endpoint(workers=(0, 2), idle_timeout=60, timeout=1)
def late(n, ledger):
    """Runs over its timeout."""
    execution = Execution(n, ledger)
    time.sleep(30)
    return execution.answer()


@trivet.endpoint(workers=(0, 1))
def polled(n, ledger, how="echo", value=None, pad="", seconds=0.0, count=0):
    """Is switched off: its workers live elsewhere and poll (`tests/faults/programs/poller.py`)."""
    raise RuntimeError(f"{n} came to a worker of this platform")


@trivet.endpoint(workers=(0, 1), max_attempts=1)
def polled_once(n, ledger, how="echo", value=None, pad="", seconds=0.0, count=0):
    """The same, and must not be tried again."""
    raise RuntimeError(f"{n} came to a worker of this platform")
