"""Workers as processes: what they get, what they can't do, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.processes import is_alive
from tests.unit.runtimes.stage import Stage
from trivet.platform.core.errors import Unavailable
from trivet.platform.core.workers import Departure
from trivet.platform.ports.runtime import Started
from trivet.platform.runtimes.cgroups import find_cgroups
from trivet.platform.runtimes.process import ProcessRuntime

MIB = 2**20
WAITS = "import signal; print('up', flush=True); signal.pause()"
LEAVES_A_DAEMON = """
    import os, sys, signal
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print(f"daemon {os.getpid()}", flush=True)
            signal.pause()
        os._exit(0)
    os.wait()
    signal.pause()
"""
DIGS = """
    import os
    for folder in ("deep", "closed"):
        os.mkdir(folder)
    os.chmod("closed", 0)
    os.chdir("deep")
    for _ in range(1200):
        os.mkdir("deeper")
        os.chdir("deeper")
"""
needs_cgroups = pytest.mark.skipif(find_cgroups() is None, reason="this machine does not let us make control groups")
ways = pytest.mark.parametrize("use_cgroups", [pytest.param(True, marks=needs_cgroups), False])


@pytest.fixture(params=["spawned", "forked"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path / "data", forked=request.param == "forked")


def groups_of(server: int) -> list[Path]:
    # os.walk, as groups of others on this machine come and go while it looks.
    return [
        Path(parent, name)
        for parent, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith(f"trivet-{server}-")
    ]


def test_a_worker_knows_only_what_it_must(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MASTER", "of the server")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the server")
    monkeypatch.setenv("TZ", "Europe/Athens")
    program = """
        import json, os, sys
        told = {"env": dict(os.environ), "cwd": os.getcwd(), "stdin": sys.stdin.read()}
        print(json.dumps({**told, "sid": os.getsid(0) == os.getpid()}))
    """

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program, TOKEN="s3cret", TRIVET_WORKER_ID="w2", HOME="/root"))
        return await stage.gone("w1")

    departure = stage.play(act)
    told = json.loads(departure.last_lines[-1])
    env = told["env"]
    for noise in ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE", "VIRTUAL_ENV"):  # the shell's, and Python's own
        env.pop(noise, None)
    room = stage.data / "workers" / "w1"
    assert env == {
        "PATH": f"{stage.data}/envs/bare/bin:/usr/local/bin:/usr/bin:/bin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "TZ": "Europe/Athens",
        "HOME": "/root",  # a secret of the owner's may be named so
        "TMPDIR": str(room / "tmp"),
        "TOKEN": "s3cret",
        "TRIVET_LINK": "unix:/nowhere.sock",
        "TRIVET_WORKER_ID": "w1",
        "TRIVET_WORKER_TOKEN": "token-of-the-worker",
        "TRIVET_WORKER_FOLDER": str(room),
        "TRIVET_BUNDLE": f"{stage.data}/bundles/of-w1",
        "TRIVET_HOST": "decorated",
        "TRIVET_HANDLER": "main:hello",
    }
    assert (told["cwd"], told["stdin"], told["sid"]) == (str(room), "", True)


def test_a_worker_inherits_nothing_that_the_server_was_started_with(stage: Stage) -> None:
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    program = f"""
        import os
        try:
            os.fstat({theirs})
            print("inherited")
        except OSError:
            print("closed")
    """

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program))
        return await stage.gone("w1")

    try:
        assert stage.play(act).last_lines == ("closed",)
        assert not os.get_inheritable(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_end_is_told_once_with_its_status_and_last_lines(stage: Stage) -> None:
    program = "import sys; print('one'); print('two', file=sys.stderr, flush=True); sys.exit(3)"

    async def act(runtime: ProcessRuntime) -> tuple[Departure, tuple[str, ...]]:
        await runtime.start(stage.spec("w1", program))
        departure = await stage.gone("w1")
        runtime.kill("w1")  # nothing is there any more
        runtime.terminate("w1")
        return departure, runtime.last_lines("w1")

    departure, after = stage.play(act)
    assert departure.reason == "exited with status 3"
    assert set(departure.last_lines) == {"one", "two"}
    assert after == departure.last_lines
    assert len(stage.exits) == 1
    assert sorted(stage.lines) == ["one", "two"]


def test_its_folder_is_removed_with_it(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> bool:
        await runtime.start(stage.spec("w1", f"open('left', 'w').close(); {WAITS}"))
        await stage.until(lambda: "up" in stage.lines)
        was_there = (stage.data / "workers" / "w1" / "left").exists()
        runtime.kill("w1")
        await stage.gone("w1")
        return was_there

    assert stage.play(act)
    assert list((stage.data / "workers").iterdir()) == []


def test_terminate_lets_a_worker_finish(stage: Stage) -> None:
    # Waited for and not handled: a handler may come in the middle of the print before it.
    program = """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        print("up", flush=True)
        signal.sigwait({signal.SIGTERM})
        print("draining")
    """

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program))
        await stage.until(lambda: "up" in stage.lines)
        runtime.terminate("w1")
        return await stage.gone("w1")

    departure = stage.play(act)
    assert (departure.exit_code, departure.last_lines) == (0, ("up", "draining"))


@ways
def test_kill_ends_what_has_left_the_group_before_the_end_is_told(stage: Stage, use_cgroups: bool) -> None:
    alive: list[bool] = []

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", LEAVES_A_DAEMON))
        await stage.until(lambda: bool(stage.lines))
        daemon = int(stage.lines[0].split()[1])
        alive.append(is_alive(daemon))
        tell = runtime.on_exit

        def on_exit(worker_id: str, departure: Departure) -> None:
            alive.append(is_alive(daemon))
            tell(worker_id, departure)

        runtime.on_exit = on_exit
        runtime.kill("w1")
        return await stage.gone("w1")

    assert stage.play(act, use_cgroups=use_cgroups).reason == "was killed by signal 9 (SIGKILL)"
    assert alive == [True, False]


@ways
def test_a_daemon_that_holds_the_output_does_not_hide_the_end(stage: Stage, use_cgroups: bool) -> None:
    program = LEAVES_A_DAEMON.replace("os.wait()\n    signal.pause()", "os.wait()\n    os._exit(5)")

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program))
        return await stage.gone("w1")

    assert stage.play(act, use_cgroups=use_cgroups).exit_code == 5


def test_megabytes_of_output_leave_only_a_bounded_tail(stage: Stage) -> None:
    program = """
        import sys
        for n in range(3000):
            sys.stdout.write("x" * 1500 + f" {n}\\n")
        sys.stdout.write("y" * 2_000_000)
        sys.stdout.write("\\nthe end")
    """

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program))
        return await stage.gone("w1")

    lines = stage.play(act).last_lines
    assert lines[-1] == "the end"
    assert len(lines) <= 200
    assert sum(map(len, lines)) <= 64 * 1024
    assert max(map(len, lines)) <= 4096


@ways
def test_a_worker_over_its_memory_limit_is_killed_and_told_so(stage: Stage, use_cgroups: bool) -> None:
    program = """
        import signal
        blocks = [b"x" * 2**20 for _ in range(400)]
        signal.pause()
    """

    async def act(runtime: ProcessRuntime) -> tuple[Started, Departure]:
        started = await runtime.start(stage.spec("w1", program, memory=150 * MIB))
        return started, await stage.gone("w1")

    started, departure = stage.play(act, use_cgroups=use_cgroups, memory_interval=0.02)
    assert departure.out_of_memory
    assert departure.reason == "went over its memory limit of 150 MiB and was killed"
    assert started.isolation.endswith("-memory")


@ways
def test_a_worker_within_its_memory_limit_lives(stage: Stage, use_cgroups: bool) -> None:
    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", "block = b'x' * 30 * 2**20; print('up')", memory=150 * MIB))
        return await stage.gone("w1")

    departure = stage.play(act, use_cgroups=use_cgroups, memory_interval=0.02)
    assert (departure.exit_code, departure.out_of_memory) == (0, False)


@needs_cgroups
def test_a_fork_bomb_meets_its_limit(stage: Stage) -> None:
    program = """
        import os, signal
        for n in range(100):
            try:
                if os.fork() == 0:
                    signal.pause()
            except OSError:
                print("refused after", n, flush=True)
                break
    """

    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", program))
        return await stage.gone("w1")

    line = stage.play(act, processes=20).last_lines[-1]
    assert line.startswith("refused after")
    assert int(line.split()[-1]) < 25


def test_a_gpu_that_is_not_there_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(stage.data))

    async def act(runtime: ProcessRuntime) -> None:
        await runtime.start(stage.spec("w1", WAITS, gpu="A100"))

    with pytest.raises(Unavailable, match="asks for the GPU 'A100', and this machine has none"):
        stage.play(act)


def test_the_gpus_of_the_machine_are_counted_by_kind(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = stage.data / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho NVIDIA A100-SXM4-80GB\necho NVIDIA A100-SXM4-80GB\necho NVIDIA L4\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stage.data}:{os.environ['PATH']}")

    async def act(runtime: ProcessRuntime) -> dict[str, int]:
        await runtime.start(stage.spec("w1", WAITS, gpu="a100"))
        return dict(runtime.capabilities.gpus)

    assert stage.play(act) == {"NVIDIA A100-SXM4-80GB": 2, "NVIDIA L4": 1}


@pytest.mark.parametrize(
    ("missing", "said"), [("envs", "environment of version 1.0.0"), ("bundles", "code of version 1.0.0")]
)
def test_what_was_removed_meanwhile_is_said(stage: Stage, missing: str, said: str) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        spec = stage.spec("w1", WAITS)
        (stage.data / missing).rename(stage.data / "elsewhere")
        await runtime.start(spec)

    with pytest.raises(Unavailable, match=said):
        stage.play(act)


def test_a_start_that_fails_leaves_nothing(stage: Stage) -> None:
    (stage.data / "envs/bare/bin/python").write_text("not a program")
    (stage.data / "envs/bare/bin/python").chmod(0o644)

    async def act(runtime: ProcessRuntime) -> list[Path]:
        with pytest.raises(Unavailable, match="can't be started: Permission denied"):
            await runtime.start(stage.spec("w1", WAITS))
        return list((stage.data / "workers").iterdir())

    assert stage.play(act, use_cgroups=False) == []


def test_closing_ends_every_worker_and_takes_no_more(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> None:
        for number in range(3):
            await runtime.start(stage.spec(f"w{number}", WAITS))
        await runtime.close()
        assert sorted(worker_id for worker_id, _ in stage.exits) == ["w0", "w1", "w2"]
        with pytest.raises(Unavailable, match="shutting down"):
            await runtime.start(stage.spec("w9", WAITS))

    stage.play(act)


def test_last_lines_are_kept_for_so_many_workers_only(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> list[tuple[str, ...]]:
        for number in range(3):
            await runtime.start(stage.spec(f"w{number}", f"print({number})"))
            await stage.gone(f"w{number}")
        return [runtime.last_lines(f"w{number}") for number in range(3)]

    assert stage.play(act, kept=2) == [(), ("1",), ("2",)]


@ways
def test_what_a_killed_server_left_is_ended_by_the_next(stage: Stage, use_cgroups: bool) -> None:
    stage.spec(
        "w1",
        "import signal, os; [signal.signal(n, signal.SIG_IGN) for n in (1, 15)]; print(os.getpid(), flush=True); signal.pause()",
    )
    server = f"""
        import asyncio, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from tests.unit.runtimes.stage import Stage
        from trivet.platform.runtimes.process import ProcessRuntime, ProcessSettings
        stage = Stage(Path({str(stage.data)!r}))
        async def serve():
            runtime = ProcessRuntime(stage.data, "unix:/x", ProcessSettings(use_cgroups={use_cgroups}))
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
        worker = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    assert is_alive(worker)

    async def act(runtime: ProcessRuntime) -> list[Path]:
        return list((stage.data / "workers").iterdir())

    assert stage.play(act, use_cgroups=use_cgroups) == []
    assert not is_alive(worker)
    assert groups_of(process.pid) == []


def test_whatever_folders_a_worker_leaves_it_is_buried_and_nothing_of_it_stays(stage: Stage) -> None:
    async def act(runtime: ProcessRuntime) -> Departure:
        await runtime.start(stage.spec("w1", DIGS))
        return await stage.gone("w1")

    assert stage.play(act).exit_code == 0
    assert not (stage.data / "workers" / "w1").exists()


def test_folders_that_a_server_which_died_has_left_do_not_keep_the_next_from_starting(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "data")
    left = stage.data / "workers" / "w1"
    left.mkdir(parents=True)
    subprocess.run([sys.executable, "-I", "-c", textwrap.dedent(DIGS)], cwd=left, check=True)

    async def act(_: ProcessRuntime) -> None:
        assert not left.exists()

    stage.play(act)
