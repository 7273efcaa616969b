"""The programs of RunPod's Python guide run here as they stand there, with the published package, on the bundled examples.

Each program below makes the calls of one block of that guide, in its order. Three of the blocks don't run anywhere as they are
printed; what is mended is said where it is. Then: what the guide's handlers and templates become here.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import LATEST, Ended, Original, Running, original_python, pointing
from trivet.examples import catalogue

HOLD = 2
"""Seconds that `runsync` is held, so that a call longer than the hold is no long test."""
GPU = "NVIDIA L4"
"""The one GPU that this machine's own tool tells the platform of."""
HELLO = list("Hello, World!")

# -- the programs of the guide

KEY = """
import runpod
import os

runpod.api_key = os.getenv("RUNPOD_API_KEY")
"""

GET_VERSION = """
import runpod

version = runpod.version.get_version()
print(f"version {version} and {runpod.__version__}")
"""

GET_ENDPOINTS = f"""
{KEY}
endpoints = runpod.get_endpoints()
print(endpoints)
"""

CREATE_TEMPLATE = f"""
{KEY}
try:
    new_template = runpod.create_template(name="test", image_name="runpod/base:0.1.0")
    print(new_template)
except runpod.error.QueryError as err:
    print(err)
    print(err.query)
"""

CREATE_ENDPOINT = f"""
{KEY}
try:
    new_template = runpod.create_template(name="test", image_name="runpod/base:0.4.4", is_serverless=True)
    print(new_template)
    new_endpoint = runpod.create_endpoint(
        name="test",
        template_id=new_template["id"],
        gpu_ids="AMPERE_16",
        workers_min=0,
        workers_max=1,
    )
    print(new_endpoint)
except runpod.error.QueryError as err:
    print(err)
    print(err.query)
"""

GET_GPUS = f"""
import json
{KEY}
gpus = runpod.get_gpus()
print(json.dumps(gpus, indent=2))
"""

GET_GPU = f"""
import json
{KEY}
gpus = runpod.get_gpu("NVIDIA A100 80GB PCIe")
print(json.dumps(gpus, indent=2))
"""

SET_ENDPOINT = f"""
{KEY}
endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
"""

RUN_SYNC = f"""
{KEY}
endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
try:
    run_request = endpoint.run_sync({{"prompt": "Hello, world!"}}, timeout=60)
    print(run_request)
except TimeoutError:
    print("out of time")
"""

RUN = f"""
{KEY}
input_payload = {{"prompt": "Hello, World!"}}

endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
run_request = endpoint.run(input_payload)

status = run_request.status()
print(f"status {{status}}")

if status != "COMPLETED":
    output = run_request.output(timeout=60)
else:
    output = run_request.output()
print(output)
"""

RUN_WITH_ASYNCIO = """
import asyncio
import aiohttp
import os
import runpod
from runpod import AsyncioEndpoint, AsyncioJob

runpod.api_key = os.getenv("RUNPOD_API_KEY")


async def main():
    async with aiohttp.ClientSession() as session:
        input_payload = {"prompt": "Hello, World!"}
        endpoint = AsyncioEndpoint("YOUR_ENDPOINT_ID", session)
        job: AsyncioJob = await endpoint.run(input_payload)

        while True:
            status = await job.status()
            print(f"status {status}")
            if status == "COMPLETED":
                output = await job.output()
                print(output)
                break
            elif status in ["FAILED"]:
                print("failed")
                break
            else:
                await asyncio.sleep(3)


if __name__ == "__main__":
    asyncio.run(main())
"""

HEALTH = f"""
import json
{KEY}
endpoint = runpod.Endpoint("gwp4kx5yd3nur1")
endpoint_health = endpoint.health()
print(json.dumps(endpoint_health, indent=2))
"""

# The guide forgets `import os` in this one and in the next two.
STREAM = f"""
{KEY}
endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")

run_request = endpoint.run({{"input": {{"prompt": "Hello, world!"}}}})

for output in run_request.stream():
    print(output)
"""

STREAMING_HANDLER = """
from time import sleep
import runpod


def handler(job):
    job_input = job["input"]["prompt"]

    for i in job_input:
        sleep(1)
        yield i


runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
"""

# The guide's last line prints a variable `e` that there is not.
STATUS = f"""
{KEY}
input_payload = {{"input": {{"prompt": "Hello, World!"}}}}

endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
run_request = endpoint.run(input_payload)

status = run_request.status()
print(f"status {{status}}")

if status != "COMPLETED":
    output = run_request.output(timeout=60)
else:
    output = run_request.output()
print(output)
"""

