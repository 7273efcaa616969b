"""The benchmark measures what it says, and leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import psutil
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]
MODULES = ("trivet.runpod", "trivet.algorithmia", "trivet.jaqpot")


def test_a_short_run_measures_ours_and_the_floor_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done, (row,) = measured(tmp_path, "echo")
    entries = {entry["kind"]: entry for entry in row["entries"]}
    assert set(entries) == {"floor", "ours", "other"}
    for entry in entries.values():
        assert all(len(samples) == 1 and samples[0] >= 0 for samples in entry["samples"].values())
        assert entry["medians"]["rate"] > 0
    assert not row["missing"]
    assert {goal["what"].partition(",")[0] for goal in row["goals"]} == {"echo"}
    assert "Trivet, run" in done.stdout
    ET.fromstring((tmp_path / "bench.svg").read_text())


def test_the_drop_in_modules_are_measured_without_the_originals(tmp_path: Path) -> None:
    _, (calls, weights) = measured(tmp_path, "dropins,weights")
    found = {entry["title"]: entry["medians"] for entry in calls["entries"]}
    assert found.keys() == {*MODULES, "trivet.runpod, its worker over HTTP"}
    assert all(found[module]["cpu"] > 0 for module in MODULES)
    assert found["trivet.runpod"]["job"] >= 0.1  # what the handler takes
    assert found["trivet.runpod"]["rate"] > 0 < found["trivet.runpod, its worker over HTTP"]["rate"]
    weighed = {entry["title"]: entry["medians"] for entry in weights["entries"]}
    assert all(weighed[module]["use"] > weighed[module]["import"] for module in MODULES)
    assert {weighed[module]["packages"] for module in MODULES} == {len(brought_by("trivet"))}
    assert {goal["beside"].partition(":")[0] for row in (calls, weights) for goal in row["goals"]} == {
        "",
        "asyncio alone",
    }


def measured(folder: Path, rows: str) -> tuple[subprocess.CompletedProcess[str], list[Any]]:
    """The end of a short run without peers, and its rows; it has left nothing behind."""
    figures = folder / "bench.json"
    with tempfile.TemporaryDirectory(prefix="b") as place:  # shorter than tmp_path: sockets lie in it
        options = ["--peers", "none", "--seconds", "0.2", "--rounds", "1", "--rows", rows, "--folder", place]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", *options, "--plot", folder / "bench.svg", "--json", figures],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not list(Path(place).iterdir())
        assert not _working_below(Path(place))
    return done, json.loads(figures.read_text())["rows"]


def brought_by(distribution: str) -> set[str]:
    """A package with all that it requires, where no extra is asked for."""
    found: set[str] = set()
    left = [distribution]
    while left:
        name = canonicalize_name(left.pop())
        if name not in found:
            found.add(name)
            wanted = map(Requirement, importlib.metadata.requires(name) or [])
            left += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def _working_below(folder: Path) -> list[int]:
    everybody = psutil.process_iter(["cwd"])
    return [one.pid for one in everybody if one.info["cwd"] and Path(one.info["cwd"]).is_relative_to(folder)]
