"""Handlers that take batches, called one by one."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import trivet
from tests.e2e.conftest import PROGRAMS
from tests.e2e.test_jobs_tell_the_truth import eventually


@pytest.fixture(scope="module")
def batching(client: trivet.Client) -> trivet.Client:
    """The shared platform with the handlers that take batches."""
    client.deploy(PROGRAMS / "batching.py")
    return client


def test_calls_at_the_same_time_arrive_in_batches_and_each_gets_its_own_output(batching: trivet.Client) -> None:
    endpoint = batching.endpoint("admin/company")
    assert endpoint.run("alone", timeout=30) == 1
    with ThreadPoolExecutor(64) as callers:
        sizes = list(callers.map(lambda n: endpoint.run(f"caller {n}", timeout=60), range(64)))
    assert max(sizes) > 4
    assert max(sizes) <= 16
    assert sum(1 / size for size in sizes) <= 32  # so many batches there were for 64 calls


def test_the_schema_is_that_of_one_input(batching: trivet.Client) -> None:
    with pytest.raises(trivet.InvalidInputError):
        batching.endpoint("admin/company").run(["a", "b"], timeout=30)


def test_an_input_that_fails_fails_alone(batching: trivet.Client) -> None:
    endpoint = batching.endpoint("admin/picky")
    jobs = [endpoint.submit(word) for word in ("one", "2", "three", "4")]
    assert (jobs[0].result(timeout=30), jobs[2].result(timeout=30)) == ("ONE", "THREE")
    for job, word in ((jobs[1], "2"), (jobs[3], "4")):
        with pytest.raises(trivet.JobFailedError, match=f"{word} is no word") as caught:
            job.result(timeout=30)
        assert (caught.value.error.code, caught.value.error.type) == ("handler_error", "ValueError")


def test_an_input_that_kills_its_worker_does_not_take_its_company_along(batching: trivet.Client) -> None:
    endpoint = batching.endpoint("admin/fragile")
    jobs = [endpoint.submit(word) for word in ("a", "poison", "b", "c")]
    assert [jobs[place].result(timeout=60) for place in (0, 2, 3)] == ["a", "b", "c"]
    with pytest.raises(trivet.JobFailedError) as caught:
        jobs[1].result(timeout=60)
    assert caught.value.error.code == "worker_lost"


def test_a_worker_killed_in_the_middle_of_a_batch_costs_each_of_it_an_attempt(
    batching: trivet.Client, tmp_path: Path
) -> None:
    jobs = [batching.endpoint("admin/gate").submit(str(tmp_path / "open")) for _ in range(2)]
    assert eventually(lambda: all(list(job.logs()) for job in jobs))
    (worker,) = [each for each in batching.endpoints.workers("admin/gate") if each.state == "running"]
    os.kill(worker.pid, signal.SIGKILL)
    (tmp_path / "open").touch()
    pids = [job.result(timeout=30) for job in jobs]
    assert worker.pid not in pids
    assert [batching.job(job.id).attempts for job in jobs] == [2, 2]


def test_a_job_cancelled_in_a_running_batch_ends_at_once_and_the_other_is_not_disturbed(
    batching: trivet.Client, tmp_path: Path
) -> None:
    first, second = (batching.endpoint("admin/gate").submit(str(tmp_path / "open")) for _ in range(2))
    assert eventually(lambda: all(list(job.logs()) for job in (first, second)))
    assert second.cancel()
    assert eventually(lambda: str(batching.job(second.id).status) == "cancelled")
    assert str(batching.job(first.id).status) == "running"
    (tmp_path / "open").touch()
    assert first.result(timeout=30)
    assert batching.job(first.id).attempts == 1
