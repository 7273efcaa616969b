"""Many models on one platform: they share a few processes, and what happens to one is nobody else's harm."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.unit.worker.small_models import graph, slow_graph, write_model

MODELS = 27
SLOW = ("patient-1", "patient-2", "patient-3")
A_WHILE = 1_000_000.0
"""Turns that keep a graph at work for about a second."""
FOR_EVER = 1e15


def eventually(check: Callable[[], object], seconds: float = 40.0) -> object:
    until = time.monotonic() + seconds
    while True:
        result = check()
        if result or time.monotonic() > until:
            return result
        time.sleep(0.05)


def shared_processes(platform: RunningPlatform) -> set[int]:
    """The processes of a platform in which models live."""
    found = set()
    for child in psutil.Process(platform.pid).children(recursive=True):
        try:
            if child.environ().get("TRIVET_HOST") == "shared":
                found.add(child.pid)
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


def home_of(client: trivet.Client, name: str) -> int:
    """The process in which a model's worker lives."""
    (worker,) = client.endpoints.workers(f"admin/{name}")
    assert worker.pid is not None
    return worker.pid


@pytest.fixture(scope="module")
def models(client: trivet.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[trivet.Client]:
    """The shared platform with thirty models: the n-th of them multiplies by n, and some take as long as they are told."""
    root = tmp_path_factory.mktemp("models")
    folders = [write_model(root / f"times-{n}", model=graph(float(n)), name=f"Times {n}") for n in range(MODELS)]
    folders += [write_model(root / name, model=slow_graph(), name=name) for name in SLOW]
    client.deploy(folders[0])  # makes the environment that all others use too
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(client.deploy, folders[1:]))
    yield client
    for folder in folders:
        client.endpoints.delete(f"admin/{folder.name}")


def test_thirty_models_answer_from_a_few_processes(models: trivet.Client, platform: RunningPlatform) -> None:
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda n: models.endpoint(f"admin/times-{n}").run({"x": 2.0}), range(MODELS)))
    assert [row["y"] for row in rows] == [2.0 * n for n in range(MODELS)]
    homes = {home_of(models, f"times-{n}") for n in range(MODELS)}
    assert homes <= shared_processes(platform)
    # those of other environments, which other tests brought, live elsewhere
    assert len(homes) <= (os.cpu_count() or 1)


def test_a_table_is_answered_row_by_row_and_rows_that_do_not_fit_are_named(models: trivet.Client) -> None:
    endpoint = models.endpoint("admin/times-3")
    table = trivet.Blob(b"x\n1\n2\n", "text/csv")
    assert [row["y"] for row in endpoint.run(table)] == [3.0, 6.0]
    job = endpoint.submit(trivet.Blob(b"x\n1\nmuch\n", "text/csv"))
    job.wait(timeout=30)
    assert job.error is not None
    assert job.error.code == "invalid_input"
    assert "much" in job.error.message


def test_when_a_process_is_killed_every_job_in_it_is_answered_all_the_same(models: trivet.Client) -> None:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        list(pool.map(lambda name: models.endpoint(f"admin/{name}").run({"x": 1.0}), SLOW))
    jobs = [models.endpoint(f"admin/{name}").submit({"x": A_WHILE}) for name in SLOW]
    assert eventually(lambda: all(str(models.job(job.id).status) != "queued" for job in jobs))
    for pid in {home_of(models, name) for name in SLOW}:
        os.kill(pid, signal.SIGKILL)
    quick = [models.endpoint(f"admin/times-{n}").submit({"x": 1.0}) for n in range(6)]
    assert [job.result(timeout=60)["y"] for job in quick] == [1.0 * n for n in range(6)]
    assert [job.result(timeout=60)["y"] for job in jobs] == [A_WHILE] * len(SLOW)
    assert all((models.job(job.id).attempts or 0) <= 2 for job in jobs)


def test_a_long_table_is_stopped_and_its_neighbours_notice_nothing(models: trivet.Client, tmp_path: Path) -> None:
    models.deploy(write_model(tmp_path / "endless", model=slow_graph(), name="Endless"))
    endpoint, neighbour = models.endpoint("admin/endless"), models.endpoint("admin/times-1")
    endpoint.run({"x": 1.0})
    neighbour.run({"x": 1.0})
    home, its_home = home_of(models, "endless"), home_of(models, "times-1")
    job = endpoint.submit(trivet.Blob(b"x\n" + b"%d\n" % FOR_EVER * 20_000, "text/csv"))
    assert eventually(lambda: str(models.job(job.id).status) == "running")
    job.cancel()
    assert str(job.wait(timeout=30)) == "cancelled"
    assert endpoint.run({"x": 5.0})["y"] == 5.0
    assert neighbour.run({"x": 5.0})["y"] == 5.0
    assert (home_of(models, "endless"), home_of(models, "times-1")) == (home, its_home)
    models.endpoints.delete("admin/endless")
