"""What is large is read beside the event loop, little by little, and never much of it at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MUCH = 64 * 1024
"""Bytes that are read at once, within a few milliseconds."""
_threads = ThreadPoolExecutor(2, thread_name_prefix="trivet-reader")
"""Each takes turns with the event loop: two are as many as it does not feel."""


async def aside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``work`` gives: at once where there is little to do, else on a thread, so that others are answered meanwhile.

    A thread has the interpreter to itself within a single step of C: whoever reads much takes many small steps.

    Args:
        size: bytes that the work is about.
        work: a plain function.
        args, kwargs: what it is given.
    """
    if size <= MUCH:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: work(*args, **kwargs))
