"""The drop-in module in place of RunPod's package: the same programs, with nothing but the import changed.

The programs are those of the guide (`test_runpod_guide`). Each runs with the published package and with ours, one beside the
other, against the same platform.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyreqwest
import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e import test_runpod_guide as guide
from tests.e2e.originals import Original, original_python, pointing, run_original
from trivet import runpod

ENDPOINTS = """
import time
import trivet

@trivet.endpoint(workers=(1, 1), concurrency=8)
def letters(prompt: str = "", messages: list = [], max_tokens: int = 0, use_openai_format: bool = False):
    for letter in prompt:
        time.sleep(0.01)
        yield letter

@trivet.endpoint(workers=(1, 1))
def talk(prompt: str = "", messages: list = [], max_tokens: int = 0, use_openai_format: bool = False) -> dict:
    return {"choices": [{"message": {"content": f"You said: {messages[0]['content']}"}}]}

@trivet.endpoint(workers=(1, 1))
def waits(prompt: str = ""):
    time.sleep(60)

@trivet.endpoint(workers=(1, 1))
def fails(prompt: str = ""):
    raise ValueError("no")
"""

WORKER = """
import trivet.runpod as runpod

def handler(job):
    runpod.serverless.progress_update(job, "begun")
    for letter in job["input"]["prompt"]:
        yield letter

runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
"""

FAILURE = f"""
{guide.KEY}
job = runpod.Endpoint("FAILS").run({{"prompt": "x"}})
print(job.output(timeout=60), job.status())
print(runpod.Endpoint("FAILS").run_sync({{"prompt": "x"}}, timeout=60))
try:
    runpod.get_gpu("no such")
except ValueError:
    print("no such GPU")
try:
    runpod.create_template(name="", image_name="")
except runpod.error.QueryError as err:
    print(type(err.query).__name__)
runpod.api_key = "not a key"
try:
    runpod.Endpoint("FAILS").run({{"prompt": "x"}})
except RuntimeError:
    print("unknown key")
try:
    runpod.get_user()
except runpod.error.AuthenticationError:
    print("unknown key")
runpod.api_key = None
try:
    runpod.Endpoint("FAILS")
except RuntimeError:
    print("no key")
"""

SIGNATURES = """
import inspect, json
import MODULE as runpod
from MODULE import serverless
from MODULE.endpoint import Job

def parameters(function):
    return [
        (p.name, p.kind.name, None if p.default is p.empty else repr(p.default))
        for p in inspect.signature(function).parameters.values()
    ]

found = {}
for prefix, names, home in (("", NAMES, runpod), ("serverless.", SERVERLESS, serverless), ("", ["Job"], None)):
    for name in names:
        value = Job if name == "Job" else getattr(home, name, None)
        if inspect.isclass(value):
            for method in ("__init__", *(n for n in vars(value) if not n.startswith("_"))):
                function = inspect.getattr_static(value, method)
                if inspect.isfunction(function):
                    found[f"{prefix}{name}.{method}"] = parameters(getattr(value, method))
        elif inspect.isfunction(value):
            found[prefix + name] = parameters(value)
        else:
            found[prefix + name] = None if value is None else type(value).__name__
print(json.dumps(found))
"""
DIFFERENT = {
    "AsyncioEndpoint.__init__": "`session` may be left out",
    "AsyncioJob.__init__": "`session` and `headers` may be left out",
}
"""Where a signature differs, and why: the guide's page lists the same."""


