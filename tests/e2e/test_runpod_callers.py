"""Programs that call through the published `runpod` package, unmodified: on endpoints that are ordinary ones.

The handlers are decorated functions, so that what is tested here is the caller's side alone. Workers written for RunPod are
called in the tests of the guide.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import LATEST, VERSIONS, Original, original_python, pointing, run_original

Ids = Callable[[str], str]

PREAMBLE = """
import asyncio, json, os, time
import aiohttp, requests, runpod
runpod.api_key = os.getenv("RUNPOD_API_KEY")

def document(job):
    address = f"{runpod.endpoint_url_base}/{job.endpoint_id}/status/{job.job_id}"
    return requests.get(address, headers={"Authorization": f"Bearer {runpod.api_key}"}, timeout=10).json()

def until(job, status, seconds=30):
    for _ in range(20 * seconds):
        if job.status() == status:
            return
        time.sleep(0.05)
    raise SystemExit(f"{job.status()} and not {status}")
"""


def program(endpoint: str, body: str) -> str:
    """A whole program around ``body``, in which ``endpoint`` is the package's own object for one."""
    return f"{PREAMBLE}\nendpoint = runpod.Endpoint({endpoint!r})\n{textwrap.dedent(body)}"


@pytest.fixture(scope="module")
def original(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """The newest package, pointed at the shared platform."""
    folder = tmp_path_factory.mktemp("original")
    running = Original(original_python(LATEST), folder, pointing(platform.url, platform.key))
    yield running
    running.close()


@pytest.fixture(scope="module")
def ids(zoo: trivet.Client) -> Ids:
    """Gives the opaque id of a handler of the zoo: what RunPod's package calls endpoints by."""
    return lambda name: zoo.endpoints.get(f"admin/{name}").id


# -- one answer


def test_a_job_is_submitted_asked_after_and_gives_its_output(original: Original, ids: Ids) -> None:
    body = """
    job = endpoint.run({"value": {"deep": [1, None, "ä"]}})
    print(json.dumps([job.output(timeout=30), job.status(), job.output(), document(job)]))
    """
    output, status, again, shown = original.answer(program(ids("echo"), body))
    assert output == again == {"deep": [1, None, "ä"]}
    assert status == "COMPLETED"
    assert {"id", "status", "delayTime", "executionTime", "workerId", "output"} <= set(shown)


def test_run_sync_gives_the_output_of_a_native_handler(original: Original, ids: Ids) -> None:
    body = (
        'print(json.dumps([endpoint.run_sync({"value": "bare"}), endpoint.run_sync({"input": {"value": "wrapped"}})]))'
    )
    assert original.answer(program(ids("echo"), body)) == ["bare", "wrapped"]


def test_what_is_not_an_object_is_a_handlers_only_argument(original: Original, ids: Ids) -> None:
    assert original.answer(program(ids("echo"), 'print(json.dumps(endpoint.run_sync({"input": 7})))')) == 7


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_one_deployment_answers_runpods_package_our_client_and_curl_alike(
    original: Original, platform: RunningPlatform, zoo: trivet.Client, ids: Ids
) -> None:
    given = {"value": {"name": "Bond", "numbers": [1, 2.5]}}
    theirs = original.answer(program(ids("echo"), f"print(json.dumps(endpoint.run_sync({given!r})))"))
    ours = zoo.endpoint("admin/echo").run(given)

    def curl(path: str, body: object, key: str) -> object:
        command = ["curl", "-sS", "-X", "POST", platform.url + path, "-H", f"Authorization: {key}"]
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return json.loads(done.stdout)

    native = curl("/api/v1/endpoints/admin/echo/run", given, f"Bearer {platform.key}")
    plain = curl(f"/runpod/v2/{ids('echo')}/runsync", {"input": given}, platform.key)
    assert theirs == ours == native == given["value"]
    assert isinstance(plain, dict)
    assert (plain["status"], plain["output"]) == ("COMPLETED", given["value"])


def test_a_job_of_runpods_package_is_a_job_like_any_other(original: Original, zoo: trivet.Client, ids: Ids) -> None:
    body = 'job = endpoint.run({"value": 5}); job.output(timeout=30); print(json.dumps(job.job_id))'
    job = zoo.job(original.answer(program(ids("echo"), body)))
    assert (job.refresh().status, job.result(timeout=5)) == ("succeeded", 5)


# -- failures


def test_an_exception_of_the_handler_fails_the_job_and_its_text_is_there(original: Original, ids: Ids) -> None:
    body = """
    job = endpoint.run({"how": "raise"})
    until(job, "FAILED")
    print(json.dumps([job.output(timeout=5), endpoint.run_sync({"how": "raise"}), document(job)]))
    """
    output, held, shown = original.answer(program(ids("misbehave"), body))
    assert output is None
    assert held is None
    assert isinstance(shown["error"], str)
    assert "that went wrong" in shown["error"]
    assert "output" not in shown


def test_a_result_that_is_no_json_fails_the_job_and_says_why(original: Original, ids: Ids) -> None:
    body = 'job = endpoint.run({"how": "unserialisable"}); until(job, "FAILED"); print(json.dumps(document(job)))'
    assert "object" in original.answer(program(ids("misbehave"), body))["error"]


def test_a_job_over_its_time_is_timed_out(original: Original, ids: Ids) -> None:
    body = 'job = endpoint.run({}); until(job, "TIMED_OUT"); print(json.dumps([job.output(), document(job)]))'
    output, shown = original.answer(program(ids("too_slow"), body))
    assert output is None
    assert shown["error"]


def test_a_wrong_key_is_what_the_package_calls_unauthorised(original: Original, ids: Ids) -> None:
    body = f"""
    runpod.api_key = "wrong"
    try:
        runpod.Endpoint({ids("echo")!r}).run({{"value": 1}})
    except RuntimeError as error:
        print(json.dumps(str(error)))
    """
    assert "401" in original.answer(program("any", body))


def test_a_strangers_endpoint_is_as_unknown_as_none(original: Original, zoo: trivet.Client, ids: Ids) -> None:
    account = zoo.accounts.create("runpod-stranger")
    key = zoo.keys.create(account=account.name).key
    body = f"""
    answers = []
    for name in ({ids("echo")!r}, "nothing-of-this-name"):
        try:
            runpod.Endpoint(name, api_key={key!r}).health()
        except requests.HTTPError as error:
            answers.append([error.response.status_code, error.response.json()["error"].replace(name, "…")])
    print(json.dumps(answers))
    """
    there, nowhere = original.answer(program("any", body))
    assert there == nowhere
    assert there[0] == 404


@pytest.mark.parametrize(("verb", "taken"), [("run", False), ("runsync", True)])
def test_twelve_megabytes_are_too_much_for_run_and_not_for_runsync(
    original: Original, ids: Ids, verb: str, taken: bool
) -> None:
    call = {"run": "endpoint.run(given)", "runsync": "len(endpoint.run_sync(given))"}[verb]
    body = f"""
    given = {{"input": {{"value": "x" * 12_000_000}}}}
    try:
        print(json.dumps([200, {call}]))
    except requests.HTTPError as error:
        print(json.dumps([error.response.status_code, error.response.json()["error"]]))
    """
    status, answer = original.answer(program(ids("echo"), body))
    assert status == (200 if taken else 413)
    assert answer == 12_000_000 if taken else "the limit of `run`" in answer


# -- streams, cancels, queues


def test_a_stream_gives_each_piece_once_and_ends(original: Original, ids: Ids) -> None:
    body = """
    job = endpoint.run({"input": {"n": 5, "seconds": 0.3}})
    print(json.dumps([list(job.stream()), job.output()]))
    """
    assert original.answer(program(ids("acount"), body)) == [[0, 1, 2, 3, 4]] * 2


def test_a_stream_of_a_cancelled_job_ends_too(original: Original, ids: Ids) -> None:
    body = """
    job = endpoint.run({"input": {"n": 500, "seconds": 0.1}})
    pieces = []
    try:
        for piece in job.stream():
            if not pieces:
                job.cancel()
            pieces.append(piece)
        print(json.dumps([None, len(pieces)]))
    except requests.HTTPError as error:
        print(json.dumps([error.response.status_code, len(pieces)]))
    """
    status, pieces = original.answer(program(ids("acount"), body), timeout=20)
    assert status in (None, 404)  # the package knows no other way out of a cancelled stream than an error
    assert 0 < pieces < 100


def test_a_running_job_is_cancelled_at_once_and_its_worker_is_free(original: Original, ids: Ids) -> None:
    body = """
    job = endpoint.run({"value": "late", "seconds": 60})
    until(job, "IN_PROGRESS")
    job.cancel()
    after_cancel = job.status()
    began = time.monotonic()
    output = endpoint.run_sync({"value": "next", "seconds": 0})
    print(json.dumps([after_cancel, output, time.monotonic() - began]))
    """
    status, output, took = original.answer(program(ids("slow_echo"), body))
    assert (status, output) == ("CANCELLED", "next")
    assert took < 30, "it has waited for the other job's sixty seconds"


def test_a_purge_removes_what_waits_and_leaves_what_runs(original: Original, ids: Ids) -> None:
    body = """
    busy = endpoint.run({"seconds": 60})
    until(busy, "IN_PROGRESS")
    waiting = [endpoint.run({"seconds": 1}) for _ in range(3)]
    before = endpoint.health()
    removed = endpoint.purge_queue(timeout=3)
    after = [busy.status(), [job.status() for job in waiting], endpoint.health()]
    busy.cancel()
    print(json.dumps([before, removed, *after]))
    """
    before, removed, running, waiting, after = original.answer(program(ids("sleeper"), body))
    assert (before["jobs"]["inProgress"], before["jobs"]["inQueue"]) == (1, 3)
    assert removed == {"removed": 3, "status": "completed"}
    assert running == "IN_PROGRESS"
    assert waiting == ["CANCELLED"] * 3
    assert (after["jobs"]["inProgress"], after["jobs"]["inQueue"]) == (1, 0)


def test_a_job_is_gone_when_its_time_to_live_ends_while_it_runs_and_timed_out_while_it_waits(
    original: Original, ids: Ids
) -> None:
    body = """
    began = time.monotonic()
    busy = endpoint.run({"input": {"seconds": 60}, "policy": {"ttl": 14_000}})  # else the other might get its place
    until(busy, "IN_PROGRESS")
    waiting = endpoint.run({"input": {"seconds": 60}, "policy": {"ttl": 10_000}})
    statuses = [busy.status(), waiting.status()]
    until(waiting, "TIMED_OUT", 30)
    timed_out = time.monotonic() - began
    gone = None
    try:
        while time.monotonic() - began < 40:
            busy.status()
            time.sleep(0.2)
    except requests.HTTPError as error:
        gone = [error.response.status_code, time.monotonic() - began]
    print(json.dumps([statuses, timed_out, gone, endpoint.health()["jobs"]]))
    """
    statuses, timed_out, (status, gone), counts = original.answer(program(ids("sleeper"), body), timeout=60)
    assert statuses == ["IN_PROGRESS", "IN_QUEUE"]
    assert status == 404
    assert 14 <= gone < 40
    assert 10 <= timed_out < 30
    assert (counts["inProgress"], counts["inQueue"]) == (0, 0)


def test_health_counts_in_eleven_whole_numbers(original: Original, ids: Ids) -> None:
    body = 'endpoint.run_sync({"value": 1}); print(json.dumps(endpoint.health()))'
    health = original.answer(program(ids("echo"), body))
    assert set(health["jobs"]) == {"completed", "failed", "inProgress", "inQueue", "retried"}
    assert set(health["workers"]) >= {"idle", "initializing", "ready", "running", "throttled", "unhealthy"}
    counts = [*health["jobs"].values(), *health["workers"].values()]
    assert all(type(count) is int for count in counts)
    assert health["jobs"]["completed"] > 0


# -- asyncio

ASYNC = """
async def main():
    async with aiohttp.ClientSession() as session:
        endpoint = runpod.AsyncioEndpoint({endpoint!r}, session)
        job = await endpoint.run({input!r})
        while await job.status() not in ("COMPLETED", "FAILED"):
            await asyncio.sleep(0.1)
        {more}

asyncio.run(main())
"""


def asynchronous(endpoint: str, given: object, more: str) -> str:
    return PREAMBLE + ASYNC.format(endpoint=endpoint, input=given, more=more)


def test_the_asyncio_client_submits_waits_and_reads(original: Original, ids: Ids) -> None:
    more = "print(json.dumps([await job.status(), await job.output(), await endpoint.health()]))"
    status, output, health = original.answer(asynchronous(ids("echo"), {"value": [1, 2]}, more))
    assert (status, output) == ("COMPLETED", [1, 2])
    assert health["jobs"]["completed"] > 0


def test_the_asyncio_client_streams(original: Original, ids: Ids) -> None:
    more = "print(json.dumps([piece async for piece in job.stream()]))"
    assert original.answer(asynchronous(ids("count"), {"n": 3}, more)) == [{"i": 0}, {"i": 1}, {"i": 2}]


def test_the_asyncio_client_cancels(original: Original, ids: Ids) -> None:
    body = f"""
    async def main():
        async with aiohttp.ClientSession() as session:
            job = await runpod.AsyncioEndpoint({ids("slow_echo")!r}, session).run({{"value": "x", "seconds": 60}})
            await job.cancel()
            print(json.dumps(await job.status()))
    asyncio.run(main())
    """
    assert original.answer(PREAMBLE + textwrap.dedent(body)) == "CANCELLED"


# -- older packages

SMOKE = """
echo, count, sleeper, misbehave = (runpod.Endpoint(name) for name in {ids!r})
answers = {{"version": runpod.__version__}}
job = echo.run({{"value": "run"}})
answers["run"] = [job.output(timeout=30), job.status()]
answers["run_sync"] = echo.run_sync({{"value": "run_sync"}}, timeout=60)
answers["stream"] = list(count.run({{"input": {{"n": 3}}}}).stream())
answers["health"] = sorted(echo.health())
job = sleeper.run({{"seconds": 60}})
job.cancel(timeout=3)
answers["cancel"] = job.status()
job = misbehave.run({{"how": "raise"}})
until(job, "FAILED")
answers["failure"] = [job.output(), "that went wrong" in document(job)["error"]]
answers["purge"] = sorted(misbehave.purge_queue(timeout=3))
try:
    runpod.api_key, key = "wrong", runpod.api_key
    runpod.Endpoint({ids!r}[0]).run({{"value": 1}})
except RuntimeError as error:
    answers["wrong key"] = "401" in str(error)
runpod.api_key = key

async def main():
    async with aiohttp.ClientSession() as session:
        job = await runpod.AsyncioEndpoint({ids!r}[0], session).run({{"value": "asyncio"}})
        while await job.status() != "COMPLETED":
            await asyncio.sleep(0.1)
        answers["asyncio"] = await job.output()

asyncio.run(main())
print(json.dumps(answers))
"""


OLDER = tuple(version for version in VERSIONS if version != LATEST)


@pytest.fixture(scope="module")
def smoke(platform: RunningPlatform, ids: Ids) -> Iterator[dict[str, Future[subprocess.CompletedProcess[str]]]]:
    """The same program with each of the older packages, at the same time: importing one takes seconds."""
    script = PREAMBLE + SMOKE.format(ids=[ids(name) for name in ("echo", "count", "sleeper", "misbehave")])
    env = pointing(platform.url, platform.key)
    with ThreadPoolExecutor(len(OLDER)) as pool:
        yield {version: pool.submit(run_original, original_python(version), script, env) for version in OLDER}


@pytest.mark.parametrize("version", OLDER)
def test_older_packages_call_as_they_did(
    smoke: dict[str, Future[subprocess.CompletedProcess[str]]], version: str
) -> None:
    done = smoke[version].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": version,
        "run": ["run", "COMPLETED"],
        "run_sync": "run_sync",
        "stream": [{"i": 0}, {"i": 1}, {"i": 2}],
        "health": ["jobs", "workers"],
        "cancel": "CANCELLED",
        "failure": [None, True],
        "purge": ["removed", "status"],
        "wrong key": True,
        "asyncio": "asyncio",
    }


def test_a_shell_needs_one_line_to_be_pointed_here(platform: RunningPlatform, ids: Ids, tmp_path: Path) -> None:
    """What the documentation tells a user to do, with nothing set by the test."""
    script = tmp_path / "program.py"
    script.write_text(program(ids("echo"), 'print(endpoint.run_sync({"value": "hello"}))'))
    line = f'eval "$(trivet env runpod)" && HOME={tmp_path} {original_python(LATEST)} {script}'
    done = subprocess.run(
        ["bash", "-c", line], env=platform.env, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "hello"
