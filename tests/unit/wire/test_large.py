"""What is large is read beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from trivet.platform.wire.large import MUCH, aside


def test_little_is_read_at_once_and_much_on_a_thread() -> None:
    async def scene() -> None:
        here = threading.get_ident()
        assert await aside(MUCH, threading.get_ident) == here
        assert await aside(MUCH + 1, threading.get_ident) != here

    asyncio.run(scene())


@pytest.mark.parametrize("size", [0, MUCH + 1])
def test_it_gives_what_the_work_gives_or_raises(size: int) -> None:
    async def scene() -> None:
        assert await aside(size, int, "ff", base=16) == 255
        with pytest.raises(ValueError, match="invalid literal"):
            await aside(size, int, "x")

    asyncio.run(scene())


def test_no_more_than_two_are_read_at_once() -> None:
    async def scene() -> None:
        go_on, together, most = threading.Event(), [0], [0]
        lock = threading.Lock()

        def work() -> None:
            with lock:
                together[0] += 1
                most[0] = max(most[0], together[0])
            go_on.wait(10)
            with lock:
                together[0] -= 1

        reading = [asyncio.ensure_future(aside(MUCH + 1, work)) for _ in range(5)]
        while together[0] < 2:
            await asyncio.sleep(0.001)
        go_on.set()
        await asyncio.gather(*reading)
        assert most == [2]

    asyncio.run(scene())
