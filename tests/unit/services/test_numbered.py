"""Jobs with an integer of their own: given once, found by it, and their account's alone."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref, run
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import Forbidden, NotFound, Unavailable
from trivet.platform.core.jobs import JobStatus
from trivet.platform.services.numbered import NumberedJobs
from trivet.platform.services.numbers import Numbers

HELLO = ref("ada/hello")


class Registry(Plant):
    """Ada's public ``ada/hello``, which Sam may call, too."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = self.account("ada")
        self.sam = self.account("sam")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello")
        run(self.endpoints.update(self.ada, HELLO, EndpointChange(visibility=Visibility.PUBLIC)))
        self.numbered = NumberedJobs(self.store, self.calls, self.jobs, self.endpoints)

    async def ask(self, principal: object) -> int:
        view = await self.numbered.run(principal, HELLO, payload())  # type: ignore[arg-type]  # a principal
        assert view.job.number is not None
        return view.job.number


def test_numbers_count_up_and_go_on_above_after_a_restart() -> None:
    registry = Registry()

    async def scene() -> None:
        numbers = Numbers(registry.store, "x")
        first = [await numbers.next() for _ in range(200)]
        assert first == list(range(1, 201))
        assert await Numbers(registry.store, "x").next() > 200
        together = await asyncio.gather(*(numbers.next() for _ in range(200)))
        assert len({*first, *together}) == 400

    registry.play(scene())


def test_a_job_is_found_by_its_number_when_open_when_ended_and_after_a_restart() -> None:
    registry = Registry()

    async def scene() -> None:
        number = await registry.ask(registry.ada)
        waiting = asyncio.create_task(registry.numbered.get(registry.ada, number, wait=10.0))
        hand = await registry.hand(registry.version, start=False)
        await registry.until(lambda: hand.orders)
        assert (await registry.numbered.get(registry.ada, number)).job.status is JobStatus.RUNNING
        hand.succeed("42")
        assert (await waiting).job.status is JobStatus.SUCCEEDED
        anew = NumberedJobs(registry.store, registry.calls, registry.jobs, registry.endpoints)
        assert (await anew.get(registry.ada, number)).job.number == number

    registry.play(scene())


def test_a_number_is_its_account_s_alone_and_an_administrator_s() -> None:
    registry = Registry()

    async def scene() -> None:
        number = await registry.ask(registry.sam)
        for fresh in (
            registry.numbered,
            NumberedJobs(registry.store, registry.calls, registry.jobs, registry.endpoints),
        ):
            with pytest.raises(Forbidden):  # though it runs on her endpoint
                await fresh.get(registry.ada, number)
            assert (await fresh.get(registry.admin, number)).job.account_id == registry.sam.account_id
            with pytest.raises(NotFound):
                await fresh.get(registry.sam, number + 1)

    registry.play(scene())


def test_a_page_has_one_s_own_newest_first() -> None:
    registry = Registry()

    async def scene() -> None:
        mine = [await registry.ask(registry.sam) for _ in range(5)]
        await registry.ask(registry.ada)
        page = await registry.numbered.page(registry.sam, offset=1, limit=2)
        assert ([view.job.number for view in page.views], page.total) == ([mine[3], mine[2]], 5)
        page = await registry.numbered.page(registry.sam, endpoint=HELLO, newest_first=False, limit=1)
        assert ([view.job.number for view in page.views], page.total) == ([mine[0]], 5)

    registry.play(scene())


def test_a_job_is_on_disk_when_its_number_is_told_final_or_not() -> None:
    registry = Registry()

    async def scene() -> None:
        calling = asyncio.create_task(registry.numbered.run(registry.ada, HELLO, payload(), wait=10.0))
        await registry.settle()
        hand = await registry.hand(registry.version, start=False)
        await registry.until(lambda: hand.orders)
        hand.succeed("42")
        ended = (await calling).job
        assert await registry.stored(ended.id) == ended
        assert ended.status is JobStatus.SUCCEEDED
        waiting = (await registry.numbered.run(registry.ada, HELLO, payload(), wait=0.01)).job
        assert await registry.stored(waiting.id) == waiting
        assert not waiting.is_final

    registry.play(scene())


def test_a_number_is_not_told_of_a_job_that_a_full_disk_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    monkeypatch.setattr("trivet.platform.services.waits._PATIENCE", 0.05)

    async def scene() -> None:
        await registry.ask(registry.ada)
        registry.store.out_of_space = True
        with pytest.raises(Unavailable, match="disk"):
            await registry.numbered.run(registry.ada, HELLO, payload())
        registry.store.out_of_space = False
        await registry.settle()
        assert (await registry.numbered.page(registry.ada)).total == 2

    registry.play(scene())


def test_a_number_is_told_though_the_platform_shuts_down_meanwhile() -> None:
    """Its job is on disk and goes on after the next start: to refuse it would be a lie."""
    registry = Registry()

    async def scene() -> None:
        await registry.ask(registry.ada)  # there are numbers now
        registry.store.out_of_space = True
        calling = asyncio.create_task(registry.numbered.run(registry.ada, HELLO, payload(), wait=0.0))
        await registry.settle()
        registry.notifier.close()
        await registry.settle()
        assert not calling.done()
        registry.store.out_of_space = False
        await registry.until(calling.done)
        view = await calling
        assert (await registry.store.read(lambda tx: tx.jobs.get(view.job.id))) is not None

    registry.play(scene())
