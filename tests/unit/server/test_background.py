"""Background work: what goes wrong is logged and stops nothing; the end waits a moment for what has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from trivet.platform.server import background
from trivet.platform.server.background import Tasks


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_work_runs_without_anybody_waiting_and_is_not_kept() -> None:
    async def scene() -> None:
        tasks, done = Tasks(), asyncio.Event()

        async def work() -> None:
            done.set()

        tasks.run(work())
        await done.wait()
        await turns()
        assert tasks._tasks == set()
        await tasks.close()

    play(scene())


def test_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async def work() -> None:
            raise ValueError("out of luck")

        tasks = Tasks()
        tasks.run(work())
        await turns()
        await tasks.close()

    play(scene())
    assert "background work failed" in caplog.text
    assert "out of luck" in caplog.text


def test_a_loop_goes_on_whatever_its_tick_raises(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        tasks, seen, enough = Tasks(), [], asyncio.Event()

        def tick() -> None:
            seen.append(len(seen))
            if len(seen) == 2:
                raise ValueError("once")
            if len(seen) == 4:
                enough.set()

        async def slow_tick() -> None:
            await asyncio.sleep(0)
            tick()

        tasks.every(0, slow_tick, "slow")
        await enough.wait()
        await tasks.close()
        before = len(seen)
        await turns()
        assert len(seen) == before

    play(scene())
    assert "'slow' failed once and goes on" in caplog.text


def test_the_end_waits_for_work_that_has_begun_and_not_for_loops() -> None:
    async def scene() -> None:
        tasks, done = Tasks(), []

        async def work() -> None:
            await turns(20)
            done.append(True)

        tasks.every(1000.0, lambda: None, "rare")
        tasks.run(work())
        await tasks.close()
        assert done == [True]

    play(scene())


def test_the_end_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CLOSE_GRACE", 0.01)

    async def scene() -> None:
        tasks, cancelled = Tasks(), []

        async def work() -> None:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        tasks.run(work())
        await turns()
        await tasks.close()
        assert cancelled == [True]
        assert tasks._tasks == set()

    play(scene())
