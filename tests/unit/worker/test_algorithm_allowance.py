"""What an algorithm may keep: measured every now and then, from what was there when it started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.protocol.test_removal import bury
from trivet.protocol.removal import remove_folder
from trivet.worker.algorithms.allowance import LIMIT, Allowance, TooMuchKept, limit_of


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))


def test_what_was_there_before_does_not_count_and_what_came_since_does(tmp_path: Path) -> None:
    write(tmp_path / "code" / "model", 500_000)
    clock = Clock()
    allowance = Allowance(tmp_path, 200_000, clock)
    allowance.check()
    write(tmp_path / "tmp" / "deep" / "down", 300_000)
    allowance.check()  # it has just been measured
    clock.now += 1.0
    with pytest.raises(TooMuchKept, match="may keep 200,000"):
        allowance.check()
    (tmp_path / "tmp" / "deep" / "down").unlink()
    clock.now += 1.0
    allowance.check()


def test_many_empty_files_count_too(tmp_path: Path) -> None:
    allowance = Allowance(tmp_path, 100_000, Clock())
    for number in range(500):
        (tmp_path / str(number)).touch()
    with pytest.raises(TooMuchKept):
        allowance.check()


def test_what_links_lead_to_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "large", 500_000)
    room = tmp_path / "room"
    room.mkdir()
    allowance = Allowance(room, 100_000, Clock())
    (room / "folder").symlink_to(tmp_path / "elsewhere")
    (room / "file").symlink_to(tmp_path / "elsewhere" / "large")
    allowance.check()


@pytest.mark.parametrize("way", ["deep", "closed"])
def test_nothing_can_be_hidden_from_the_measurement(way: str, tmp_path: Path) -> None:
    allowance = Allowance(tmp_path, 100_000_000, Clock())
    if way == "deep":
        bury(tmp_path, 1_500)
    else:
        (tmp_path / "closed").mkdir(mode=0)
        if os.access(tmp_path / "closed", os.R_OK):
            pytest.skip("nothing is closed to this user")
    try:
        with pytest.raises(TooMuchKept, match="can't be measured"):
            allowance.check()
    finally:
        remove_folder(tmp_path)  # too deep for whoever clears up after tests


def test_without_a_limit_nothing_is_measured(tmp_path: Path) -> None:
    allowance = Allowance(tmp_path / "nowhere", 0, Clock())
    allowance.check()


def test_the_limit_is_taken_out_of_the_environment() -> None:
    environ = {LIMIT: "5", "A": "b"}
    assert (limit_of(environ), limit_of(environ), environ) == (5, 0, {"A": "b"})
