"""A worker: what it says of what its handler gave, where it says it, and in which order."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sdk.server import Exchange, Server
from trivet import runpod
from trivet.runpod._pace import Pace
from trivet.runpod.error import StartError
from trivet.runpod.logger import RunPodLogger
from trivet.runpod.serverless import ending, fitness, loop, results
from trivet.runpod.serverless.devserver import DevApi
from trivet.runpod.serverless.program import Program
from trivet.runpod.serverless.progress import Reporter, progress_update, report_by
from trivet.runpod.serverless.surroundings import Surroundings

HOST = {"hostname": "h", "worker_id": "w"}
DEEP: list[Any] = []
DEEP.append(DEEP)


def place(url: str = "http://s", **more: str) -> dict[str, str]:
    base = f"{url}/api/v2/ep"
    return {
        "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=L4",
        "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=L4",
        "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=L4",
        "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID?gpu=L4",
        "RUNPOD_AI_API_KEY": "key",
        "RUNPOD_POD_ID": "w1",
        "RUNPOD_PING_INTERVAL": "2000",
        **more,
    }


# -- where


def test_urls_are_filled_in() -> None:
    here = Surroundings.read(place())
    assert here is not None
    assert here.take(1, busy=False) == "http://s/api/v2/ep/job-take/w1?gpu=L4&job_in_progress=0"
    assert here.take(3, busy=True) == "http://s/api/v2/ep/job-take-batch/w1?gpu=L4&batch_size=3&job_in_progress=1"
    assert here.stop() == "http://s/api/v2/ep/job-stop/w1?gpu=L4"
    assert here.done("j/1", is_stream=True) == "http://s/api/v2/ep/job-done/w1/j%2F1?gpu=L4&isStream=true"
    assert here.stream("j") == "http://s/api/v2/ep/job-stream/w1/j?gpu=L4&isStream=false"
    assert here.ping(["a", "b"]) == "http://s/api/v2/ep/ping/w1?gpu=L4&job_id=a%2Cb&runpod_version=1.12.0"
    assert here.ping([]) == "http://s/api/v2/ep/ping/w1?gpu=L4&runpod_version=1.12.0"
    assert "status=unhealthy&check=gpu&reason=no%20GPU" in here.unhealthy("gpu", "no GPU")
    assert "key" not in repr(here)


def test_a_url_without_a_query_gets_one() -> None:
    here = Surroundings.read(
        {"RUNPOD_WEBHOOK_GET_JOB": "http://s/take/$ID", "RUNPOD_WEBHOOK_POST_OUTPUT": "http://s/d/$ID"}
    )
    assert here is not None
    assert here.take(1, busy=False).endswith("?job_in_progress=0")
    assert here.stop() == ""
    assert here.ping_url == ""  # without a name nobody knows whose sign of life it would be


def test_a_long_list_of_jobs_is_cut_between_two() -> None:
    here = Surroundings.read(place())
    assert here is not None
    assert len(here.ping([f"job-{number}" for number in range(20_000)])) < 200_000


def test_no_environment_is_no_worker() -> None:
    assert Surroundings.read({}) is None
    with pytest.raises(StartError, match="POST_OUTPUT"):
        Surroundings.read({"RUNPOD_WEBHOOK_GET_JOB": "http://s/job-take/$ID?"})
    with pytest.raises(StartError, match="PING_INTERVAL"):
        Surroundings.read(place(RUNPOD_PING_INTERVAL="soon"))


# -- what


@pytest.mark.parametrize(
    ("value", "report"),
    [
        ("x", {"output": "x"}),
        (None, {"output": None}),
        ([], {"output": []}),
        ({"a": 1}, {"output": {"a": 1}}),
        ({}, {}),
        ({"error": "msg", "detail": 2}, {"output": {"detail": 2}, "error": "msg"}),
        ({"error": "msg"}, {"error": "msg"}),
        ({"error": {"x": 1}}, {"error": '{"x": 1}'}),
        ({"error": ""}, {"output": {"error": ""}}),
        ({"refresh_worker": True, "r": 5}, {"output": {"r": 5}, "stopPod": True}),
        ({"refresh_worker": False, "r": 5}, {"output": {"r": 5}}),
    ],
)
def test_what_a_handler_returns(value: Any, report: dict[str, Any]) -> None:
    assert results.returned(value) == report


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({1, 2}, "set"),
        ({"a": [b"x"]}, "bytes"),
        ({"a/b": [1.0, math.inf]}, "/a~1b/1 is inf"),
        ((math.nan,), "/0 is nan"),
        (-math.inf, "the output itself is -inf"),
        ("\ud800", "surrogates"),
        (DEEP, "nested too deeply"),
    ],
)
def test_what_has_no_form_in_json_is_a_failure_that_says_so(output: Any, said: str) -> None:
    report = json.loads(results.posted({"output": output, "stopPod": True}))
    assert report.keys() == {"error", "stopPod"}
    assert said in report["error"]


def test_the_handlers_own_error_comes_before_what_can_not_be_written() -> None:
    assert json.loads(results.posted({"output": {1}, "error": "mine \ud800"})) == {"error": "mine \ud800"}


def run(program: Program, value: Any = None, stop_after: int = 99) -> tuple[dict[str, Any] | None, list[Any]]:
    pieces: list[Any] = []
    report = program.perform({"id": "j", "input": value}, pieces.append, lambda: len(pieces) >= stop_after)
    return report, pieces


def test_an_exception_is_told_with_its_traceback() -> None:
    def fails(job: Any) -> None:
        raise ValueError("why")

    report, _ = run(Program({"handler": fails}, **HOST))
    assert report is not None
    told = json.loads(report["error"])
    assert told["error_type"] == "<class 'ValueError'>"
    assert told["error_message"] == "why"
    assert "in fails" in told["error_traceback"]
    assert "program.py" not in told["error_traceback"]
    assert told["worker_id"] == "w"


def test_a_generator_gives_pieces_and_where_wanted_all_of_them() -> None:
    def gives(job: Any) -> Any:
        yield 1
        yield {"x": 2}

    assert run(Program({"handler": gives})) == ({"output": []}, [1, {"x": 2}])
    assert run(Program({"handler": gives, "return_aggregate_stream": True})) == (
        {"output": [1, {"x": 2}]},
        [1, {"x": 2}],
    )


def test_a_piece_that_is_an_error_ends_the_stream() -> None:
    def gives(job: Any) -> Any:
        yield 1
        yield {"error": "bad"}
        raise AssertionError("it went on")

    assert run(Program({"handler": gives})) == ({"error": "bad"}, [1])


def test_a_stream_that_nobody_wants_ends_between_two_pieces() -> None:
    ended = []

    def gives(job: Any) -> Any:
        try:
            while True:
                yield 1
        finally:
            ended.append(True)

    assert run(Program({"handler": gives}), stop_after=2) == (None, [1, 1])
    assert ended == [True]


class Callable1:
    async def __call__(self, job: Any) -> Any:
        return job["input"]


async def later(job: Any) -> Any:
    return {"got": job["input"]}


async def later_pieces(job: Any) -> Any:
    yield 1
    yield 2


def at_once(job: Any) -> Any:
    return later(job)


@pytest.mark.parametrize(
    ("handler", "report", "pieces"),
    [
        (later, {"output": {"got": 5}}, []),
        (Callable1(), {"output": 5}, []),
        (later_pieces, {"output": [1, 2]}, [1, 2]),
        (at_once, {"output": {"got": 5}}, []),
    ],
)
def test_asynchronous_handlers_of_every_kind(handler: Any, report: Any, pieces: Any) -> None:
    program = Program({"handler": handler, "return_aggregate_stream": True})
    assert program.rehearse({"id": "j", "input": 5}) == (report, pieces)


@pytest.mark.parametrize("config", [{}, {"handler": 1}, {"handler": print, "concurrency_modifier": 3}])
def test_what_can_not_be_started_is_refused(config: Any) -> None:
    with pytest.raises(StartError):
        Program(config)


# -- progress and fitness


def test_progress_comes_in_order_and_before_the_result() -> None:
    sent: list[Any] = []
    reporter = Reporter(lambda job_id, value: sent.append((job_id, value)))
    report_by(reporter)
    try:
        for number in range(50):
            progress_update({"id": "j"}, number)
        reporter.flush()
        progress_update({"id": "j"}, {1})  # JSON has no form for it: it is logged, and that is all
        reporter.flush()
        assert sent == [("j", b"%d" % number) for number in range(50)]
    finally:
        report_by(None)


def test_checks_are_made_in_order_up_to_the_first_that_fails() -> None:
    made = []

    @runpod.serverless.register_fitness_check
    def good() -> None:
        made.append("good")

    @runpod.serverless.register_fitness_check
    async def bad() -> None:
        made.append("bad")
        raise RuntimeError("no GPU")

    @runpod.serverless.register_fitness_check
    def never() -> None:
        made.append("never")

    try:
        assert fitness.first_failure() == ("bad", "RuntimeError: no GPU")
        assert made == ["good", "bad"]
    finally:
        fitness.clear_fitness_checks()
    assert fitness.first_failure() is None


def test_a_question_that_was_not_held_is_not_asked_again_at_once() -> None:
    pace = Pace()
    assert [loop.rest(None, False, 0.0, pace) for _ in range(3)] == [0.05, 0.1, 0.2]
    assert loop.rest(None, True, 0.0, pace) == 0.0
    assert loop.rest(None, False, 25.0, pace) == 0.0
    assert loop.rest(5.0, False, 0.0, pace) == 5.0


# -- the log


def test_the_log_is_for_people_here_and_for_the_platform_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = RunPodLogger()
    assert journal is RunPodLogger()
    before = journal.level
    try:
        journal.set_level("INFO")
        capsys.readouterr()
        journal.debug("no")
        journal.info("i", "job-1")
        journal.warn("w")
        journal.secret("name", "abcdefgh")
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "e")
        journal.error("x", "job-1")
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == ["INFO   | job-1 | i", "WARN   | w"]
        assert "bcdefg" not in lines[2]
        assert json.loads(lines[3]) == {"requestId": "job-1", "message": "x", "level": "ERROR"}
        with pytest.raises(ValueError, match="LOUD"):
            journal.set_level("LOUD")
    finally:
        journal.level = before


# -- by hand


def gives(job: Any) -> Any:
    yield from job["input"]["all"]


def body(**said: Any) -> bytes:
    return json.dumps(said).encode()


def test_the_development_server_keeps_runs_and_streams() -> None:
    api = DevApi(Program({"handler": lambda job: {"got": job["input"]}}))
    done = api.answer("POST", "/runsync", body(input={"a": 1})).document
    assert (done["status"], done["output"]) == ("COMPLETED", {"got": {"a": 1}})
    kept = api.answer("POST", "/run", body(input={"a": 2})).document
    assert kept["status"] == "IN_PROGRESS"
    assert api.answer("POST", f"/status/{kept['id']}", b"").document["output"] == {"got": {"a": 2}}
    assert api.answer("POST", f"/status/{kept['id']}", b"").document["status"] == "FAILED"
    assert api.answer("POST", "/runsync", body(input=[1])).status == 422
    assert api.answer("POST", "/runsync", b"{").status == 422
    assert api.answer("GET", "/runsync", b"").status == 405
    assert api.answer("POST", "/nowhere", b"").status == 404
    streams = DevApi(Program({"handler": gives}), endpoint_id="e")
    kept = streams.answer("POST", "/run", body(input={"all": "ab"})).document
    assert streams.answer("POST", f"/stream/{kept['id']}", b"").document["stream"] == [{"output": "a"}, {"output": "b"}]
    failed = streams.answer("POST", "/runsync", body(input={"none": 1})).document
    assert failed["status"] == "FAILED"
    assert streams.answer("POST", "/e/realtime", body(id="x", input={"all": []})).document == {"output": []}


PROGRAM = """
import trivet.runpod as runpod

