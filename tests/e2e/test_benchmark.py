"""The benchmark measures what it says, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

import psutil

PROJECT = Path(__file__).parents[2]


def test_a_short_run_measures_ours_and_the_floor_and_leaves_nothing_behind(tmp_path: Path) -> None:
    plot, figures = tmp_path / "bench.svg", tmp_path / "bench.json"
    with tempfile.TemporaryDirectory(prefix="b") as folder:  # shorter than tmp_path: sockets lie in it
        options = ["--peers", "none", "--seconds", "0.2", "--rounds", "1", "--rows", "echo", "--folder", folder]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks", *options, "--plot", str(plot), "--json", str(figures)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not list(Path(folder).iterdir())
        assert not _working_below(Path(folder))
    document = json.loads(figures.read_text())
    (row,) = document["rows"]
    entries = {entry["kind"]: entry for entry in row["entries"]}
    assert set(entries) == {"floor", "ours", "other"}
    for entry in entries.values():
        assert all(len(samples) == 1 and samples[0] >= 0 for samples in entry["samples"].values())
        assert entry["medians"]["rate"] > 0
    assert not row["missing"]
    assert {goal["what"].partition(",")[0] for goal in row["goals"]} == {"echo"}
    assert "Trivet, run" in done.stdout
    ET.fromstring(plot.read_text())


def _working_below(folder: Path) -> list[int]:
    everybody = psutil.process_iter(["cwd"])
    return [one.pid for one in everybody if one.info["cwd"] and Path(one.info["cwd"]).is_relative_to(folder)]
