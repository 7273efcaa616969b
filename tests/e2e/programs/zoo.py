"""Handlers that behave, and handlers that do not."""

import asyncio
import contextlib
import os
import signal
import sys
import time

import trivet


@trivet.endpoint(workers=(0, 2), idle_timeout=600)
def echo(value):
    return value


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
async def slow_echo(value: str, seconds: float = 0.1) -> str:
    await asyncio.sleep(seconds)
    return value


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def count(n: int):
    for i in range(n):
        yield {"i": i}


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
async def acount(n: int, seconds: float = 0.0):
    for i in range(n):
        await asyncio.sleep(seconds)
        yield i


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def sleeper(seconds: float = 60.0, tell: bool = False) -> str:
    for i in range(int(seconds * 10)):
        if tell:
            trivet.progress(i / (seconds * 10), f"step {i}")
        time.sleep(0.1)
    return "slept"


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def stubborn(seconds: float = 60.0) -> str:
    until = time.time() + seconds
    while time.time() < until:
        with contextlib.suppress(BaseException):
            time.sleep(until - time.time())
    return "finished after all"


@trivet.endpoint(workers=(0, 1), idle_timeout=600, timeout=1)
def too_slow() -> str:
    time.sleep(30)
    return "never"


@trivet.endpoint(workers=(0, 2), idle_timeout=600)
def misbehave(how: str):
    if how == "raise":
        print("about to fail")
        raise ValueError("that went wrong")
    if how == "unserialisable":
        return {"thing": object()}
    if how == "megabytes":
        for _ in range(3000):
            print("x" * 1000)
        return "printed"
    if how == "fork":
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
        return "forked"
    if how == "exit":
        sys.exit(3)
    if how == "die":
        sys.stderr.write("last words of the dying\n")
        sys.__stderr__.write("dying for real\n")
        sys.__stderr__.flush()
        os._exit(9)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "nan":
        return float("nan")
    return "nothing"


@trivet.endpoint(workers=(0, 2), idle_timeout=600)
def die_once(marker: str) -> str:
    """Kills its worker at the first attempt, answers at the second."""
    try:
        fd = os.open(marker, os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return "answered"
    os.close(fd)
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@trivet.endpoint(workers=(0, 1), idle_timeout=600)
def reverse(data: bytes) -> bytes:
    return data[::-1]


@trivet.endpoint(workers=(0, 1), idle_timeout=600, memory="300MiB")
def greedy(mebibytes: int) -> int:
    held = bytearray(mebibytes * 1024 * 1024)
    for i in range(0, len(held), 4096):
        held[i] = 1
    time.sleep(2)
    return len(held)