def handler(job):
    if "fail" in job["input"]:
        raise ValueError("no")
    return {"id": job["id"], "got": job["input"]}

runpod.serverless.start({"handler": handler})
"""


def started(folder: Path, *words: str, env: dict[str, str] | None = None, text: str = PROGRAM) -> Any:
    program = folder / "main.py"
    program.write_text(textwrap.dedent(text), encoding="utf-8")
    environ = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-u", str(program), *words],
        env={**environ, "HOME": str(folder), **(env or {})}, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: Any) -> tuple[int, str]:
    try:
        text, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    return process.returncode, text


def test_one_job_by_hand(tmp_path: Path) -> None:
    status, text = ended(started(tmp_path, "--test_input", '{"input": {"a": 1}}'))
    assert status == 0, text
    assert "{'output': {'id': 'local_test', 'got': {'a': 1}}}" in text
    (tmp_path / "test_input.json").write_text('{"id": "mine", "input": {"fail": 1}}')
    status, text = ended(started(tmp_path))
    assert status == 1
    assert "ValueError" in text
    (tmp_path / "test_input.json").unlink()
    status, text = ended(started(tmp_path))
    assert (status, "test_input.json not found" in text) == (1, True)


# -- at work


class Platform:
    """Hands out jobs, one by one, and keeps what comes back."""

    def __init__(self, server: Server, jobs: list[dict[str, Any]]) -> None:
        self.jobs = jobs
        self.posts: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.stops: list[str] = []
        self.done = threading.Event()
        self.wanted = len(jobs)
        server.on("GET", "/api/v2/ep/job-take/w1", self._take)
        server.on("GET", "/api/v2/ep/job-take-batch/w1", self._take)
        server.on("GET", "/api/v2/ep/job-stop/w1", self._stop)
        server.on("GET", "/api/v2/ep/ping/w1", lambda exchange: exchange.json({}))
        for job in jobs:
            for verb in ("job-done", "job-stream"):
                server.on("POST", f"/api/v2/ep/{verb}/w1/{job['id']}", self._post)

    def _take(self, exchange: Exchange) -> None:
        if self.jobs:
            exchange.json(self.jobs.pop(0))
        else:
            exchange.hold()

    def _stop(self, exchange: Exchange) -> None:
        if self.stops:
            exchange.json({"jobsToStop": [self.stops.pop()]})
        else:
            exchange.stopping.wait(0.05)
            exchange.answer(204)

    def _post(self, exchange: Exchange) -> None:
        posted = json.loads(exchange.body)
        self.posts.append((exchange.path.removeprefix("/api/v2/ep/"), exchange.query, posted))
        exchange.json({})
        if "/job-done/" in exchange.path and posted.get("status") != "IN_PROGRESS":
            self.wanted -= 1
            if self.wanted <= 0:
                self.done.set()


def worked(server: Server, folder: Path, text: str, jobs: list[dict[str, Any]], **more: str) -> Platform:
    platform = Platform(server, jobs)
    process = started(folder, env=place(server.url, **more), text=text)
    try:
        assert platform.done.wait(60), ended(process)
        process.terminate()  # it is told to end amid a question that is held
        status, text = ended(process)
        assert status == 0, text
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return platform


def test_a_worker_takes_runs_and_reports(server: Server, tmp_path: Path) -> None:
    platform = worked(
        server, tmp_path, PROGRAM,
        [{"id": "a", "input": {"x": 1}}, {"id": "b", "input": {"fail": 1}}, {"id": "c", "input": {"y": "é"}}],
    )  # fmt: skip
    paths = [path for path, _, _ in platform.posts]
    assert paths == ["job-done/w1/a", "job-done/w1/b", "job-done/w1/c"]
    assert platform.posts[0][1] == {"gpu": "L4", "isStream": "false"}
    assert platform.posts[0][2] == {"output": {"id": "a", "got": {"x": 1}}}
    assert "ValueError" in platform.posts[1][2]["error"]
    asked = [exchange for exchange in server.seen if "/job-take/" in exchange.path]
    assert asked[0].headers["authorization"] == "key"
    assert any(exchange.path.endswith("/ping/w1") for exchange in server.seen)


def test_a_worker_streams_and_tells_its_progress_before_its_result(server: Server, tmp_path: Path) -> None:
    text = """
    import trivet.runpod as runpod

    def handler(job):
        runpod.serverless.progress_update(job, "half")
        yield 1
        yield 2

    runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
    """
    platform = worked(server, tmp_path, text, [{"id": "a", "input": None}])
    pieces = [posted for path, _, posted in platform.posts if path.startswith("job-stream")]
    assert pieces == [{"output": 1}, {"output": 2}]
    reports = [(query["isStream"], posted) for path, query, posted in platform.posts if path.startswith("job-done")]
    assert reports == [("false", {"status": "IN_PROGRESS", "output": "half"}), ("true", {"output": [1, 2]})]


def test_an_asynchronous_worker_runs_several_at_a_time(server: Server, tmp_path: Path) -> None:
    text = """
    import asyncio
    import trivet.runpod as runpod

    there = []
    all_there = asyncio.Event()

    async def handler(job):
        there.append(job["id"])
        if len(there) == 3:
            all_there.set()
        await all_there.wait()  # nobody ends before all three have begun
        return job["id"]

    runpod.serverless.start({"handler": handler, "concurrency_modifier": lambda current: 3})
    """
    platform = worked(server, tmp_path, text, [{"id": name, "input": {}} for name in "abc"])
    assert sorted(posted["output"] for _, _, posted in platform.posts) == ["a", "b", "c"]
    assert "3" in [exchange.query.get("batch_size") for exchange in server.seen]


@pytest.mark.parametrize("later", ["", "async "])
def test_what_is_no_exception_but_ends_no_program_is_an_answer(server: Server, tmp_path: Path, later: str) -> None:
    text = f"""
    import asyncio
    import trivet.runpod as runpod

    class Other(BaseException):
        pass

    {later}def handler(job):
        raise {{"a": Other("why"), "b": asyncio.CancelledError("mine"), "c": GeneratorExit()}}[job["id"]]

    runpod.serverless.start({{"handler": handler}})
    """
    platform = worked(server, tmp_path, text, [{"id": name, "input": {}} for name in "abc"])
    told = [json.loads(posted["error"]) for _, _, posted in platform.posts]
    assert [each["error_message"] for each in told] == ["why", "mine", "GeneratorExit"]
    assert all("runpod/serverless" not in each["error_traceback"] for each in told)


def test_the_exit_status_of_a_program_that_its_handler_has_ended_is_pythons() -> None:
    ends = [SystemExit(), SystemExit(3), SystemExit("why"), SystemExit(-1), KeyboardInterrupt()]
    assert [ending.status_of(end) for end in ends] == [0, 3, 1, 255, 130]


def test_a_job_that_nobody_wants_is_stopped_and_the_next_one_runs(server: Server, tmp_path: Path) -> None:
    text = """
    import asyncio
    import trivet.runpod as runpod

    async def handler(job):
        if job["id"] == "a":
            await asyncio.Event().wait()
        return job["id"]

    runpod.serverless.start({"handler": handler})
    """
    platform = Platform(server, [{"id": "a", "input": {}}, {"id": "b", "input": {}}])
    platform.wanted = 1

    def stop(exchange: Exchange) -> None:
        if any(job["id"] == "a" for job in platform.jobs):  # it was not taken yet
            exchange.stopping.wait(0.05)
            exchange.answer(204)
        else:
            exchange.json({"jobsToStop": ["unknown", "a"]})

    server.on("GET", "/api/v2/ep/job-stop/w1", stop)
    process = started(tmp_path, env=place(server.url), text=text)
    try:
        assert platform.done.wait(60)
        assert [posted for _, _, posted in platform.posts] == [{"output": "b"}]
    finally:
        process.kill()
        process.communicate()


def test_a_worker_that_asked_to_be_replaced_ends_after_its_job(server: Server, tmp_path: Path) -> None:
    text = PROGRAM.replace('"handler": handler', '"handler": handler, "refresh_worker": True')
    platform = Platform(server, [{"id": "a", "input": {}}, {"id": "b", "input": {}}])
    status, said = ended(started(tmp_path, env=place(server.url), text=text))
    assert status == 0, said
    assert [posted for _, _, posted in platform.posts] == [{"output": {"id": "a", "got": {}}, "stopPod": True}]


FORKS = """
import os, sys, trivet.runpod as runpod

