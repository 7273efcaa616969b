"""Waking: everybody who listens, nobody else, and no notification lost."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from trivet.platform.core.errors import Unavailable
from trivet.platform.server.notifier import LoopNotifier

LONG = 10.0
"""Seconds; a test that waits so long has failed."""


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, LONG))


@pytest.fixture
def notifier() -> LoopNotifier:
    return LoopNotifier()


def test_a_notification_wakes_all_who_listen_to_its_topic_and_nobody_else(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as first, notifier.subscribe("a") as second, notifier.subscribe("b") as other:
            waits = [asyncio.create_task(one.wait(LONG)) for one in (first, second)]
            stays = asyncio.create_task(other.wait(0.02))
            await asyncio.sleep(0)
            notifier.notify("a")
            assert await asyncio.gather(*waits) == [True, True]
            assert await stays is False

    play(scene())


def test_a_notification_before_the_wait_ends_it_at_once_and_counts_once(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as one:
            notifier.notify("a")
            notifier.notify("a")
            assert await one.wait(LONG) is True
            assert await one.wait(0.001) is False

    play(scene())


def test_a_wait_without_a_limit_ends_with_the_notification(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as one:
            wait = asyncio.create_task(one.wait(None))
            await asyncio.sleep(0)
            assert not wait.done()
            notifier.notify("a")
            assert await wait is True

    play(scene())


def test_who_comes_after_the_close_does_not_wait(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        notifier.close()
        with notifier.subscribe("a") as one, pytest.raises(Unavailable, match="shutting down"):
            await asyncio.wait_for(one.wait(LONG), LONG / 2)

    play(scene())


def test_no_time_at_all_is_a_look(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as one:
            assert await one.wait(0) is False
            notifier.notify("a")
            assert await one.wait(0) is True

    play(scene())


def test_a_notification_that_comes_as_a_wait_gives_up_is_there_for_the_next(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as one:
            wait = asyncio.create_task(one.wait(LONG))
            await asyncio.sleep(0)
            assert one._waiter is not None
            one._waiter.set_result(False)  # as its timer does
            notifier.notify("a")
            assert await wait is False
            assert await one.wait(0) is True

    play(scene())


def test_a_notification_while_a_wait_is_cancelled_is_there_for_the_next(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as one:
            wait = asyncio.create_task(one.wait(LONG))
            await asyncio.sleep(0)
            wait.cancel()
            notifier.notify("a")
            with pytest.raises(asyncio.CancelledError):
                await wait
            assert await one.wait(0) is True

    play(scene())


def test_who_has_left_is_not_kept(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        with notifier.subscribe("a") as outer:
            with notifier.subscribe("a"):
                pass
            assert notifier._topics["a"] == {outer}
        assert notifier._topics == {}
        notifier.notify("a")

    play(scene())


def test_who_leaves_by_an_error_is_not_kept_either(notifier: LoopNotifier) -> None:
    with pytest.raises(ValueError, match="away"), notifier.subscribe("a"):
        raise ValueError("away")
    assert notifier._topics == {}


def test_a_watch_is_called_at_each_notification_of_its_topic_until_it_ends(notifier: LoopNotifier) -> None:
    called: list[tuple[str, bool]] = []
    first = notifier.watch("a", lambda is_up: called.append(("first", is_up)))
    notifier.watch("a", lambda is_up: called.append(("second", is_up)))
    notifier.notify("a")
    notifier.notify("b")
    first.end()
    first.end()
    notifier.notify("a")
    assert called == [("first", True), ("second", True), ("second", True)]


def test_a_watch_may_end_itself_and_others_while_it_is_called(notifier: LoopNotifier) -> None:
    called: list[str] = []

    def ends_both(_: bool) -> None:
        called.append("first")
        first.end()
        second.end()

    first = notifier.watch("a", ends_both)
    second = notifier.watch("a", lambda _: called.append("second"))
    notifier.notify("a")
    notifier.notify("a")
    assert called == ["first"]


def test_a_watch_that_fails_keeps_nobody_from_being_told(
    notifier: LoopNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[bool] = []

    def fails(_: bool) -> None:
        raise ZeroDivisionError

    notifier.watch("a", fails)
    notifier.watch("a", called.append)
    notifier.notify("a")
    assert called == [True]
    assert "ZeroDivisionError" in caplog.text


def test_a_shutdown_tells_every_watch_also_those_that_come_later(notifier: LoopNotifier) -> None:
    async def scene() -> None:
        called: list[tuple[str, bool]] = []
        notifier.watch("a", lambda is_up: called.append(("early", is_up)))
        notifier.close()
        notifier.watch("b", lambda is_up: called.append(("late", is_up)))
        ended = notifier.watch("c", lambda is_up: called.append(("ended", is_up)))
        ended.end()
        assert called == [("early", False)]
        await asyncio.sleep(0)
        assert called == [("early", False), ("late", False)]

    play(scene())


def test_a_watch_that_has_ended_keeps_nothing_of_its_listener() -> None:
    class Caller:
        watch: object = None

    notifier, caller = LoopNotifier(), Caller()

    def listen(_: bool, known: Caller = caller) -> None:
        """Knows its caller, who knows the watch."""

    caller.watch = watch = notifier.watch("job_1", listen)
    kept = weakref.ref(caller)
    watch.end()
    del listen, watch, caller
    assert kept() is None
