"""Workers: how their ends are told, and when starting pauses."""

from __future__ import annotations

import pytest

from trivet.platform.core.workers import (
    Departure,
    StartHistory,
    Worker,
    has_gpu,
    has_proved_itself,
    start_failed,
)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "exited with status 0"),
        (3, "exited with status 3"),
        (-9, "was killed by signal 9 (SIGKILL)"),
        (-200, "was killed by signal 200 (unknown)"),
    ],
)
def test_an_end_is_told_in_words(code: int, reason: str) -> None:
    departure = Departure.of_exit(code, ("last",))
    assert (departure.reason, departure.exit_code, departure.last_lines) == (reason, code, ("last",))
    assert not departure.out_of_memory


def test_an_end_by_the_memory_limit_names_the_limit() -> None:
    departure = Departure.of_exit(-9, memory_limit=512 * 2**20)
    assert "512 MiB" in departure.reason
    assert departure.out_of_memory


def test_starts_that_fail_pause_longer_each_time_up_to_a_limit() -> None:
    history = StartHistory()
    pauses = []
    for _ in range(20):
        history = start_failed(history, Departure("died"), 1000.0)
        pauses.append(history.retry_at - 1000.0)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0


def test_two_failed_starts_in_a_row_make_a_crash_loop() -> None:
    once = start_failed(StartHistory(), Departure("died"), 1.0)
    twice = start_failed(once, Departure("died again"), 2.0)
    assert (once.is_crash_loop, twice.is_crash_loop) == (False, True)
    assert twice.last == Departure("died again")


def test_a_worker_has_proved_itself_by_a_job_or_by_lasting() -> None:
    starting = Worker("w", "e", "v", 0.0)
    ready = Worker("w", "e", "v", 0.0, ready_at=100.0)
    assert not has_proved_itself(starting, 0, 1000.0)
    assert not has_proved_itself(ready, 0, 109.0)
    assert has_proved_itself(ready, 1, 100.1)
    assert has_proved_itself(ready, 0, 110.0)


@pytest.mark.parametrize(
    ("installed", "wanted", "there"),
    [
        ({}, "any", False),
        ({"NVIDIA L4": 1}, "any", True),
        ({"NVIDIA L4": 1}, "l4", True),
        ({"NVIDIA L4": 1}, "A100", False),
    ],
)
def test_a_gpu_is_found_by_part_of_its_name(installed: dict[str, int], wanted: str, there: bool) -> None:
    assert has_gpu(installed, wanted) is there
