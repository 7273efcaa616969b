"""Submitted once, tried again as the policy says, kept and read again: on a real platform that dies in between."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS
from tests.e2e.test_jobs_tell_the_truth import eventually


@pytest.fixture(scope="module")
def trying(client: trivet.Client) -> trivet.Client:
    client.deploy(PROGRAMS / "trying.py")
    return client


@pytest.fixture
def own(own_platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(own_platform.url, own_platform.key) as client:
        client.deploy(PROGRAMS / "trying.py")
        yield client


def count(marker: Path) -> int:
    return marker.stat().st_size if marker.exists() else 0


def test_a_job_is_tried_again_as_its_policy_says_and_its_log_tells_the_story(
    trying: trivet.Client, tmp_path: Path
) -> None:
    job = trying.endpoint("admin/flaky").submit({"marker": str(tmp_path / "m"), "fails": 2})
    assert job.result(timeout=30) == 3
    assert (job.attempts, count(tmp_path / "m")) == (3, 3)
    story = "".join(line.text for line in job.logs() if line.stream == "system")
    assert "attempt 1 failed: ConnectionError: no route; it is tried again in" in story


def test_what_the_policy_does_not_name_is_not_tried_again(trying: trivet.Client, tmp_path: Path) -> None:
    with pytest.raises(trivet.JobFailedError, match="no value"):
        trying.endpoint("admin/flaky").run({"marker": str(tmp_path / "m"), "fails": 1, "kind": "value"}, timeout=30)
    assert count(tmp_path / "m") == 1


def test_a_dead_letter_is_listed_and_can_be_mended_and_sent_again(trying: trivet.Client, tmp_path: Path) -> None:
    broken = {"marker": str(tmp_path / "m"), "fails": 99}
    job = trying.endpoint("admin/flaky").submit(broken, max_attempts=2)
    with pytest.raises(trivet.JobFailedError):
        job.result(timeout=30)
    assert count(tmp_path / "m") == 2
    letters = list(trying.jobs.list(dead_letters=True, endpoint="admin/flaky"))
    assert job.id in {letter.id for letter in letters}
    assert all(letter.dead_letter for letter in letters)
    assert "dead letter" in str(job.explain())
    again = job.replay({**broken, "fails": 0}, version="1.0.0")
    assert again.result(timeout=30) == 3
    assert str(job.status) == "failed"


def test_a_key_gives_one_job_through_a_crash_of_the_server(
    own: trivet.Client, own_platform: RunningPlatform, tmp_path: Path
) -> None:
    careful = own.endpoint("admin/careful")
    body = {"marker": str(tmp_path / "m")}
    first = careful.submit(body, idempotency_key="once")
    assert first.result(timeout=30) == 1
    own_platform.kill()
    own_platform.start()
    again = careful.submit(body, idempotency_key="once")
    assert (again.id, again.replayed, again.result(timeout=30)) == (first.id, True, 1)
    with pytest.raises(trivet.IdempotencyKeyReusedError):
        careful.submit({**body, "seconds": 0.1}, idempotency_key="once")
    assert count(tmp_path / "m") == 1


def test_one_attempt_means_one_although_the_server_dies_while_it_runs(
    own: trivet.Client, own_platform: RunningPlatform, tmp_path: Path
) -> None:
    own.endpoint("admin/careful").run({"marker": str(tmp_path / "warm")}, timeout=30)
    job = own.endpoint("admin/careful").submit({"marker": str(tmp_path / "m"), "seconds": 60.0}, max_attempts=1)
    assert eventually(lambda: count(tmp_path / "m"))  # the handler has begun, a moment ago
    own_platform.kill()
    own_platform.start()
    with pytest.raises(trivet.JobFailedError, match="server stopped"):
        job.result(timeout=30)
    assert count(tmp_path / "m") == 1


def test_a_stream_is_read_again_from_anywhere_after_its_end_and_after_a_crash(
    own: trivet.Client, own_platform: RunningPlatform
) -> None:
    job = own.endpoint("admin/pieces").submit({"n": 1500})
    assert list(job.stream()) == list(range(1500))
    own_platform.kill()
    own_platform.start()
    assert list(own.job(job.id).stream()) == list(range(1500))


def test_what_a_reader_has_seen_of_a_stream_is_still_there_when_the_server_has_died(
    own: trivet.Client, own_platform: RunningPlatform
) -> None:
    job = own.endpoint("admin/pieces").submit({"n": 100_000, "seconds": 0.001})
    seen: list[int] = []

    def read_on() -> None:
        for piece in job.stream():
            seen.append(piece)
            if len(seen) == 300:
                own_platform.kill()
                own_platform.start()

    with pytest.raises(trivet.JobFailedError, match="pieces had been streamed"):
        read_on()
    kept: list[int] = []
    with pytest.raises(trivet.JobFailedError):
        kept.extend(own.job(job.id).stream())
    assert len(seen) >= 300
    assert seen == kept == list(range(len(seen)))


def test_a_low_job_starts_no_worker_and_runs_when_one_is_there(trying: trivet.Client) -> None:
    endpoint = trying.endpoint("admin/short_lived")
    assert eventually(lambda: not list(trying.endpoints.workers("admin/short_lived")))
    low = endpoint.submit({"value": 1}, priority="low")
    time.sleep(0.5)
    assert str(low.status) == "queued"
    assert "priority is low" in str(low.explain())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(low.result, 60)  # asked for now, as it is soon forgotten
        assert endpoint.run({"value": 2}, timeout=30) == 2
        assert waiting.result(60) == 1


def test_a_job_is_forgotten_when_its_own_retention_is_over(own: trivet.Client) -> None:
    job = own.endpoint("admin/short_lived").submit({"value": 1})
    with suppress(trivet.NotFoundError):  # on a busy machine it may be over already
        assert job.result(timeout=30) == 1

    def forgotten() -> bool:
        try:
            own.jobs.get(job.id)
        except trivet.NotFoundError:
            return True
        return False

    assert eventually(forgotten, seconds=30)


def test_many_quick_jobs_on_one_worker_survive_its_death_without_a_wrong_attempt(trying: trivet.Client) -> None:
    trying.deploy(PROGRAMS / "zoo.py")
    echo = trying.endpoint("admin/echo")
    jobs = [echo.submit(number) for number in range(200)]
    for worker in trying.endpoints.workers("admin/echo"):
        if worker.pid is not None:
            os.kill(worker.pid, signal.SIGKILL)
    more = [echo.submit(number) for number in range(200, 250)]
    assert [job.result(timeout=60) for job in [*jobs, *more]] == list(range(250))
