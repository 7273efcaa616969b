"""What a worker left behind is found by its mark, and by the folder of the server that it belonged to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from trivet.platform.runtimes import strays

PATIENCE = 20.0
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def left_by(stack: ExitStack, folder: Path, worker_id: str) -> subprocess.Popen[bytes]:
    """A process of a worker, which lives below a server's folder."""
    environ = {strays.MARK: worker_id, strays.FOLDER: str(folder / worker_id)}
    program = "import signal; print('up', flush=True); signal.pause()"
    process = stack.enter_context(
        subprocess.Popen([sys.executable, "-I", "-c", program], env=environ, stdout=subprocess.PIPE)
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


@pytest.mark.parametrize("worker_id", ["w1", None])
def test_a_worker_of_another_server_is_left_alone_though_it_has_the_same_id(
    stack: ExitStack, worker_id: str | None, tmp_path: Path
) -> None:
    ours, others = tmp_path / "ours", tmp_path / "ours-too"
    mine, foreign = left_by(stack, ours, "w1"), left_by(stack, others, "w1")
    assert strays.marked(ours, worker_id) == [mine.pid]
    assert strays.kill_marked(ours, worker_id) == 1
    assert mine.wait(PATIENCE) == -signal.SIGKILL
    assert foreign.poll() is None
    assert strays.marked(others, worker_id) == [foreign.pid]


def test_a_worker_is_told_from_the_others_of_its_server(stack: ExitStack, tmp_path: Path) -> None:
    one, other = left_by(stack, tmp_path, "w1"), left_by(stack, tmp_path, "w11")
    strays.kill_marked(tmp_path, "w1")
    assert one.wait(PATIENCE) == -signal.SIGKILL
    assert other.poll() is None
