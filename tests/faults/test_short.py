"""The short form of `make faults`: a fixed choice of faults, seeds and kill points, within a minute."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults.campaign import LEAST, Campaign, Tally
from tests.faults.injections import (
    HOUR,
    CutLink,
    FreezeWorker,
    HoldLink,
    JumpClock,
    KillAtPoints,
    KillPoller,
    KillServer,
    KillShared,
    KillWorker,
    LockDatabase,
    Several,
)
from tests.faults.points import POINTS

pytestmark = pytest.mark.timeout(300)  # a busy machine takes its time to make environments

SEED = 20
CALLERS = 5
"""One for each mouth."""
CHOSEN = (
    "Intake.record after",
    "NumberedJobs.run after",
    "Claims.begin after",
    "Attempts.succeed after",
    "OpenJobs._tell before",
    "WriteSession.commit after",
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    with Campaign(tmp_path_factory.mktemp("faults"), SEED, callers=CALLERS) as campaign:
        yield campaign


def check(tally: Tally, times: int) -> None:
    said = "\n".join(map(str, tally.violations))
    assert not tally.violations, f"{said}\nevidence: {tally.evidence}\nnotes: {tally.notes}"
    assert tally.injected == times
    assert tally.jobs >= LEAST


def test_every_job_tells_the_truth_though_workers_links_clock_database_and_server_are_hurt(campaign: Campaign) -> None:
    faults = Several(
        KillWorker(),
        KillPoller(),
        KillShared(),
        CutLink(),
        FreezeWorker(short=True),
        JumpClock(HOUR),
        HoldLink(short=True),
        LockDatabase((0.5,)),
        KillServer(),
    )
    check(campaign.round(faults, times=len(faults.left)), times=10)


def test_every_job_tells_the_truth_though_the_server_dies_in_the_middle_of_a_step(campaign: Campaign) -> None:
    points = [point for point in POINTS if point.name in CHOSEN]
    assert len(points) == len(CHOSEN)
    fault = KillAtPoints("chosen steps", points, random.Random(SEED))
    check(campaign.round(fault, times=len(points)), times=len(points))


def test_every_job_tells_the_truth_though_the_disk_fills_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Campaign(tmp_path_factory.mktemp("disk"), SEED, on_small_disk=True, callers=CALLERS) as campaign:
        check(campaign.round(campaign.disk_fault(), times=1), times=1)
