"""How every queue is counted: so many jobs by so many submitters, from the first submit until the last result is stored.

Arguments of each program: ``work``, or ``submit`` with the number of submitters and of jobs. Where the queue lies is in the
environment, as `QUEUE_AT`. Each job is a no-op that gives back its argument. The last line printed is the outcome as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable

AT = os.environ["QUEUE_AT"]
POLL = 0.01
"""Seconds between two looks at how many results there are."""


def role() -> str:
    """What this process shall do."""
    return sys.argv[1]


def submitters_and_jobs() -> tuple[int, int]:
    """How many of each."""
    return int(sys.argv[2]), int(sys.argv[3])


async def submit(enqueue: Callable[[int], Awaitable[object]], stored: Callable[[], Awaitable[int]]) -> None:
    """Has coroutines submit, waits until so many results are stored, and prints the outcome."""
    submitters, jobs = submitters_and_jobs()
    before = await stored()
    numbers = iter(range(jobs))

    async def submitter() -> None:
        for number in numbers:
            await enqueue(number)

    began = time.perf_counter()
    await asyncio.gather(*(submitter() for _ in range(submitters)))
    acknowledged = time.perf_counter() - began
    while await stored() < before + jobs:  # noqa: ASYNC110 -- what is waited for happens in another process
        await asyncio.sleep(POLL)
    report(jobs, acknowledged, time.perf_counter() - began)


def submit_in_threads(enqueue: Callable[[int], object], stored: Callable[[], int]) -> None:
    """The same with threads."""
    submitters, jobs = submitters_and_jobs()
    before = stored()
    numbers, lock = iter(range(jobs)), threading.Lock()

    def submitter() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            enqueue(number)

    threads = [threading.Thread(target=submitter) for _ in range(submitters)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged = time.perf_counter() - began
    while stored() < before + jobs:
        time.sleep(POLL)
    report(jobs, acknowledged, time.perf_counter() - began)


def report(jobs: int, acknowledged: float, seconds: float) -> None:
    """Prints the outcome."""
    print(json.dumps({"jobs": jobs, "acknowledged": acknowledged, "seconds": seconds}), flush=True)
