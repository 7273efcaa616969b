"""Held calls: a caller who is told of the end of its job instead of waiting for it."""

from __future__ import annotations

import pytest

from tests.unit.services.plant import payload
from tests.unit.services.test_jobs import HELLO, Studio
from trivet.platform.core.accounts import Principal
from trivet.platform.core.calls import USUAL, CallOptions
from trivet.platform.core.errors import BadRequest, Forbidden, InvalidJson, NotFound
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import JobView
from trivet.platform.core.workers import Departure
from trivet.platform.services.calls import HeldCall


class Caller:
    """Somebody who holds calls, and notes what is said to it."""

    def __init__(self, studio: Studio, principal: Principal) -> None:
        self._studio = studio
        self._principal = principal
        self.told: list[JobView | None] = []

    def call(self, text: str = '"x"', options: CallOptions = USUAL) -> HeldCall:
        return self._studio.calls.hold(self._principal, HELLO, payload(text), options, self.told.append)

    async def leave(self, held: HeldCall) -> JobView:
        return await self._studio.calls.leave(self._principal, held)


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def ada(studio: Studio) -> Caller:
    return Caller(studio, studio.ada)


def test_a_caller_is_told_the_result_in_the_moment_in_which_it_comes(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        held = ada.call('"hi"')
        hand = await studio.up()
        assert ada.told == []
        hand.succeed("42")
        (view,) = ada.told
        assert view is not None
        assert (view.job.id, view.endpoint_name, view.version_number) == (
            held.job_id,
            "ada/hello",
            studio.version.number,
        )
        assert (view.job.status, view.job.output) == (JobStatus.SUCCEEDED, Payload.inline(b"42"))
        await studio.settle()
        assert await studio.stored(held.job_id) == view.job
        assert ada.told == [view]

    studio.play(scene())


def test_what_happens_on_the_way_is_not_told(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        ada.call()
        hand = await studio.up()
        hand.log("working on it")
        hand.piece("1")
        studio.after(1.0)  # it is on disk from now on
        await studio.settle()
        assert ada.told == []
        hand.fail("out of luck")
        await studio.settle()
        (view,) = ada.told
        assert view is not None
        assert view.job.error is not None
        assert view.job.error.message == "out of luck"

    studio.play(scene())


def test_a_lost_worker_is_not_the_end_while_attempts_are_left(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        ada.call()
        first = await studio.up()
        studio.workers.departed(first.id, Departure("was killed by signal 9 (SIGKILL)"))
        assert ada.told == []
        (await studio.up()).succeed()
        (view,) = ada.told
        assert view is not None
        assert (view.job.status, view.job.attempt) == (JobStatus.SUCCEEDED, 2)

    studio.play(scene())


def test_the_lines_of_a_worker_are_for_those_who_manage_the_endpoint(studio: Studio, ada: Caller) -> None:
    studio.open_up()
    sam = Caller(studio, studio.sam)

    async def scene() -> None:
        for caller in (ada, sam):
            caller.call(options=CallOptions(max_attempts=1))
            hand = await studio.up()
            studio.workers.departed(hand.id, Departure("ended", ("a line",)))
        lines = [view.job.error.worker_log for view in (*ada.told, *sam.told) if view and view.job.error]
        assert lines == [("a line",), ()]

    studio.play(scene())


def test_who_leaves_is_given_the_job_which_is_on_disk_and_told_nothing_more(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        held = ada.call()
        view = await ada.leave(held)
        assert (view.job.id, view.job.status) == (held.job_id, JobStatus.QUEUED)
        assert await studio.stored(held.job_id) == view.job
        (await studio.up()).succeed()
        await studio.settle()
        assert (await studio.job(held.job_id)).status is JobStatus.SUCCEEDED
        assert ada.told == []

    studio.play(scene())


def test_who_leaves_when_the_job_has_just_ended_is_given_its_end(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        held = ada.call()
        (await studio.up()).succeed()
        assert (await ada.leave(held)).job.status is JobStatus.SUCCEEDED

    studio.play(scene())


def test_a_shutdown_is_told_as_nothing_and_the_job_goes_on(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        held = ada.call()
        studio.notifier.close()
        assert ada.told == [None]
        view = await ada.leave(held)
        assert await studio.stored(held.job_id) == view.job
        assert ada.told == [None]

    studio.play(scene())


def test_what_can_not_be_called_is_refused_and_nothing_is_queued(studio: Studio, ada: Caller) -> None:
    async def scene() -> None:
        with pytest.raises(InvalidJson):
            ada.call("{")
        with pytest.raises(BadRequest):
            ada.call(options=CallOptions(timeout=0.0))
        with pytest.raises((NotFound, Forbidden)):
            Caller(studio, studio.sam).call()
        assert len(studio.dispatcher.open_jobs) == 0
        assert ada.told == []

    studio.play(scene())
