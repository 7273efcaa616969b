"""What type checkers see: the files beside this one are checked, not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_public_types_are_what_the_assertions_say() -> None:
    files = sorted(str(path.relative_to(ROOT)) for path in Path(__file__).parent.glob("check_*.py"))
    assert files
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
