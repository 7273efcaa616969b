"""Trying a job again by hand: who may, for whom, and what is found by the first one's id."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import Conflict, CoreError, Forbidden, NotFound, TooManyOpenJobs
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.limits import NO_LIMITS, CallLimits, held_limits
from trivet.platform.core.payloads import INLINE_LIMIT, Payload
from trivet.platform.core.views import JobView

HELLO = ref("ada/hello")


class Shop(Plant):
    """Ada's ``ada/hello``, which everybody may call; Sam does."""

    def __init__(self) -> None:
        super().__init__()
        self.ada, self.sam = self.account("ada"), self.account("sam")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", max_attempts=1)

    async def open(self) -> Hand:
        await self.endpoints.update(self.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC))
        return await self.hand(self.version)

    async def failed(self, hand: Hand, options: CallOptions | None = None, body: Payload | None = None) -> JobView:
        """A job of Sam's that has failed."""
        view = await self.calls.submit(self.sam, HELLO, body or payload(), options or CallOptions())
        return await self.fail(hand, view)

    async def fail(self, hand: Hand, view: JobView) -> JobView:
        await self.until(lambda: bool(hand.orders) and hand.orders[-1].job_id == view.job.id)
        hand.fail()
        await self.settle()
        return await self.jobs.get(self.sam, view.job.id)

    async def all(self) -> list[Job]:
        return await self.store.read(lambda tx: tx.jobs.page(limit=500))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_the_newest_try_is_found_by_the_id_of_the_first_and_the_first_stays_what_it_was(shop: Shop) -> None:
    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand, CallOptions(timeout=7.0, aside=b'{"key":"secret"}', idempotency_key="mine"))
        assert (await shop.jobs.newest(shop.sam, first.job.id)).job == first.job
        second = await shop.fail(hand, await shop.replays.retry(shop.sam, first.job.id))
        third = await shop.replays.retry(shop.sam, first.job.id)
        for known in (first, second, third):
            assert (await shop.jobs.newest(shop.sam, known.job.id)).job.id == third.job.id
        assert (third.job.retry_of, third.job.retry_number) == (first.job.id, 2)
        assert (third.job.policy, third.job.aside) == (first.job.policy, first.job.aside)
        assert (third.job.key_id, third.job.idempotency_key) == (first.job.key_id, None)
        assert (await shop.jobs.get(shop.sam, first.job.id)).job == first.job
        assert (await shop.replays.replay(shop.sam, third.job.id)).job.retry_of is None

    shop.play(scene())


def test_what_is_known_by_a_job_that_was_forgotten_is_its_newest_try(shop: Shop) -> None:
    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand)
        second = await shop.fail(hand, await shop.replays.retry(shop.sam, first.job.id))
        shop.dispatcher.tick()
        await shop.store.write(lambda tx: tx.jobs.remove([first.job.id]))
        await shop.settle()
        assert (await shop.jobs.newest(shop.sam, first.job.id)).job.id == second.job.id
        third = await shop.replays.retry(shop.sam, first.job.id)
        assert (third.job.first_id, third.job.retry_number) == (first.job.id, 2)
        await shop.until(lambda: hand.orders[-1].job_id == third.job.id)
        hand.succeed()
        await shop.settle()
        assert (await shop.jobs.newest(shop.sam, first.job.id)).job.status is JobStatus.SUCCEEDED
        with pytest.raises(NotFound, match="job_none"):
            await shop.jobs.newest(shop.sam, "job_none")

    shop.play(scene())


def test_many_retries_at_the_same_moment_are_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        hand = await shop.open()
        large = Payload.inline(b'"%b"' % (b"x" * INLINE_LIMIT))
        first = await shop.failed(hand, body=large)
        all_here, read = asyncio.Barrier(8), shop.jobs.read

        async def read_together(given: Payload) -> bytes:
            await all_here.wait()
            return await read(given)

        monkeypatch.setattr(shop.jobs, "read", read_together)
        views = await asyncio.gather(*(shop.replays.retry(shop.sam, first.job.id) for _ in range(8)))
        monkeypatch.undo()
        assert len({view.job.id for view in views}) == 1
        assert len(await shop.all()) == 2
        assert await shop.jobs.read(views[0].job.input) == large.data
        assert views[0].job.input.blob != first.job.input.blob  # each may be forgotten in its own time
        with pytest.raises(Conflict, match="still"):
            await shop.replays.retry(shop.sam, first.job.id)

    shop.play(scene())


def test_who_manages_the_endpoint_tries_again_for_the_caller(shop: Shop) -> None:
    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand)
        again = await shop.replays.retry(shop.ada, first.job.id)
        assert (again.job.account_id, again.job.key_id) == (shop.sam.account_id, shop.sam.key_id)
        assert (await shop.jobs.newest(shop.sam, first.job.id)).job.id == again.job.id

    shop.play(scene())


def test_nobody_else_tries_a_job_again(shop: Shop) -> None:
    strangers = (shop.account("eve"), shop.with_scopes(shop.sam, "read"))

    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand)
        refusals: list[tuple[str, type[CoreError]]] = []
        for who in strangers:
            for what in (shop.replays.retry, shop.jobs.newest):
                try:
                    await what(who, first.job.id)
                except CoreError as error:
                    refusals.append((what.__name__, type(error)))
        assert refusals == [("retry", NotFound), ("newest", NotFound), ("retry", Forbidden)]
        assert len(await shop.all()) == 1

    shop.play(scene())


def test_a_retry_counts_against_the_limits_of_who_asks(shop: Shop) -> None:
    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand)
        sam = shop.sam
        held = held_limits(sam.key_id, NO_LIMITS, sam.account_id, "sam", CallLimits(concurrent=1))
        limited = replace(sam, limits=held)
        other = await shop.calls.submit(limited, HELLO, payload())
        with pytest.raises(TooManyOpenJobs):
            await shop.replays.retry(limited, first.job.id)
        assert len(await shop.all()) == 2
        await shop.until(lambda: hand.orders[-1].job_id == other.job.id)
        hand.succeed()
        await shop.settle()
        assert (await shop.replays.retry(limited, first.job.id)).job.retry_number == 1

    shop.play(scene())


def test_nothing_is_tried_again_at_an_endpoint_that_is_gone(shop: Shop) -> None:
    async def scene() -> None:
        hand = await shop.open()
        first = await shop.failed(hand)
        await shop.endpoints.remove(shop.ada, HELLO)
        with pytest.raises(NotFound, match="was deleted"):
            await shop.replays.retry(shop.sam, first.job.id)

    shop.play(scene())
