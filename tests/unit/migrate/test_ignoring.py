"""Patterns of `.gitignore`, as git reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from trivet.migrate import ignoring

PATTERNS = """
# what is made
*.pyc
/top.py
build/
docs/*.py
**/deep/*.py
a/**/z.py
tail/**
!docs/kept.py
back\\ slash.py
[0-9]x.py
[!a-c]only.py
lo?e.py
#hash.py
\\#hash.py
"""
NAMES = [
    "m.pyc", "sub/m.pyc", "top.py", "sub/top.py", "build/a.py", "sub/build/a.py", "docs/a.py", "docs/kept.py", "docs/in/a.py",
    "deep/a.py", "x/deep/a.py", "a/z.py", "a/b/c/z.py", "tail/x/y.py", "back slash.py", "1x.py", "ax.py", "aonly.py", "zonly.py",
    "love.py", "lo/e.py", "#hash.py", "hash.py", "trailing.py", "none.py",
]  # fmt: skip


def left_out(name: str, chain: list[ignoring.Ignores], root: Path) -> bool:
    """Whether a path or one of the folders above it is left out."""
    parts = Path(name).parts
    paths = [(root.joinpath(*parts[: depth + 1]), depth < len(parts) - 1) for depth in range(len(parts))]
    return any(ignoring.is_ignored(path, chain, is_folder=is_folder) for path, is_folder in paths)


@pytest.mark.skipif(shutil.which("git") is None, reason="git says what is right")
def test_patterns_leave_out_what_git_leaves_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=30)
    (tmp_path / ".gitignore").write_text(f"{PATTERNS}trailing.py   \n")
    told = subprocess.run(
        ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin", "-z"],
        input="\0".join(NAMES), check=True, capture_output=True, text=True, timeout=30,
    ).stdout  # fmt: skip
    chain = list(ignoring.of(tmp_path))
    assert {name for name in NAMES if left_out(name, chain, tmp_path)} == set(filter(None, told.split("\0")))


def test_the_nearest_file_decides_and_files_above_hold_up_to_the_repositorys_top(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.py\n")
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / ".gitignore").write_text("*.txt\n*.log\n")
    (top / "sub" / ".gitignore").write_text("!a.txt\n")
    assert ignoring.above(top / "sub") == (), "outside of a repository nothing above holds"
    (top / ".git").mkdir()
    chain = [*ignoring.above(top / "sub"), *ignoring.of(top / "sub")]
    names = ["a.txt", "b.txt", "c.log", "d.py"]
    assert [ignoring.is_ignored(top / "sub" / name, chain, is_folder=False) for name in names] == [
        False,
        True,
        True,
        False,
    ]
    assert ignoring.above(top) == ()


def test_what_is_no_pattern_is_passed_over(tmp_path: Path) -> None:
    chain = [ignoring.parse("[z-a].py\n[\n\n!\n", tmp_path)]
    assert not ignoring.is_ignored(tmp_path / "a.py", chain, is_folder=False)
