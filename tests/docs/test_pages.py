"""The README and the guides do what they say: their commands and programs are run, in order, against a real platform."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunningPlatform
from tests.docs.blocks import Block, Command, agrees, blocks_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guides").glob("*.md"))]
RUNNABLE = [page for page in PAGES if any(not block.title for block in blocks_of(page))]
LIMIT = 120
"""Seconds that one command may take; a deployment may install packages."""


def run(arguments: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a program as a reader would."""
    return subprocess.run(
        arguments,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def run_command(command: Command, folder: Path, env: dict[str, str]) -> None:
    """Runs a console command and compares its output and exit status with what the page shows."""
    result = run(["bash", "-c", command.line], folder, env)
    assert result.returncode == command.exit_status, f"$ {command.line}\n{result.stdout}{result.stderr}"
    if command.expected:
        assert agrees(result.stdout, command.expected), f"$ {command.line}\n{result.stdout}"


def run_program(block: Block, folder: Path, env: dict[str, str]) -> None:
    """Runs a program and compares what it prints with what its comments say."""
    result = run([sys.executable, "-W", "error", "-c", block.body], folder, env)
    assert result.returncode == 0, f"line {block.line}\n{result.stderr}"
    assert result.stdout.splitlines() == block.printed, f"line {block.line}\n{result.stderr}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_shows_works(page: Path, platform: RunningPlatform, tmp_path: Path) -> None:
    left_out: list[str] = []
    for block in blocks_of(page):
        if block.title:
            if not block.title.startswith("examples/"):
                file = tmp_path / block.title
                file.parent.mkdir(exist_ok=True)
                file.write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            run_program(block, tmp_path, platform.env)
        else:
            for command in block.commands:
                if command.line.startswith("curl ") and shutil.which("curl") is None:
                    left_out.append(command.line)
                    continue
                run_command(command, tmp_path, platform.env)
    if left_out:
        pytest.skip(f"all ran but {len(left_out)} commands: curl is not installed")


def test_the_function_of_the_readme_has_ten_lines_at_most() -> None:
    first = next(block for block in blocks_of(ROOT / "README.md") if block.title == "hello.py")
    assert len(first.body.splitlines()) <= 10


def test_examples_are_shown_as_they_are() -> None:
    examples = ROOT / "src" / "trivet" / "examples"
    shown = [b for page in PAGES for b in blocks_of(page) if b.title and b.title.startswith("examples/")]
    assert shown, "no guide shows an example"
    for block in shown:
        assert block.body == (examples / str(block.title).removeprefix("examples/")).read_text(encoding="utf-8")
