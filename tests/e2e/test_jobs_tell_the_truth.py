"""Workers and servers die; jobs say what happened."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS
from tests.processes import is_alive

TRIES = 10
"""How often something is tried that a busy machine may hinder a few times."""


def eventually(check: Callable[[], object], seconds: float = 40.0) -> object:
    until = time.monotonic() + seconds
    while True:
        result = check()
        if result or time.monotonic() > until:
            return result
        time.sleep(0.05)


def document(client: trivet.Client, job_id: str) -> trivet.Job:
    return client.job(job_id)


def test_a_worker_killed_mid_job_costs_an_attempt_not_the_job(zoo: trivet.Client) -> None:
    for _ in range(TRIES):  # on a busy machine it may be over before it is struck
        job = zoo.endpoint("admin/sleeper").submit({"seconds": 1.0})
        assert eventually(lambda: str(document(zoo, job.id).status) != "queued")  # noqa: B023 - called at once
        for worker in zoo.endpoints.workers("admin/sleeper"):
            if worker.state == "running":
                os.kill(worker.pid, signal.SIGKILL)
        assert job.result(timeout=60) == "slept"
        if document(zoo, job.id).attempts == 2:
            return
    pytest.fail(f"none of {TRIES} jobs was tried again")


def test_a_handler_that_kills_its_worker_once_succeeds_at_the_second_attempt(
    zoo: trivet.Client, tmp_path: Path
) -> None:
    job = zoo.endpoint("admin/die_once").submit({"marker": str(tmp_path / "marker")})
    assert job.result(timeout=30) == "answered"
    assert document(zoo, job.id).attempts == 2


@pytest.mark.parametrize("handler", ["sleeper", "stubborn"])
def test_cancel_of_running_work_frees_the_worker_within_two_seconds(zoo: trivet.Client, handler: str) -> None:
    endpoint = zoo.endpoint(f"admin/{handler}")
    assert endpoint.run({"seconds": 0.1}, timeout=30)
    taken: list[float] = []
    while not taken or (taken[-1] >= 2.0 and len(taken) < TRIES):  # a busy machine may delay some
        job = endpoint.submit({"seconds": 60})
        assert eventually(lambda: str(document(zoo, job.id).status) == "running")  # noqa: B023 - called at once
        following = endpoint.submit({"seconds": 0.1})
        began = time.monotonic()
        outcome = job.cancel()
        assert outcome
        assert eventually(lambda: str(document(zoo, following.id).status) != "queued")  # noqa: B023 - called at once
        taken.append(time.monotonic() - began)
        assert following.result(timeout=30)
        assert str(document(zoo, job.id).status) == "cancelled"
        assert not document(zoo, job.id).cancel()
    assert min(taken) < 2.0


def test_cancel_of_a_queued_job_takes_at_once(zoo: trivet.Client) -> None:
    endpoint = zoo.endpoint("admin/sleeper")
    first = endpoint.submit({"seconds": 30})
    second = endpoint.submit({"seconds": 30})
    assert second.cancel()
    assert first.cancel()


def test_a_handler_over_its_timeout_is_stopped_and_says_so(zoo: trivet.Client) -> None:
    with pytest.raises(trivet.JobTimedOutError, match="timeout of 1 s"):
        zoo.endpoint("admin/too_slow").run(timeout=30)


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("raise", "handler_error", "that went wrong"),
        ("unserialisable", "unserializable_output", "thing"),
        ("nan", "unserializable_output", ""),
        ("exit", "handler_exited", "3"),
        ("die", "worker_lost", "status 9"),
        ("kill", "worker_lost", "SIGKILL"),
    ],
)
def test_a_handler_that_misbehaves_ends_with_the_reason_and_the_endpoint_recovers(
    zoo: trivet.Client, how: str, code: str, words: str
) -> None:
    endpoint = zoo.endpoint("admin/misbehave")
    with pytest.raises(trivet.JobFailedError) as caught:
        endpoint.run({"how": how}, timeout=60)
    assert caught.value.error.code == code
    assert words in str(caught.value)
    assert endpoint.run({"how": "well"}, timeout=60) == "nothing"


def test_megabytes_of_output_are_cut_with_a_word(zoo: trivet.Client) -> None:
    job = zoo.endpoint("admin/misbehave").submit({"how": "megabytes"})
    assert job.result(timeout=60) == "printed"
    assert sum(len(line.text) for line in job.logs()) < 2 * 1024 * 1024


def test_a_forked_child_does_not_outlive_its_worker(zoo: trivet.Client) -> None:
    endpoint = zoo.endpoint("admin/misbehave")
    assert endpoint.run({"how": "fork"}, timeout=30) == "forked"
    workers = zoo.endpoints.workers("admin/misbehave")
    groups = [w.pid for w in workers if w.pid]  # each leads one
    with pytest.raises(trivet.JobFailedError):
        endpoint.run({"how": "kill"}, timeout=60)
    with pytest.raises(trivet.JobFailedError):
        endpoint.run({"how": "die"}, timeout=60)

    def gone() -> bool:
        alive = {w.pid for w in zoo.endpoints.workers("admin/misbehave")}
        return all(g in alive or not _group_lives(g) for g in groups)

    assert eventually(gone)


def _group_lives(group: int) -> bool:
    return any(_is_of(process, group) and is_alive(process.pid) for process in psutil.process_iter())


def _is_of(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group
    except ProcessLookupError:
        return False


def test_a_handler_over_its_memory_limit_fails_with_that_reason(zoo: trivet.Client) -> None:
    endpoint = zoo.endpoint("admin/greedy")
    assert endpoint.run({"mebibytes": 50}, timeout=60) == 50 * 1024 * 1024
    with pytest.raises(trivet.JobFailedError) as caught:
        endpoint.run({"mebibytes": 800}, timeout=60)
    assert caught.value.error.code == "out_of_memory"


def test_explain_shows_the_last_lines_of_a_crash_looping_worker(
    platform: RunningPlatform, client: trivet.Client
) -> None:
    client.deploy(PROGRAMS / "crashing.py")
    job = client.endpoint("admin/Broken").submit({"x": 1})
    assert eventually(lambda: client.job(job.id).explain().waiting_for == "crash_loop")
    explained = platform.trivet("jobs", "explain", job.id)
    assert explained.returncode == 0
    assert "model.bin is not where it should be" in explained.stdout
    assert "looking for the model file" in explained.stdout
    assert job.cancel()


def test_five_hundred_acknowledged_jobs_survive_sigkill_of_the_server(own_platform: RunningPlatform) -> None:
    client = trivet.Client(own_platform.url, own_platform.key)
    client.deploy(PROGRAMS / "hello.py")
    endpoint = client.endpoint("admin/hello")
    endpoint.run("warm")
    with ThreadPoolExecutor(16) as pool:
        ids = [job.id for job in pool.map(lambda n: endpoint.submit({"name": str(n)}), range(500))]
    own_platform.kill()
    own_platform.start()
    client = trivet.Client(own_platform.url, own_platform.key)
    for n, job_id in enumerate(ids):
        assert client.job(job_id).result(timeout=60) == f"Hello {n}"
    client.close()


def test_workers_do_not_outlive_a_killed_server(own_platform: RunningPlatform) -> None:
    client = trivet.Client(own_platform.url, own_platform.key)
    client.deploy(PROGRAMS / "zoo.py")
    client.endpoint("admin/sleeper").submit({"seconds": 60})
    assert eventually(lambda: [w for w in client.endpoints.workers("admin/sleeper") if w.state == "running"])
    pids = [w.pid for w in client.endpoints.workers("admin/sleeper")]
    own_platform.kill()
    assert eventually(lambda: not any(map(is_alive, pids)))


def test_the_server_stops_cleanly_and_queued_jobs_go_on_at_the_next_start(own_platform: RunningPlatform) -> None:
    client = trivet.Client(own_platform.url, own_platform.key)
    client.deploy(PROGRAMS / "zoo.py")
    jobs = [client.endpoint("admin/slow_echo").submit({"value": str(n), "seconds": 0.5}) for n in range(5)]
    assert own_platform.stop() == 0
    own_platform.start()
    client = trivet.Client(own_platform.url, own_platform.key)
    assert [client.job(j.id).result(timeout=30) for j in jobs] == ["0", "1", "2", "3", "4"]


def test_whoever_waits_for_a_job_outlasts_a_restart_of_the_server(own_platform: RunningPlatform) -> None:
    client = trivet.Client(own_platform.url, own_platform.key)
    client.deploy(PROGRAMS / "zoo.py")
    job = client.endpoint("admin/slow_echo").submit({"value": "x", "seconds": 1.0})
    assert eventually(lambda: job.status == "running")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(job.result, 60)
        own_platform.kill()
        own_platform.start()
        assert waiting.result(60) == "x"
    assert job.status == "succeeded"