def dropped_in(program: str) -> str:
    """The program with nothing but its import changed."""
    return program.replace("import runpod\n", "import trivet.runpod as runpod\n").replace(
        "from runpod import", "from trivet.runpod import"
    )


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    """A fresh platform with endpoints that play the guide's."""
    folder = Path(tempfile.mkdtemp(prefix="trivet-dropin-"))
    tool = folder / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho 'NVIDIA L4'\n")
    tool.chmod(0o755)
    running = RunningPlatform(folder, PATH=f"{tool.parent}:{os.environ['PATH']}")
    try:
        running.start()
        program = folder / "played.py"
        program.write_text(ENDPOINTS)
        with trivet.Client(running.url, running.key) as client:
            client.deploy(program)
        yield running
        status = running.stop()
        assert status == 0, running.log[-4000:]
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client(platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(platform.url, platform.key) as client:
        yield client


class SideBySide:
    """Runs a program with the published package and with ours."""

    def __init__(self, platform: RunningPlatform, client: trivet.Client, folder: Path) -> None:
        self._env = pointing(platform.url, platform.key)
        self._ids = {name: client.endpoints.get(f"admin/{name}").id for name in ("letters", "talk", "waits", "fails")}
        self._original = Original(original_python(), folder, self._env)
        self._pool = ThreadPoolExecutor(4)
        # The original's environment has aiohttp, and is given ours beside it.
        self._ours = folder / "ours"
        self._ours.mkdir()
        for package in (trivet, pyreqwest):
            home = Path(str(package.__file__)).parent
            (self._ours / home.name).symlink_to(home)

    def named(self, program: str, **more: str) -> str:
        """The program, with the ids of this platform's endpoints."""
        return (
            program.replace("YOUR_ENDPOINT_ID", self._ids[more.get("endpoint", "letters")])
            .replace("gwp4kx5yd3nur1", self._ids["talk"])
            .replace("FAILS", self._ids["fails"])
        )

    def ours(self, program: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Our module in place of the original, in an environment that has both."""
        env = {**self._env, "PYTHONPATH": str(self._ours)}
        return run_original(original_python(), dropped_in(self.named(program, **more)), env)

    def both(self, program: str, **more: str) -> tuple[list[str], list[str]]:
        """What the program prints: with the original, with ours."""
        beside: Future[Any] = self._pool.submit(self.ours, program, **more)
        original = self._original.run(self.named(program, **more))
        ours = beside.result(90)
        assert original.status == 0, original.stderr
        assert ours.returncode == 0, ours.stderr
        return original.stdout.splitlines(), ours.stdout.splitlines()

    def close(self) -> None:
        self._original.close()
        self._pool.shutdown(wait=False)


@pytest.fixture(scope="module")
def side_by_side(
    platform: RunningPlatform, client: trivet.Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SideBySide]:
    made = SideBySide(platform, client, tmp_path_factory.mktemp("beside"))
    yield made
    made.close()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(guide.GET_VERSION, id="version"),
        pytest.param(guide.SET_ENDPOINT, id="set your endpoint id"),
        pytest.param(guide.RUN_SYNC, id="run synchronously"),
        pytest.param(guide.GET_GPUS, id="get GPUs"),
        pytest.param(guide.GET_GPU, id="get GPU by id"),
        pytest.param(guide.STREAM, id="streaming"),
        pytest.param(guide.PURGE_QUEUE, id="purge queue"),
        pytest.param(FAILURE, id="what goes wrong"),
    ],
)
def test_the_same_program_gives_the_same_output(side_by_side: SideBySide, program: str) -> None:
    original, ours = side_by_side.both(program)
    assert ours == original


@pytest.mark.parametrize("program", [guide.RUN, guide.RUN_WITH_ASYNCIO, guide.STATUS], ids=["run", "asyncio", "status"])
def test_a_job_that_is_asked_about_ends_with_the_same_output(side_by_side: SideBySide, program: str) -> None:
    """How often it is seen to wait before that is a matter of time."""
    original, ours = side_by_side.both(program.replace("asyncio.sleep(3)", "asyncio.sleep(0.3)"))
    assert ours[-1] == original[-1]
    assert ast.literal_eval(ours[-1]) == guide.HELLO
    assert all(line.startswith("status ") for line in ours[:-1])


def test_endpoints_and_health_are_told_alike(side_by_side: SideBySide) -> None:
    (original,), (ours,) = side_by_side.both(guide.GET_ENDPOINTS)
    assert ast.literal_eval(ours) == ast.literal_eval(original)
    one, other = side_by_side.both(guide.HEALTH)
    first, second = json.loads("\n".join(one)), json.loads("\n".join(other))
    assert {part: set(numbers) for part, numbers in first.items()} == {
        part: set(numbers) for part, numbers in second.items()
    }


def test_a_template_is_made_once_and_refused_the_second_time(side_by_side: SideBySide) -> None:
    made = side_by_side.ours(guide.CREATE_TEMPLATE)
    template = ast.literal_eval(made.stdout)
    assert (template["name"], template["imageName"], template["env"]) == ("test", "runpod/base:0.1.0", [])
    refused = side_by_side.ours(guide.CREATE_ENDPOINT)
    assert refused.returncode == 0, refused.stderr
    assert "saveTemplate" in refused.stdout
    original, ours = side_by_side.both(guide.CREATE_TEMPLATE)
    assert ours[0] == original[0]  # the server's own words


def test_cancelling_works_as_the_guide_says(side_by_side: SideBySide) -> None:
    program = guide.CANCEL_WITH_TIMEOUT.replace("sleep(3)", "sleep(0.1)")
    first, final = side_by_side.ours(program, endpoint="waits").stdout.splitlines()
    assert first in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert final == "status CANCELLED"
    answered = side_by_side.ours(
        guide.CANCEL.replace("YOUR_ENDPOINT_ID", "gwp4kx5yd3nur1").replace("sleep(10)", "sleep(0.1)")
    )
    assert answered.stdout.splitlines()[-1] == "You said: Hello, World"


def test_every_public_name_has_a_compatible_signature(side_by_side: SideBySide) -> None:
    def read(python: str, module: str, env: dict[str, str]) -> dict[str, Any]:
        names = "sorted(n for n in runpod.__all__ if n not in ('api_key', 'profile', 'SSH_KEY_PATH', '__version__'))"
        script = SIGNATURES.replace("MODULE", module).replace("NAMES", names if module == "runpod" else repr(wanted))
        script = script.replace("SERVERLESS", "list(serverless.__all__)" if module == "runpod" else repr(served))
        done = run_original(Path(python), script, env)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    wanted: list[str] = []
    served: list[str] = []
    original = read(str(original_python()), "runpod", {})
    wanted = sorted({name.partition(".")[0] for name in original if not name.startswith("serverless.")} - {"Job"})
    served = sorted({name.split(".")[1] for name in original if name.startswith("serverless.")})
    ours = read(sys.executable, "trivet.runpod", {})
    assert set(wanted) <= set(runpod.__all__)
    differ = {name for name in original if original[name] != ours.get(name)}
    assert differ == set(DIFFERENT)
    for name in ("AsyncioEndpoint.__init__", "AsyncioJob.__init__"):
        assert [parameter[:2] for parameter in ours[name]] == [parameter[:2] for parameter in original[name]]


def test_a_deployed_worker_needs_no_package_but_ours(
    side_by_side: SideBySide, platform: RunningPlatform, tmp_path: Path
) -> None:
    """The guide's handler, published as the image that the guide makes its endpoint from."""
    folder = tmp_path / "spells"
    folder.mkdir()
    (folder / "handler.py").write_text(dropped_in(guide.STREAMING_HANDLER).replace("sleep(1)", "sleep(0.05)"))
    deployed = platform.trivet("deploy", str(folder), "--image", "runpod/base:0.4.4", timeout=120)
    assert deployed.returncode == 0, deployed.stderr
    program = guide.CREATE_ENDPOINT.replace('name="test"', 'name="spells"')
    call = """
for piece in runpod.Endpoint(new_endpoint["id"]).run({"input": {"prompt": "Hi!"}}).stream():
    print(piece)
job = runpod.Endpoint(new_endpoint["id"]).run({"prompt": "abc"})
print(job.output(timeout=60))
"""
    done = side_by_side.ours(program + call)
    assert done.returncode == 0, done.stderr
    template, endpoint, *pieces, output = done.stdout.splitlines()
    assert ast.literal_eval(template)["isServerless"] is True
    assert ast.literal_eval(endpoint)["workersMax"] == 1
    assert pieces == ["H", "i", "!"]
    assert ast.literal_eval(output) == ["a", "b", "c"]


def test_a_workers_progress_and_failure_reach_a_caller(client: trivet.Client, tmp_path: Path) -> None:
    folder = tmp_path / "begins"
    folder.mkdir()
    (folder / "handler.py").write_text(textwrap.dedent(WORKER))
    client.deploy(folder)
    endpoint = client.endpoint("admin/begins")
    assert list(endpoint.stream({"prompt": "abc"})) == ["a", "b", "c"]
    with pytest.raises(trivet.JobFailedError, match="prompt"):
        endpoint.run({})