def begin(job):
    child = os.fork()
    if child == 0 and job["input"] == "exit":
        sys.exit(7)
    if child == 0 and job["input"] == "raise":
        raise ValueError("in the child")
    return child

def status(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def plain(job):
    return {"status": status(child) if (child := begin(job)) else "the child's"}

async def later(job):
    return plain(job)

def pieces(job):
    yield plain(job)

runpod.serverless.start({"handler": HANDLER, "return_aggregate_stream": True})
"""


@pytest.mark.parametrize("handler", ["plain", "later", "pieces"])
def test_what_a_handler_forks_off_is_no_second_worker(server: Server, tmp_path: Path, handler: str) -> None:
    jobs = [{"id": str(number), "input": how} for number, how in enumerate(["return", "exit", "raise"] * 2)]
    platform = worked(server, tmp_path, FORKS.replace("HANDLER", handler), jobs)
    wanted = [{"status": status} for status in [0, 7, 1] * 2]
    finals = [posted["output"] for path, _, posted in platform.posts if path.startswith("job-done/")]
    assert finals == ([[each] for each in wanted] if handler == "pieces" else wanted)


def test_behind_the_start_signals_are_again_what_they_were(server: Server, tmp_path: Path) -> None:
    before = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    behind = """
names = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
print("behind:", names == [signal.SIG_IGN, signal.default_int_handler])
"""
    text = before + textwrap.dedent(PROGRAM).replace('"handler": handler', '"handler": handler, "refresh_worker": True')
    Platform(server, [{"id": "a", "input": {}}])
    status, said = ended(started(tmp_path, env=place(server.url), text=text + behind))
    assert (status, "behind: True" in said) == (0, True), said


def test_a_worker_that_is_not_fit_says_so_and_takes_nothing(server: Server, tmp_path: Path) -> None:
    text = PROGRAM.replace(
        "def handler",
        "@runpod.serverless.register_fitness_check\ndef gpu():\n    raise RuntimeError('none')\n\ndef handler",
    )
    Platform(server, [{"id": "a", "input": {}}])
    status, _ = ended(started(tmp_path, env=place(server.url), text=text))
    assert status == 1
    assert [exchange.path for exchange in server.seen] == ["/api/v2/ep/ping/w1"]
    assert server.seen[0].query["check"] == "gpu"
    assert server.seen[0].query["status"] == "unhealthy"
