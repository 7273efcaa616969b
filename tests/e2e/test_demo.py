"""The demo is what a newcomer sees first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(330)  # it installs what every example needs
def test_the_demo_deploys_and_calls_every_example(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "demo"],
        env={**os.environ, "TRIVET_CONFIG": str(tmp_path / "c.toml")}, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 did not" in done.stdout + done.stderr
