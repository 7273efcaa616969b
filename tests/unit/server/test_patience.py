"""The watch over those who owe the rest of a request."""

from __future__ import annotations

import asyncio

from trivet.platform.server.patience import Patience, Watch

LONG = 10.0
"""Seconds; a test that takes so long has failed."""


class Debtor:
    """Owes something until it has been looked at so many times."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.seen: list[float] = []
        self.enough = asyncio.Event()

    def dun(self, now: float) -> bool:
        self.seen.append(now)
        if len(self.seen) == self.looks:
            self.enough.set()
        return len(self.seen) < self.looks


def pending() -> int:
    """How many timers the event loop has."""
    return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]  # no public way to see them


def test_whoever_owes_is_looked_at_until_it_does_not_and_then_nothing_runs() -> None:
    async def scene() -> None:
        watch = Watch(Patience(0.004, 0.004))
        short, long = Debtor(1), Debtor(3)
        for debtor in (short, long, long):
            watch.add(debtor)
        async with asyncio.timeout(LONG):
            await long.enough.wait()
        assert (len(short.seen), len(long.seen)) == (1, 3)
        assert long.seen == sorted(long.seen)
        again = Debtor(1)
        watch.add(again)
        async with asyncio.timeout(LONG):
            await again.enough.wait()

    asyncio.run(scene())


def test_who_has_gone_is_not_looked_at_and_no_timer_stays_behind() -> None:
    async def scene() -> None:
        watch, gone = Watch(Patience()), Debtor(1)
        before = pending()
        watch.add(gone)
        assert pending() == before + 1
        watch.discard(gone)
        watch.discard(gone)
        await asyncio.sleep(0)
        assert not gone.seen
        assert all(handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]  # as above

    asyncio.run(scene())
