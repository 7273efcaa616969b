"""``inspect``: a bundle is loaded once and described, whatever the author's code does meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def inspect(folder: Path) -> tuple[int, dict[str, Any], str]:
    """The exit status, the one line on stdout, and stderr."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "trivet.worker", "inspect", str(folder)],
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    (line,) = done.stdout.splitlines()
    return done.returncode, json.loads(line), done.stderr


def test_it_describes_what_it_finds_and_nothing_printed_gets_in_between(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import os, trivet\n"
        "print('from print')\n"
        "os.write(1, b'from below\\n')\n"
        "@trivet.endpoint(workers=(0, 3))\n"
        "def hello(name: str) -> str:\n"
        "    '''Greets.'''\n"
        "    return name\n"
    )
    status, answer, stderr = inspect(tmp_path)
    assert status == 0
    (described,) = answer["endpoints"]
    assert (described["module"], described["qualname"], described["kind"]) == ("main", "hello", "sync")
    assert described["description"] == "Greets."
    assert described["settings"] == {"workers": [0, 3]}
    assert "from print" in stderr
    assert "from below" in stderr


def test_a_module_that_raises_is_reported_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from trivet import endpoint\nimport nothing_like_this\n")
    status, answer, _ = inspect(tmp_path)
    assert status == 1
    assert answer["error"]["type"] == "ModuleNotFoundError"
    assert "nothing_like_this" in answer["error"]["message"]
    assert 'File "main.py", line 2' in answer["error"]["traceback"]
    assert str(tmp_path) not in answer["error"]["traceback"]


def test_a_module_that_exits_is_reported_too(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import sys\nfrom trivet import endpoint\nsys.exit('not on this machine')\n")
    status, answer, _ = inspect(tmp_path)
    assert status == 1
    assert (answer["error"]["type"], answer["error"]["message"]) == ("SystemExit", "not on this machine")


def test_a_folder_without_an_endpoint_names_what_was_looked_at(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def f(): pass\n")
    status, answer, _ = inspect(tmp_path)
    assert status == 1
    assert "looked at main.py" in answer["error"]["message"]
    assert (answer["error"]["type"], answer["error"]["traceback"]) == ("LoadFailed", "")


def test_the_worker_starts_without_what_it_does_not_need() -> None:
    program = "import sys, trivet.worker.main, trivet.worker.hosts.decorated; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    heavy = {"asyncio", "inspect", "dataclasses", "logging", "traceback", "subprocess", "ctypes", "datetime"}
    assert not heavy & set(done.stdout.split())