# The guide calls its endpoint `endpoint` in one line and `rp_endpoint` in the next.
CANCEL = f"""
import time
{KEY}
input_payload = {{
    "messages": [{{"role": "user", "content": f"Hello, World"}}],
    "max_tokens": 2048,
    "use_openai_format": True,
}}

try:
    rp_endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
    run_request = rp_endpoint.run(input_payload)
    print(f"job {{run_request.job_id}}")

    while True:
        status = run_request.status()
        print(f"status {{status}}")

        if status == "COMPLETED":
            output = run_request.output()
            print(output)

            generated_text = output.get("choices", [{{}}])[0].get("message", {{}}).get("content")
            print(generated_text)
            break
        elif status in ["FAILED", "ERROR"]:
            print("failed")
            break
        else:
            time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
    if run_request:
        run_request.cancel()
    print("cancelled")
"""

CANCEL_WITH_TIMEOUT = f"""
from time import sleep
{KEY}
input_payload = {{"input": {{"prompt": "Hello, World!"}}}}

endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")

run_request = endpoint.run(input_payload)

initial_status = run_request.status()
print(f"status {{initial_status}}")

run_request.cancel(timeout=3)

sleep(3)

final_status = run_request.status()
print(f"status {{final_status}}")
"""

PURGE_QUEUE = f"""
{KEY}
endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
endpoint.purge_queue(timeout=3)
"""


# -- a fresh platform with the examples


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    """A platform that has the bundled examples for RunPod, and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="trivet-guide-"))
    vendors_tool = folder / "tools" / "nvidia-smi"
    vendors_tool.parent.mkdir()
    vendors_tool.write_text(f"#!/bin/sh\necho '{GPU}'\n")
    vendors_tool.chmod(0o755)
    path = f"{vendors_tool.parent}:{os.environ['PATH']}"
    running = RunningPlatform(folder, TRIVET_RUNPOD_HOLD=str(HOLD), PATH=path)
    try:
        running.start()
        deployed = running.trivet("examples", "deploy", "runpod_plain", "runpod_stream", "runpod_progress", timeout=300)
        assert deployed.returncode == 0, f"{deployed.stdout}{deployed.stderr}"
        yield running
        status = running.stop()
        assert status == 0, f"the platform did not stop cleanly ({status}):\n{running.log[-4000:]}"
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client(platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(platform.url, platform.key) as client:
        yield client


@pytest.fixture(scope="module")
def guide(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """Runs programs as a reader of the guide does: after ``eval "$(trivet env runpod)"``."""
    original = Original(original_python(LATEST), tmp_path_factory.mktemp("guide"), pointing(platform.url, platform.key))
    yield original
    original.close()


@pytest.fixture(scope="module")
def started(guide: Original) -> dict[str, Running]:
    """The programs that mostly wait, all under way at the same time."""
    return {program: guide.start(program) for program in (RUN_SYNC, RUN, RUN_WITH_ASYNCIO, STREAM, STATUS)}


def lines_of(ended: Ended) -> list[str]:
    """What a program printed; it must have ended well, and quietly."""
    assert ended.status == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout.splitlines()


def printed(text: str) -> Any:
    """A value that a program printed as Python shows it."""
    return ast.literal_eval(text)


# -- overview and API wrapper


def test_get_version(guide: Original) -> None:
    assert lines_of(guide.run(GET_VERSION)) == [f"version {LATEST} and {LATEST}"]


def test_get_endpoints(guide: Original) -> None:
    (line,) = lines_of(guide.run(GET_ENDPOINTS))
    found = {endpoint["id"]: endpoint for endpoint in printed(line)}
    assert set(found) >= {"YOUR_ENDPOINT_ID", "gwp4kx5yd3nur1"}
    assert found["YOUR_ENDPOINT_ID"]["type"] == "QB"


def test_create_template_and_create_endpoint(guide: Original, client: trivet.Client) -> None:
    """In the guide's order: its second program takes a name that the first has taken, and is told so."""
    (line,) = lines_of(guide.run(CREATE_TEMPLATE))
    template = printed(line)
    assert template == {
        "id": template["id"],
        "name": "test",
        "imageName": "runpod/base:0.1.0",
        "dockerArgs": "",
        "containerDiskInGb": 10,
        "volumeInGb": 0,
        "volumeMountPath": "/workspace",
        "ports": "",
        "env": [],
        "isServerless": False,
    }

    told = lines_of(guide.run(CREATE_ENDPOINT))
    assert "test" in told[0]
    assert "saveTemplate" in "\n".join(told[1:]), "the error must bring the query that it is about"

    delete = f"{KEY}\nrunpod.api.graphql.run_graphql_query('mutation {{ deleteTemplate(templateName: \"test\") }}')"
    lines_of(guide.run(delete))
    first, second = (printed(line) for line in lines_of(guide.run(CREATE_ENDPOINT)))
    assert (first["imageName"], first["isServerless"]) == ("runpod/base:0.4.4", True)
    wanted = {
        "templateId": first["id"],
        "gpuIds": "AMPERE_16",
        "networkVolumeId": None,
        "locations": None,
        "idleTimeout": 5,
        "scalerType": "QUEUE_DELAY",
        "scalerValue": 4,
        "workersMin": 0,
        "workersMax": 1,
    }
    assert second["name"].startswith("test")
    assert {name: second[name] for name in wanted} == wanted

    call = f"""{KEY}\nimport json
output = runpod.Endpoint({second["id"]!r}).run_sync({{"prompt": "are you there?"}}, timeout=60)
print(json.dumps(output))"""
    assert guide.answer(call)["text"] == ["You said: are you there?"]
    assert client.endpoint(second["id"]).run({"prompt": "still?"})["text"] == ["You said: still?"]


