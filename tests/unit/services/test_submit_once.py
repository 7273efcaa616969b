"""An idempotency key gives one job, however often and wherever it is shown again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.calls import CallOptions
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, IdempotencyKeyReused, NotFound
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.services.upkeep import Upkeep

HELLO, OTHER = ref("ada/hello"), ref("ada/other")
KEY = CallOptions(idempotency_key="order-7")


class Shop(Plant):
    def __init__(self) -> None:
        super().__init__()
        self.ada, self.sam = self.account("ada"), self.account("sam")
        _, self.version = self.offer(self.ada, "ada/hello")
        self.offer(self.ada, "ada/other")

    async def all(self) -> list[Job]:
        return await self.store.read(lambda tx: tx.jobs.page(limit=500))


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_the_same_key_gives_the_same_job_and_says_so(shop: Shop) -> None:
    async def scene() -> None:
        first = await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        again = await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        assert (first.replayed, again.replayed) == (False, True)
        assert again.job.id == first.job.id
        assert len(await shop.all()) == len(shop.dispatcher.open_jobs) == 1

    shop.play(scene())


def test_many_at_once_with_one_key_make_one_job(shop: Shop) -> None:
    async def scene() -> None:
        views = await asyncio.gather(*(shop.calls.submit(shop.ada, HELLO, payload(), KEY) for _ in range(20)))
        assert len({view.job.id for view in views}) == 1
        assert sum(not view.replayed for view in views) == 1
        assert len(await shop.all()) == len(shop.dispatcher.open_jobs) == 1

    shop.play(scene())


def test_the_key_is_known_after_a_restart_and_gives_the_job_as_it_stands_now(shop: Shop) -> None:
    async def scene() -> None:
        first = await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        hand = await shop.hand(shop.version)
        hand.succeed('"done"')
        await shop.settle()
        shop.build()
        again = await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        assert (again.job.id, again.replayed, again.job.status) == (first.job.id, True, JobStatus.SUCCEEDED)

    shop.play(scene())


@pytest.mark.parametrize("other", [payload('"y"'), Payload("text/plain", 3, b'"x"')], ids=["body", "type"])
def test_the_same_key_with_another_input_is_refused_and_nothing_is_queued(shop: Shop, other: Payload) -> None:
    async def scene() -> None:
        await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        for _ in range(2):
            with pytest.raises(IdempotencyKeyReused, match="order-7"):
                await shop.calls.submit(shop.ada, HELLO, other, KEY)
            shop.build()  # also where only the disk knows the key
        assert len(await shop.all()) == 1

    shop.play(scene())


def test_a_key_belongs_to_its_endpoint_and_its_account(shop: Shop) -> None:
    async def scene() -> None:
        await shop.endpoints.update(shop.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC))
        ids = {
            (await shop.calls.submit(shop.ada, HELLO, payload(), KEY)).job.id,
            (await shop.calls.submit(shop.sam, HELLO, payload(), KEY)).job.id,
            (await shop.calls.submit(shop.ada, OTHER, payload(), KEY)).job.id,
        }
        assert len(ids) == 3

    shop.play(scene())


def test_a_stranger_learns_nothing_from_a_key(shop: Shop) -> None:
    async def scene() -> None:
        await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        with pytest.raises(NotFound):
            await shop.calls.submit(shop.sam, HELLO, payload(), KEY)

    shop.play(scene())


def test_a_call_with_a_key_is_on_disk_before_it_begins_and_joins_the_one_that_runs(shop: Shop) -> None:
    async def scene() -> None:
        one = asyncio.create_task(shop.calls.run(shop.ada, HELLO, payload(), KEY))
        await shop.until(lambda: len(shop.dispatcher.open_jobs))
        (job,) = await shop.all()
        assert job.idempotency_key == "order-7"
        two = asyncio.create_task(shop.calls.run(shop.ada, HELLO, payload(), KEY))
        hand = await shop.hand(shop.version)
        assert len(hand.orders) == 1
        hand.succeed('"done"')
        first, second = await one, await two
        assert first.job.id == second.job.id == job.id
        assert (first.replayed, second.replayed) == (False, True)
        assert first.job.status is second.job.status is JobStatus.SUCCEEDED

    shop.play(scene())


def test_a_key_that_can_not_be_is_refused(shop: Shop) -> None:
    async def scene() -> None:
        with pytest.raises(BadRequest):
            await shop.calls.submit(shop.ada, HELLO, payload(), replace(KEY, idempotency_key="a b"))

    shop.play(scene())


def test_the_key_is_free_again_when_its_job_is_forgotten(shop: Shop) -> None:
    async def scene() -> None:
        first = await shop.calls.submit(shop.ada, HELLO, payload(), replace(KEY, retention=1.0))
        hand = await shop.hand(shop.version)
        hand.succeed()
        await shop.settle()
        shop.now += 1.5
        assert await Upkeep(store=shop.store, blobs=shop.blobs, clock=shop.clock, sleep=shop.pause).tick() == 1
        again = await shop.calls.submit(shop.ada, HELLO, payload('"another"'), KEY)
        assert (again.job.id != first.job.id, again.replayed) == (True, False)

    shop.play(scene())


def test_large_inputs_are_told_apart_too_and_leave_no_blob_behind(shop: Shop) -> None:
    async def scene() -> None:
        big = Payload.inline(b'"' + b"x" * 300_000 + b'"')
        first = await shop.calls.submit(shop.ada, HELLO, big, KEY)
        shop.build()
        assert (await shop.calls.submit(shop.ada, HELLO, big, KEY)).job.id == first.job.id
        with pytest.raises(IdempotencyKeyReused):
            await shop.calls.submit(shop.ada, HELLO, payload(), KEY)
        assert len(shop.blobs.blobs) == 1

    shop.play(scene())


def test_a_replay_may_have_another_input_and_another_version(shop: Shop) -> None:
    async def scene() -> None:
        old = await shop.calls.submit(shop.ada, HELLO, payload(), CallOptions(max_attempts=5, backoff=2.0))
        new = await shop.replays.replay(shop.ada, old.job.id, payload=payload('"mended"'), version="1.0.0")
        assert new.job.input == payload('"mended"')
        assert new.job.policy == old.job.policy
        with pytest.raises(NotFound):
            await shop.replays.replay(shop.ada, old.job.id, version="9.9.9")

    shop.play(scene())
