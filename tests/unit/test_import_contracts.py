"""The import contracts hold, and each of them bites: a planted violation fails the check."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Violation:
    """An import that must not be: which contract it breaks, and where it stands, in a module of its own or below another's."""

    contract: str
    module: str
    code: str


VIOLATIONS = [
    Violation("layers", "trivet/platform/core/planted.py", "import trivet.platform.ports"),
    Violation("layers", "trivet/platform/services/planted.py", "import trivet.platform.wire"),
    Violation("layers", "trivet/platform/worker_api/planted.py", "import trivet.platform.dialects"),
    Violation("layers", "trivet/platform/newcomer/__init__.py", ""),
    Violation("protected", "trivet/platform/wire/planted.py", "import trivet.platform.stores"),
    Violation("protected", "trivet/platform/dialects/planted.py", "import trivet.platform.runtimes"),
    Violation("independent", "trivet/platform/dialects/planted.py", "import trivet.platform.dialects.native"),
    Violation("apart-light", "trivet/sdk/planted.py", "import trivet.platform.core.errors"),
    Violation("apart-light", "trivet/worker/planted.py", "def late():\n    import trivet.platform.core.jobs"),
    Violation("apart-light", "trivet/runpod/planted.py", "import trivet.platform.wire"),
    Violation("drop-ins", "trivet/runpod/planted.py", "import trivet.algorithmia"),
    Violation("below", "trivet/worker/planted.py", "import trivet.runpod"),
    Violation("apart-platform", "trivet/platform/builders/planted.py", "import trivet.authoring"),
    Violation("apart-platform", "trivet/platform/server/planted.py", "from trivet.sdk import Client"),
    Violation("apart-cli", "trivet/cli/planted.py", "import trivet.platform.server"),
    Violation("dispatch", "trivet/platform/services/stops.py", "import trivet.platform.services.attempts"),
    Violation("dispatch", "trivet/platform/services/board.py", "import trivet.platform.services.workers"),
    Violation("dry", "trivet/platform/core/planted.py", "import asyncio"),
    Violation("dry", "trivet/platform/services/planted.py", "import sqlite3"),
    Violation("dry", "trivet/platform/ports/planted.py", "from starlette.requests import Request"),
    Violation("pure", "trivet/platform/core/planted.py", "import time"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the contracts."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return copy


def check(project: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on ``project``; all contracts unless some are named."""
    arguments = [part for contract in contracts for part in ("--contract", contract)]
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--cache-dir", str(project / "cache"), *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@contextmanager
def planted(project: Path, violation: Violation) -> Iterator[None]:
    """The violation stands in the copy for the time of the block."""
    path = project / "src" / violation.module
    is_new = not path.parent.exists()
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}{violation.code}\n")
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        if is_new:
            path.parent.rmdir()


def test_the_contracts_hold(project: Path) -> None:
    result = check(project)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda v: f"{v.contract}: {v.module}")
def test_a_planted_violation_is_found(project: Path, violation: Violation) -> None:
    with planted(project, violation):
        result = check(project, violation.contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 broken" in result.stdout