def test_get_gpus(guide: Original) -> None:
    gpus = json.loads("\n".join(lines_of(guide.run(GET_GPUS))))
    assert gpus == [{"id": GPU, "displayName": "L4", "memoryInGb": 24}]


def test_get_gpu(guide: Original) -> None:
    gpu = json.loads("\n".join(lines_of(guide.run(GET_GPU))))
    assert (gpu["id"], gpu["manufacturer"], gpu["memoryInGb"]) == ("NVIDIA A100 80GB PCIe", "Nvidia", 80)
    assert isinstance(gpu["maxGpuCount"], int)
    assert set(gpu["lowestPrice"]) == {"minimumBidPrice", "uninterruptablePrice"}


# -- endpoints


def test_set_your_endpoint_id(guide: Original) -> None:
    assert lines_of(guide.run(SET_ENDPOINT)) == []


def test_run_synchronously(started: dict[str, Running]) -> None:
    (line,) = lines_of(started[RUN_SYNC].end())
    assert printed(line) == list("Hello, world!")


def test_run_asynchronously(started: dict[str, Running]) -> None:
    status, output = lines_of(started[RUN].end())
    assert status in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert printed(output) == HELLO


def test_run_asynchronously_with_asyncio(started: dict[str, Running]) -> None:
    *statuses, output = lines_of(started[RUN_WITH_ASYNCIO].end())
    assert statuses[0] in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert statuses[-1] == "status COMPLETED"
    assert printed(output) == HELLO


def test_health_check(guide: Original) -> None:
    health = json.loads("\n".join(lines_of(guide.run(HEALTH))))
    assert set(health["jobs"]) == {"completed", "failed", "inProgress", "inQueue", "retried"}
    assert set(health["workers"]) >= {"idle", "initializing", "ready", "running", "throttled"}


def test_streaming(started: dict[str, Running]) -> None:
    assert lines_of(started[STREAM].end()) == list("Hello, world!")


def test_the_streaming_handler_of_the_guide(guide: Original, platform: RunningPlatform, tmp_path: Path) -> None:
    folder = tmp_path / "guide-handler"
    folder.mkdir()
    (folder / "handler.py").write_text(STREAMING_HANDLER)
    (folder / "requirements.txt").write_text("runpod\n")
    deployed = platform.trivet("deploy", str(folder), "--id", "guidehandler", "--json", timeout=120)
    assert deployed.returncode == 0, deployed.stderr
    assert json.loads(deployed.stdout)["id"] == "guidehandler"
    call = STREAM.replace("YOUR_ENDPOINT_ID", "guidehandler").replace("Hello, world!", "Hi")
    assert lines_of(guide.run(call)) == ["H", "i"]


def test_status(started: dict[str, Running]) -> None:
    status, output = lines_of(started[STATUS].end())
    assert status in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert printed(output) == HELLO


def test_cancel(guide: Original, client: trivet.Client) -> None:
    """As the guide says: a person presses Ctrl+C while the job is under way."""
    running = guide.start(CANCEL)
    running.printed("status ")
    running.interrupt()
    job, status, *rest = lines_of(running.end())
    assert status in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert rest == ["interrupted", "cancelled"]
    assert client.job(job.removeprefix("job ")).refresh().status == "cancelled"


def test_the_calls_of_cancel_on_a_worker_that_answers_at_once(guide: Original) -> None:
    """The other way through that program: the job ends first, and its output has choices."""
    body = CANCEL.replace("YOUR_ENDPOINT_ID", "gwp4kx5yd3nur1").replace("sleep(10)", "sleep(0.2)")
    assert lines_of(guide.run(body))[-1] == "You said: Hello, World"


