"""Running a program to its end, with nothing of it left."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.processes import is_alive
from trivet.platform.builders import tool
from trivet.platform.server.main import new_event_loop


def run(
    program: str, tmp_path: Path, *, timeout: float = 20.0, keep_stdout: int = 0
) -> tuple[tool.Finished, list[str]]:
    lines: list[str] = []
    command = (sys.executable, "-I", "-c", program)
    running = tool.run(
        command, cwd=tmp_path, env={"A": "1"}, timeout=timeout, on_line=lines.append, keep_stdout=keep_stdout
    )
    return asyncio.run(asyncio.wait_for(running, 60)), lines


def run_too_long(program: str, tmp_path: Path) -> tuple[tool.Finished, list[str]]:
    """Runs a program that does not end, for as long as it takes until it has printed something."""
    for timeout in (0.5, 2.0, 8.0, 30.0):
        finished, lines = run(program, tmp_path, timeout=timeout)
        if lines:
            return finished, lines
    pytest.fail("it has printed nothing")


def test_its_lines_are_told_and_its_status_given(tmp_path: Path) -> None:
    finished, lines = run(
        "import sys; print('one'); sys.stdout.flush(); sys.stderr.write('two'); sys.exit(4)", tmp_path
    )
    assert (finished.status, lines, finished.last_lines) == (4, ["one", "two"], ("one", "two"))


def test_standard_output_can_be_kept_apart(tmp_path: Path) -> None:
    finished, lines = run(
        "import sys; print('x' * 10, end=''); print('said', file=sys.stderr)", tmp_path, keep_stdout=4
    )
    assert (finished.stdout, lines) == (b"xxxx", ["said"])


def test_it_has_the_environment_and_folder_that_were_given(tmp_path: Path) -> None:
    _, lines = run("import os; print(os.getcwd(), os.environ['A'], 'HOME' in os.environ)", tmp_path)
    assert lines == [f"{tmp_path} 1 False"]


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    finished, lines = run_too_long("import signal; print('up', flush=True); signal.pause()", tmp_path)
    assert (finished.status, lines) == (None, ["up"])


@pytest.mark.parametrize("ending", ["os._exit(0)", "signal.pause()"])
def test_what_it_leaves_running_is_ended(ending: str, tmp_path: Path) -> None:
    program = f"""
import os, signal
ready, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    os.write(tell, b"x")
    signal.pause()
os.read(ready, 1)
{ending}
"""
    finished, lines = (run_too_long if ending == "signal.pause()" else run)(program, tmp_path)
    assert (finished.status == 0) is (ending != "signal.pause()")
    (stray,) = (int(line) for line in lines)
    assert not is_alive(stray)


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    finished, lines = run("print('x' * 3_000_000); print('end')", tmp_path)
    assert [len(line) for line in lines] == [tool.LONGEST_LINE, 3]
    assert finished.status == 0


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(tool.run(("/absent",), cwd=tmp_path, env={}, timeout=1, on_line=print))


def test_each_of_its_pipes_is_closed_once_and_by_nobody_else_under_the_servers_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is closed a second time may be another thread's by then."""
    made: list[int] = []
    closed: list[int] = []
    pipe, close = os.pipe, os.close

    def making() -> tuple[int, int]:
        ends = pipe()
        made.extend(ends)
        return ends

    def closing(descriptor: int) -> None:
        os.fstat(descriptor)  # raises where it is closed already
        closed.append(descriptor)
        close(descriptor)

    monkeypatch.setattr(os, "pipe", making)
    monkeypatch.setattr(os, "close", closing)
    command = (sys.executable, "-I", "-c", "import sys; print('out'); print('x' * 300_000, file=sys.stderr)")
    lines: list[str] = []
    running = tool.run(command, cwd=tmp_path, env={}, timeout=20, on_line=lines.append, keep_stdout=100)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        finished = runner.run(asyncio.wait_for(running, 30))
    assert (finished.status, finished.stdout, lines) == (0, b"out\n", ["x" * tool.LONGEST_LINE])
    assert set(made[:4]) <= set(closed)
