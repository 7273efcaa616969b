"""Warm parents: workers forked off a process that has loaded their environment."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.processes import is_alive
from tests.unit.runtimes.stage import Stage
from tests.unit.runtimes.test_process import WAITS
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes import warm
from trivet.platform.runtimes.process import ProcessRuntime
from trivet.platform.runtimes.warm import WarmSettings

SECRET = "correct-horse-battery-staple"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "data", forked=True)


def importing(stage: Stage, spec: WorkerSpec, source: str, **modules: str) -> WorkerSpec:
    """The spec with a handler in a module of the bundle, and modules of others beside the interpreter's own."""
    (stage.data / "bundles" / spec.version.bundle / "main.py").write_text(textwrap.dedent(source))
    packages = stage.data / "packages"
    packages.mkdir(exist_ok=True)
    for name, text in modules.items():
        (packages / f"{name}.py").write_text(textwrap.dedent(text))
    parent = stage.data / "envs" / "bare" / "bin" / "parent.py"
    line = f"import sys; sys.path.append({str(packages)!r})\n"
    if line not in parent.read_text():
        parent.write_text(line + parent.read_text())
    return spec


def parent_of(pid: int | None) -> int:
    """The warm parent that a worker was forked off, or 0."""
    process = psutil.Process(pid).parent()
    return process.pid if process is not None and any("parent.py" in word for word in process.cmdline()) else 0


def signal_parent_of(pid: int | None, number: signal.Signals) -> None:
    """Sends a signal to the warm parent of a worker, which has to have one: 0 would mean this very process and its like."""
    parent = parent_of(pid)
    assert parent, "the worker was not forked"
    os.kill(parent, number)


