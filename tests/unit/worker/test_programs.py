"""Programs of their authors' own: the process becomes the program, in a copy of its folder, and knows nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.processes import is_alive
from trivet.worker.programs import EXIT_UNRUNNABLE, LARGEST_COPY

BECOME = "import sys; from trivet.worker.programs import main; sys.exit(main())"
PROGRAM = """
import json, os, sys
import beside
print(json.dumps({
    "argv": sys.argv, "cwd": os.getcwd(), "pid": os.getpid(), "unbuffered": sys.stdout.write_through,
    "environ": dict(os.environ), "path": sys.path[0], "stdin": os.readlink("/proc/self/fd/0"),
    "large": [os.path.islink("large.bin"), os.path.getsize("large.bin")], "small": os.path.islink("small.txt"),
    "executable": os.access("tool.sh", os.X_OK), "word": beside.WORD, "late": os.path.exists(os.environ["SIGN"]),
}))
open("small.txt", "w").write("changed")
"""


def bundle_in(folder: Path) -> Path:
    bundle = folder / "bundle"
    (bundle / "src").mkdir(parents=True)
    (bundle / "src" / "work.py").write_text(PROGRAM)
    (bundle / "src" / "beside.py").write_text("WORD = 'found'")
    (bundle / "small.txt").write_text("as deployed")
    (bundle / "large.bin").write_bytes(bytes(LARGEST_COPY + 1))
    (bundle / "tool.sh").touch(mode=0o755)
    return bundle


def start(
    folder: Path, bundle: Path, program: str = "src/work.py", more: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    room = folder / "room"
    room.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "TRIVET_WORKER_ID": "wrk_1",
        "TRIVET_BUNDLE": str(bundle),
        "TRIVET_HANDLER": program,
        "SIGN": str(folder / "sign"),
        **(more or {}),
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-c", BECOME], cwd=room, env=environ, text=True, stdout=-1, stderr=-1, **options
    )


def test_the_process_becomes_the_program(tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    process = start(tmp_path, bundle, stdin=subprocess.DEVNULL)
    told = json.loads(process.communicate(timeout=30)[0])
    code = str(tmp_path / "room" / "code")
    assert told["pid"] == process.pid
    assert (told["argv"], told["cwd"], told["path"]) == (["src/work.py"], code, f"{code}/src")
    assert (told["unbuffered"], told["word"], told["executable"]) == (True, "found", True)
    assert {name for name in told["environ"] if name.startswith("TRIVET")} == {"TRIVET_WORKER_ID"}


def test_a_program_that_is_to_find_the_link_is_told_of_it_and_of_its_own_folder(tmp_path: Path) -> None:
    more = {"TRIVET_LINK": "unix:/nowhere", "TRIVET_WORKER_TOKEN": "secret"}
    process = start(tmp_path, bundle_in(tmp_path), stdin=subprocess.DEVNULL, more=more)
    environ = json.loads(process.communicate(timeout=30)[0])["environ"]
    assert {name: value for name, value in environ.items() if name.startswith("TRIVET")} == {
        **more,
        "TRIVET_WORKER_ID": "wrk_1",
        "TRIVET_BUNDLE": str(tmp_path / "room" / "code"),
        "TRIVET_HANDLER": "src/work.py",
    }


def test_small_files_are_its_own_and_large_ones_everybodys(tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    told = json.loads(start(tmp_path, bundle, stdin=subprocess.DEVNULL).communicate(timeout=30)[0])
    assert (told["large"], told["small"]) == ([True, LARGEST_COPY + 1], False)
    assert (bundle / "small.txt").read_text() == "as deployed"
    assert (tmp_path / "room" / "code" / "small.txt").read_text() == "changed"


def test_nothing_of_the_authors_runs_before_the_gate_opens(tmp_path: Path) -> None:
    inside, outside = os.pipe()
    process = start(tmp_path, bundle_in(tmp_path), stdin=inside)
    os.close(inside)
    (tmp_path / "sign").touch()
    os.close(outside)
    told = json.loads(process.communicate(timeout=30)[0])
    assert (told["late"], told["stdin"]) == (True, "/dev/null")


def test_it_does_not_outlive_its_server(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "work.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n")
    environ = {"TRIVET_BUNDLE": str(bundle), "TRIVET_HANDLER": "work.py"}
    command = f"import subprocess; subprocess.run([{sys.executable!r}, '-I', '-c', {BECOME!r}], env={environ!r})"
    server = subprocess.Popen([sys.executable, "-c", command], cwd=tmp_path, stdin=-3, stdout=-1, text=True)
    assert server.stdout is not None
    worker = int(server.stdout.readline())
    server.kill()
    server.wait(30)
    server.stdout.close()
    until = time.monotonic() + 30
    while is_alive(worker):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    process = start(tmp_path, tmp_path / "nowhere", stdin=subprocess.DEVNULL)
    _, said = process.communicate(timeout=30)
    assert process.returncode == EXIT_UNRUNNABLE
    assert said.startswith("trivet worker: src/work.py can't be run: ")
