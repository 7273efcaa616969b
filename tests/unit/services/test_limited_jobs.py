"""Limits and the life of jobs: a place is held as long as the job is open, whatever becomes of it and of the server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.plant import Plant, payload
from tests.unit.services.town import ref
from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import TooManyOpenJobs
from trivet.platform.core.limits import NO_LIMITS, CallLimits, held_limits

HELLO = ref("admin/hello")


def limited(plant: Plant, concurrent: int) -> Principal:
    admin = plant.admin
    held = held_limits(admin.key_id, NO_LIMITS, admin.account_id, "admin", CallLimits(concurrent=concurrent))
    return replace(admin, limits=held)


def left(plant: Plant, principal: Principal) -> int:
    (state,) = plant.limits.state(principal)
    return state.left


@pytest.fixture
def plant() -> Plant:
    made = Plant()
    made.offer(made.admin, "admin/hello")
    return made


def test_a_restart_does_not_forget_the_open_jobs(plant: Plant) -> None:
    principal = limited(plant, 2)

    async def scene() -> None:
        jobs = [(await plant.calls.submit(principal, HELLO, payload())).job for _ in range(2)]
        plant.build()
        assert await plant.intake.recover() == 2
        with pytest.raises(TooManyOpenJobs):
            await plant.calls.submit(principal, HELLO, payload())
        outcome = await plant.jobs.cancel(principal, jobs[0].id)
        assert outcome.cancelled
        assert left(plant, principal) == 1

    plant.play(scene())


def test_a_queue_that_is_purged_frees_every_place(plant: Plant) -> None:
    principal = limited(plant, 3)

    async def scene() -> None:
        for _ in range(3):
            await plant.calls.submit(principal, HELLO, payload())
        assert left(plant, principal) == 0
        assert await plant.jobs.purge(principal, HELLO) == 3
        await plant.store.flush()

    plant.play(scene())
    assert left(plant, principal) == 3


def test_an_endpoint_that_is_deleted_frees_the_places_of_its_jobs(plant: Plant) -> None:
    principal = limited(plant, 1)

    async def scene() -> None:
        view = await plant.calls.submit(principal, HELLO, payload())
        plant.intake.abandon(view.job.version_id)
        await plant.store.flush()

    plant.play(scene())
    assert left(plant, principal) == 1