async def ended(pid: int) -> None:
    """Waits for a process's end without taking its status from whom it belongs to."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    assert await asyncio.to_thread(poller.poll, 10_000)
    os.close(descriptor)


def remembers(pid: int, text: str) -> bool:
    """Whether a process has a text in its memory."""
    process = Path("/proc", str(pid))
    with (process / "maps").open() as maps, (process / "mem").open("rb") as memory:
        for line in maps:
            start, end, kind = re.match(r"(\w+)-(\w+) (\S+)", line).groups()  # type: ignore[union-attr]  # each line has them
            if not kind.startswith("rw"):
                continue
            try:
                memory.seek(int(start, 16))
                if text.encode() in memory.read(int(end, 16) - int(start, 16)):
                    return True
            except OSError:
                continue
    return False


def environ_of(pid: int | None) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def files_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_a_forked_worker_bears_its_own_marks_and_its_parent_never_sees_a_secret(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        started = await runtime.start(
            stage.spec("w1", f"import os; print(os.environ['KEY'], flush=True); {WAITS}", KEY=SECRET)
        )
        await stage.until(lambda: "up" in stage.lines)
        parent = parent_of(started.pid)
        assert parent
        assert stage.lines[0] == SECRET
        environ = environ_of(started.pid)
        assert b"TRIVET_WORKER_ID=w1" in environ
        assert f"TRIVET_WORKER_FOLDER={stage.data}/workers/w1".encode() in environ
        assert os.getsid(started.pid or 0) == started.pid
        assert remembers(started.pid or 0, SECRET)
        assert not remembers(parent, SECRET)

    stage.play(act)


def test_a_forked_worker_has_nothing_open_but_its_streams(stage: Stage) -> None:
    program = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1]); print(os.readlink('/proc/self/fd/0'))"

    async def act(runtime: ProcessRuntime) -> tuple[str, ...]:
        await runtime.start(stage.spec("w1", program))
        return (await stage.gone("w1")).last_lines

    # The interpreter holds the program's file open while it runs it; the listing holds the folder.
    assert stage.play(act) == ("['0', '1', '2']", "/dev/null")


def test_chance_is_each_workers_own(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> list[str]:
        for name in ("w1", "w2"):
            spec = importing(stage, stage.spec(name, "import random; print(random.random())"), "import random")
            await runtime.start(spec)
            await stage.gone(name)
        return stage.lines

    first, second = stage.play(act)
    assert first != second


def test_what_the_bundle_imports_is_loaded_in_the_parent_once(stage: Stage) -> None:
    program = "import heavy; print(heavy.pid, flush=True); import signal; signal.pause()"

    async def act(runtime: ProcessRuntime) -> tuple[int, list[str]]:
        pids = set()
        for name in ("w1", "w2", "w3"):
            spec = importing(stage, stage.spec(name, program), "import heavy", heavy="import os; pid = os.getpid()")
            pids.add(parent_of((await runtime.start(spec)).pid))
        await stage.until(lambda: len(stage.lines) == 3)
        (parent,) = pids
        return parent, stage.lines

    parent, lines = stage.play(act)
    assert lines == [str(parent)] * 3


@pytest.mark.parametrize(
    ("heavy", "said"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            "started threads",
        ),
        ("kept = open('/dev/null')", "keep files open: "),
        ("raise RuntimeError('no such luck')", "importing heavy raised RuntimeError: no such luck"),
        ("import os; os._exit(3)", "ended while it was importing"),
        ("raise SystemExit", "raised SystemExit"),
    ],
)
def test_a_parent_that_can_not_be_forked_from_is_not_used_and_that_is_said(
    stage: Stage, heavy: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        for name in ("w1", "w2"):
            spec = importing(stage, stage.spec(name, WAITS), "import heavy", heavy=heavy)
            assert not parent_of((await runtime.start(spec)).pid)

    stage.play(act)
    assert [said in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "heavy",
    [
        "import os; home = os.path.expanduser('~')",
        "import os; key = os.getenv('KEY')",
        "import os; all = dict(os.environ)",
    ],
)
def test_a_module_that_asks_for_what_is_the_workers_own_is_left_to_the_worker(stage: Stage, heavy: str) -> None:
    program = f"import sys; print('heavy' in sys.modules, 'light' in sys.modules); {WAITS}"

    async def act(runtime: ProcessRuntime) -> tuple[int, list[str]]:
        spec = importing(
            stage,
            stage.spec("w1", program, KEY="k"),
            "import heavy, light",
            heavy=heavy,
            light="import os; os.getenv('LANG')",
        )
        started = await runtime.start(spec)
        await stage.until(lambda: "up" in stage.lines)
        return parent_of(started.pid), stage.lines

    parent, lines = stage.play(act)
    assert parent
    assert lines[0] == "False True"


def test_a_module_of_the_authors_own_is_never_taken_for_one_of_the_parents(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        spec = importing(stage, stage.spec("w1", WAITS), "import heavy", heavy="import light", light="")
        (stage.data / "bundles" / spec.version.bundle / "light.py").write_text("")
        return bool(parent_of((await runtime.start(spec)).pid))

    assert not stage.play(act)


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PYTHONPATH", "LANG", "LD_PRELOAD"])
def test_a_variable_that_works_when_a_library_is_loaded_means_a_plain_start(stage: Stage, name: str) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        return bool(parent_of((await runtime.start(stage.spec("w1", WAITS, memory=None, gpu=None, **{name: "C"}))).pid))

    assert not stage.play(act)


def test_without_parents_every_start_is_plain(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        return bool(parent_of((await runtime.start(stage.spec("w1", WAITS))).pid))

    assert not stage.play(act, warm=WarmSettings(most=0))


def test_a_killed_parent_takes_its_workers_along_and_each_end_is_told_once(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        pids = [(await runtime.start(stage.spec(name, WAITS))).pid for name in ("w1", "w2")]
        await stage.until(lambda: stage.lines.count("up") == 2)
        signal_parent_of(pids[0], signal.SIGKILL)
        for name in ("w1", "w2"):
            departure = await stage.gone(name)
            assert departure.reason == "ended together with the process that it was forked from"
            assert departure.last_lines == ("up",)
        assert len(stage.exits) == 2
        started = await runtime.start(stage.spec("w3", WAITS))  # and life goes on
        assert parent_of(started.pid)

    stage.play(act)


def test_a_parent_that_dies_twice_is_not_used_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        for name in ("w1", "w2"):
            signal_parent_of((await runtime.start(stage.spec(name, WAITS))).pid, signal.SIGKILL)
            await stage.gone(name)
        return bool(parent_of((await runtime.start(stage.spec("w3", WAITS))).pid))

    assert not stage.play(act)
    assert sum("failed more than once" in record.getMessage() for record in caplog.records) == 1


def test_a_parent_that_has_to_go_leaves_its_workers_alone(stage: Stage) -> None:
    waits = "import signal, sys; signal.signal(15, lambda *_: sys.exit(3)); print('up', flush=True); signal.pause()"

    async def act(runtime: ProcessRuntime) -> int | None:
        first = await runtime.start(importing(stage, stage.spec("w1", waits), "import json"))
        await stage.until(lambda: "up" in stage.lines)
        second = await runtime.start(importing(stage, stage.spec("w2", WAITS), "import csv"))
        assert parent_of(second.pid) not in (0, parent_of(first.pid))
        # The first parent was told to go when the second was warm. Its worker must not notice.
        assert is_alive(first.pid or 0)
        parent = parent_of(first.pid)
        runtime.terminate("w1")
        departure = await stage.gone("w1")
        await ended(parent)
        return departure.exit_code

    assert stage.play(act, warm=WarmSettings(most=1)) == 3


def test_a_parent_that_is_of_no_use_for_long_goes(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        started = await runtime.start(stage.spec("w1", "print('done')"))
        parent = parent_of(started.pid)
        await stage.gone("w1")
        await ended(parent)

    stage.play(act, warm=WarmSettings(keep=0.5))


def test_a_parent_that_hangs_holds_no_start_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_FORK_PATIENCE", 0.2)

    async def act(runtime: ProcessRuntime) -> None:
        first = await runtime.start(stage.spec("w1", WAITS))
        signal_parent_of(first.pid, signal.SIGSTOP)
        for name in ("w2", "w3"):  # one spare may have been ready
            started = await ProcessRuntime.start(runtime, stage.spec(name, WAITS))
        assert not parent_of(started.pid)
        runtime.kill("w1")
        assert (await stage.gone("w1")).reason.startswith("ended")

    stage.play(act)


def test_a_parent_that_takes_too_much_memory_is_not_kept(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        return bool(parent_of((await runtime.start(stage.spec("w1", WAITS))).pid))

    assert not stage.play(act, warm=WarmSettings(memory=2**20))


def test_twenty_starts_in_a_row_leave_nothing_open(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> list[int]:
        counts = []
        for number in range(20):
            await runtime.start(stage.spec(f"w{number}", "print('up')"))
            await stage.gone(f"w{number}")
            counts.append(files_of(os.getpid()))
        return counts

    before = files_of(os.getpid())
    counts = stage.play(act)
    assert max(counts) - min(counts) < 10  # a spare more or less, but not one for each start
    assert files_of(os.getpid()) <= before
    assert list((stage.data / "workers").iterdir()) == []


def test_nothing_outlives_a_killed_server(stage: Stage) -> None:
    stage.spec(
        "w1",
        "import signal, os; signal.signal(15, signal.SIG_IGN); print(os.getpid(), os.getppid(), flush=True); signal.pause()",
    )
    server = f"""
        import asyncio, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from tests.unit.runtimes.stage import Stage, WarmRuntime
        stage = Stage(Path({str(stage.data)!r}), forked=True)
        async def serve():
            runtime = WarmRuntime(stage.data, "unix:/x")
            stage.listen(runtime)
            await runtime.open()
            program = (stage.data / "bundles/of-w1/worker.py").read_text()
            await runtime.start(stage.spec("w1", program))
            await stage.until(lambda: bool(stage.lines))
            print(stage.lines[0], flush=True)
            await asyncio.Event().wait()
        asyncio.run(serve())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(server)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        worker, parent = map(psutil.Process, map(int, process.stdout.readline().split()))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    _, left = psutil.wait_procs([worker, parent], timeout=30)
    assert left == []