def test_cancel_after_a_timeout(guide: Original) -> None:
    first, final = lines_of(guide.run(CANCEL_WITH_TIMEOUT))
    assert first in {"status IN_QUEUE", "status IN_PROGRESS"}
    assert final == "status CANCELLED"


def test_purge_queue(guide: Original, client: trivet.Client, platform: RunningPlatform) -> None:
    """That program prints nothing, so that it is looked at what becomes of the queue."""
    name = "admin/runpod_progress"
    switch = ("endpoints", "scale", name, "--workers")
    assert platform.trivet(*switch, "0,0").returncode == 0  # so that what is submitted waits
    try:
        waiting = [client.endpoint(name).submit({"steps": 1}) for _ in range(2)]
        program = PURGE_QUEUE.replace("YOUR_ENDPOINT_ID", client.endpoints.get(name).id)
        assert lines_of(guide.run(program)) == []
        assert [job.refresh().status for job in waiting] == ["cancelled", "cancelled"]
    finally:
        platform.trivet(*switch, "0,3")


# -- what the examples are for other callers


def test_run_sync_goes_on_by_asking_when_the_job_takes_longer_than_the_hold(
    guide: Original, client: trivet.Client
) -> None:
    endpoint = client.endpoints.get("admin/runpod_progress").id
    call = f"""{KEY}\nimport json, time
began = time.monotonic()
output = runpod.Endpoint({endpoint!r}).run_sync({{"steps": 3, "seconds": {HOLD + 1}}}, timeout=60)
print(json.dumps([output, time.monotonic() - began]))"""
    output, took = guide.answer(call)
    assert output["steps"] == 3
    assert HOLD + 1 <= took < HOLD + 20


def test_progress_is_the_output_of_a_job_that_runs(guide: Original, client: trivet.Client) -> None:
    endpoint = client.endpoints.get("admin/runpod_progress").id
    call = f"""{KEY}\nimport json, time
job = runpod.Endpoint({endpoint!r}).run({{"steps": 4, "seconds": 2}})
seen = []
while job.status() != "COMPLETED":
    output = job.output()
    if isinstance(output, str) and output not in seen:
        seen.append(output)
    time.sleep(0.05)
print(json.dumps([seen, job.output()]))"""
    steps, output = guide.answer(call)
    assert steps
    assert set(steps) <= {f"step {n} of 4" for n in (1, 2, 3, 4)}
    assert output["steps"] == 4


def test_our_own_client_calls_and_streams_a_worker_written_for_runpod(client: trivet.Client) -> None:
    plain = client.endpoint("gwp4kx5yd3nur1").run({"prompt": "Hello, World!"})
    assert plain == {"input_tokens": 2, "output_tokens": 4, "text": ["You said: Hello, World!"]}
    streaming = client.endpoint("YOUR_ENDPOINT_ID")
    assert list(streaming.stream({"prompt": "Hi!"})) == ["H", "i", "!"]
    assert streaming.run({"prompt": "Hi!"}) == ["H", "i", "!"]


def test_a_workers_own_error_is_told_natively(client: trivet.Client) -> None:
    with pytest.raises(trivet.JobFailedError, match="neither `prompt` nor `messages`"):
        client.endpoint("gwp4kx5yd3nur1").run({})


def test_the_command_line_calls_it_too(platform: RunningPlatform) -> None:
    called = platform.trivet("call", "admin/runpod_plain", textwrap.dedent('{"prompt": "shell"}'))
    assert (called.returncode, json.loads(called.stdout)["text"]) == (0, ["You said: shell"]), called.stderr


def test_one_line_makes_a_program_elsewhere_a_worker_of_an_endpoint(
    platform: RunningPlatform, client: trivet.Client, tmp_path: Path
) -> None:
    client.endpoints.update("admin/runpod_progress", workers=(0, 0))  # none of this platform's own
    handler = next(example.path for example in catalogue() if example.name == "runpod_progress") / "handler.py"
    told = 'eval "$(trivet env runpod --worker admin/runpod_progress --worker-id far-away)"'
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(
            ["bash", "-c", f"{told} && HOME={tmp_path} exec {original_python(LATEST)} -u {handler}"],
            env=platform.env, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            job = client.endpoint("admin/runpod_progress").submit({"steps": 2, "seconds": 0})
            assert job.result(timeout=30)["steps"] == 2
            endpoint = client.endpoints.get("admin/runpod_progress")  # within which the worker's name is its own
            assert f"far-away@{endpoint.id}" in [worker.id for worker in client.endpoints.workers(endpoint.id)]
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(10)
