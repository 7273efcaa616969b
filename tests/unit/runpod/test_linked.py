"""A worker that the platform has started: the same reports as over HTTP, by the platform's own link."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runpod.test_serverless import PROGRAM, Platform, ended, place, started
from tests.unit.sdk.server import Server
from tests.unit.worker.server import FakeServer
from trivet.protocol.frames import Frame, Kind
from trivet.worker.intake import EXIT_LINK_LOST
from trivet.worker.main import EXIT_UNFIT


@pytest.fixture
def link() -> Iterator[FakeServer]:
    """The platform's end of the link, without a worker yet."""
    with tempfile.TemporaryDirectory(prefix="trv") as folder:
        server = FakeServer(Path(folder))
        yield server
        server.close()


def start(link: FakeServer, text: str, **more: Any) -> None:
    command = (sys.executable, "-u", str(link.folder / "bundle" / "main.py"))
    environ = {
        "RUNPOD_ENDPOINT_ID": "ep",
        "RUNPOD_POD_ID": "wkr_1",
        "RUNPOD_LOG_LEVEL": "INFO",
        "HOME": str(link.folder),
    }
    link.start(f"import trivet.runpod as runpod\n{textwrap.dedent(text)}", "", environ=environ, command=command, **more)


def ask(link: FakeServer, value: Any = None) -> Frame:
    return link.call(json.dumps(value).encode())


GIVES = """
    import math

    class Own(Exception):
        pass

    class Other(BaseException):
        def __str__(self):
            return 1 / 0

    def throw(error):
        raise error

    GIVEN = {
        "text": lambda job: "é",
        "nothing": lambda job: None,
        "job": lambda job: job,
        "empty": lambda job: {},
        "error": lambda job: {"error": "my words", "detail": 2},
        "document": lambda job: {"error": {"x": 1}},
        "no error": lambda job: {"error": ""},
        "bytes": lambda job: {"image": b"x"},
        "NaN": lambda job: {"a": [1.0, math.nan]},
        "much": lambda job: "x" * 2_000_000,
        "later": lambda job: later(),
        "other": lambda job: throw(Other()),
    }

    async def later():
        return "awaited"

    def handler(job):
        name = job["input"]
        if name == "raises":
            raise Own("why")
        return GIVEN[name](job)

    runpod.serverless.start({"handler": handler})
"""


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("text", '"é"'),
        ("nothing", "null"),
        ("job", '{"id":"job_1","input":"job"}'),
        ("empty", ""),
        ("no error", '{"error":""}'),
        ("later", '"awaited"'),
    ],
)
def test_what_a_handler_returns_is_its_result(link: FakeServer, name: str, body: str) -> None:
    start(link, GIVES)
    frame = ask(link, name)
    assert (frame.kind, frame.meta["type"], frame.body.decode()) == (Kind.RESULT, "application/json", body)


def test_what_fails_says_so_in_the_words_that_callers_know(link: FakeServer) -> None:
    start(link, GIVES)

    def failure(name: str) -> dict[str, Any]:
        frame = ask(link, name)
        assert frame.kind is Kind.ERROR
        return {part: frame.meta.get(part) for part in ("code", "message", "type", "traceback", "hint")}

    plain = {"code": "handler_error", "type": "", "traceback": "", "hint": None}
    assert failure("error") == {**plain, "message": "my words"}
    assert failure("document") == {**plain, "message": '{"x": 1}'}
    raised = failure("raises")
    assert (raised["type"], raised["message"]) == ("Own", "why")
    assert 'main.py", line' in raised["traceback"]
    assert "perform" not in raised["traceback"]
    other = failure("other")
    assert (other["type"], other["message"]) == ("Other", "(its text can't be had: ZeroDivisionError)")
    assert other["traceback"].startswith("Traceback")
    assert "linked.py" not in other["traceback"]
    assert "Object of type bytes" in failure("bytes")["message"]
    assert "/a/1 is nan" in failure("NaN")["message"]
    assert "2,000,002 bytes" in failure("much")["message"]
    assert ask(link, "text").kind is Kind.RESULT  # none of it has hurt the worker


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(("end", "status"), [("SystemExit(3)", 3), ("KeyboardInterrupt", -signal.SIGINT)])
def test_a_handler_that_ends_the_program_ends_its_worker_and_no_job_but_its_own(
    link: FakeServer, end: str, status: int, *, later: bool
) -> None:
    text = """
        import atexit

        def handler(job):
            print("last words")
            raise END

        atexit.register(open, CLEANED, "w")
        runpod.serverless.start({"handler": handler})
    """
    text = text.replace("CLEANED", repr(str(link.folder / "cleaned"))).replace("END", end)
    start(link, text.replace("def handler", "async def handler") if later else text)
    first, second = link.submit_at_once(b"null", b"null")
    assert link.answer(second).kind is Kind.RETURNED
    assert link.wait() == status
    assert [log.body for log in link.of(Kind.LOG, first)] == [b"last words\n"]
    assert not link.of(Kind.RESULT, first) + link.of(Kind.ERROR, first)
    assert (link.folder / "cleaned").exists()


@pytest.mark.parametrize("stays", ["a thread", "a program that goes on"])
def test_a_program_that_its_handler_has_ended_does_not_keep_the_job_for_long(link: FakeServer, stays: str) -> None:
    text = f"""
        import threading, time
        from trivet.runpod.serverless import ending

        ending.LONGEST = 0.2

        def handler(job):
            if {stays == "a thread"}:
                threading.Thread(target=time.sleep, args=(300,)).start()
            raise SystemExit(3)

        try:
            runpod.serverless.start({{"handler": handler}})
        except SystemExit:
            if {stays == "a thread"}:
                raise
        time.sleep(300)
    """
    start(link, text)
    link.submit()
    assert link.wait() == 3


STREAMS = """
    def handler(job):
        runpod.serverless.progress_update(job, {"step": 1})
        yield "a"
        runpod.serverless.progress_update(job, object())
        for piece in job["input"]:
            yield piece
        runpod.serverless.progress_update(job, {"step": 2})

    runpod.serverless.start({"handler": handler, "return_aggregate_stream": %r})
"""


@pytest.mark.parametrize(("aggregates", "body"), [(True, b'["a",{"b":1}]'), (False, b"[]")])
def test_pieces_are_told_as_they_come_and_progress_before_the_result(
    link: FakeServer, *, aggregates: bool, body: bytes
) -> None:
    start(link, STREAMS % aggregates)
    frame = ask(link, [{"b": 1}])
    assert (frame.kind, frame.body, frame.meta["pieces"]) == (Kind.RESULT, body, 2)
    assert [piece.body for piece in link.of(Kind.PIECE, frame.attempt)] == [b'"a"', b'{"b":1}']
    told = link.of(Kind.PROGRESS, frame.attempt)
    assert (told[0].body, told[-1].body) == (b'{"step":1}', b'{"step":2}')
    assert all(each.meta == {"token": "t1"} for each in told)


@pytest.mark.parametrize(("piece", "message"), [({"error": "bad"}, "bad"), ("x" * 2_000_000, "2,000,002 bytes")])
def test_a_piece_that_is_an_error_or_can_not_be_sent_ends_the_stream(
    link: FakeServer, piece: Any, message: str
) -> None:
    start(link, STREAMS % True)
    frame = ask(link, [piece, "never"])
    assert frame.kind is Kind.ERROR
    assert message in frame.meta["message"]
    assert len(link.of(Kind.PIECE, frame.attempt)) == 1


REPLACED = """
    import json

    def handler(job):
        return {"refresh_worker": job["input"] == "now", "said": 1}

    runpod.serverless.start({"handler": handler, "refresh_worker": %r})
    print("behind the start", flush=True)
"""


@pytest.mark.parametrize("always", [False, True])
def test_a_worker_that_asked_to_be_replaced_says_so_first_and_gives_back_what_waits(
    link: FakeServer, *, always: bool
) -> None:
    start(link, REPLACED % always)
    if not always:
        assert ask(link).body == b'{"said":1}'
    first, second = link.submit_at_once(b'"now"', b"null")
    assert link.expect(Kind.DRAINING, Kind.RESULT).kind is Kind.DRAINING
    assert link.answer(first).body == b'{"said":1}'
    assert link.answer(second).kind is Kind.RETURNED
    assert link.wait() == 0
    assert "behind the start" in link.stdout.read_text()


@pytest.mark.parametrize("later", ["", "async "])
def test_what_is_sent_to_a_worker_that_has_left_goes_back_though_its_program_goes_on(
    link: FakeServer, later: str
) -> None:
    text = f"""
        import os, time

        {later}def handler(job):
            return {{"refresh_worker": True}}

        runpod.serverless.start({{"handler": handler}})
        while not os.path.exists({str(link.folder / "enough")!r}):
            time.sleep(0.01)
    """
    start(link, text)
    assert ask(link).kind is Kind.RESULT
    for _ in range(2):
        assert ask(link).kind is Kind.RETURNED
    (link.folder / "enough").touch()
    assert link.wait() == 0


def test_a_worker_that_has_left_ends_with_its_platform_whatever_its_program_does(link: FakeServer) -> None:
    text = """
        import time

        async def handler(job):
            return {"refresh_worker": True}

        runpod.serverless.start({"handler": handler})
        time.sleep(300)
    """
    start(link, text)
    assert ask(link).kind is Kind.RESULT
    link.hang_up()
    assert link.wait() == EXIT_LINK_LOST


def test_a_worker_that_is_told_to_end_finishes_its_job_and_what_stands_behind_the_start(link: FakeServer) -> None:
    text = """
        import time

        def handler(job):
            runpod.serverless.progress_update(job, "begun")
            time.sleep(0.5)
            return "done"

        runpod.serverless.start({"handler": handler})
        open("ended", "w").close()
    """
    start(link, text.replace('"ended"', repr(str(link.folder / "ended"))))
    number = link.submit()
    link.expect(Kind.PROGRESS, number=number)
    link.terminate()
    assert link.answer(number).body == b'"done"'
    assert link.wait() == 0
    assert (link.folder / "ended").exists()


STOPS = """
    import asyncio, time

    def plain(job):
        try:
            runpod.serverless.progress_update(job, "begun")
            time.sleep(60)
        finally:
            print("ended", flush=True)

    def pieces(job):
        try:
            while True:
                yield 1
                time.sleep(0.01)
        finally:
            print("ended", flush=True)

    def stubborn(job):
        while True:
            try:
                yield 1
                time.sleep(0.01)
            except GeneratorExit:
                print("ended", flush=True)
                raise
            except BaseException:
                pass

    async def later(job):
        try:
            runpod.serverless.progress_update(job, "begun")
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("ended", flush=True)
            raise

    async def later_stubborn(job):
        while True:
            try:
                yield 1
                await asyncio.sleep(0.01)
            except GeneratorExit:
                print("ended", flush=True)
                raise
            except BaseException:
                pass

    async def later_pieces(job):
        try:
            while True:
                yield 1
                await asyncio.sleep(0.01)
        finally:
            print("ended", flush=True)

    runpod.serverless.start({"handler": %s})
"""


@pytest.mark.parametrize("kind", ["plain", "pieces", "stubborn", "later", "later_pieces", "later_stubborn"])
def test_a_job_that_nobody_wants_any_more_is_stopped_and_its_worker_goes_on(link: FakeServer, kind: str) -> None:
    start(link, STOPS % kind)
    for _ in range(2):
        number = link.submit()
        link.expect(Kind.PROGRESS, Kind.PIECE, number=number)
        link.cancel(number)
        assert link.answer(number).kind is Kind.STOPPED
        assert b"".join(log.body for log in link.of(Kind.LOG, number)) == b"ended\n"


def test_a_worker_that_is_not_fit_says_why_and_is_never_ready(link: FakeServer) -> None:
    text = PROGRAM.replace(
        "def handler",
        "@runpod.serverless.register_fitness_check\nasync def gpu():\n    raise RuntimeError('none')\n\ndef handler",
    )
    start(link, text, ready=False)
    told = link.expect(Kind.UNFIT, Kind.READY)
    assert (told.kind, told.meta) == (Kind.UNFIT, {"message": "gpu: RuntimeError: none", "check": True})
    assert link.wait() == EXIT_UNFIT
    assert "gpu: RuntimeError: none" in link.stderr.read_text()


def test_what_is_printed_and_logged_belongs_to_the_job(link: FakeServer) -> None:
    text = """
        import logging, sys

        logging.basicConfig(format="%(levelname)s %(message)s", level="INFO")
        log = runpod.RunPodLogger()

        def handler(job):
            print("printed")
            logging.info("logged")
            log.info("said", job["id"])

        print("before", flush=True)
        runpod.serverless.start({"handler": handler})
    """
    start(link, text)
    frame = ask(link)
    lines = b"".join(log.body for log in link.of(Kind.LOG, frame.attempt)).decode().splitlines()
    assert sorted(lines) == ["INFO logged", "INFO: said", "printed"]
    assert "before" in link.stdout.read_text()


def test_a_plain_worker_is_light_and_keeps_its_secret(link: FakeServer) -> None:
    text = """
        import os, sys

        def handler(job):
            return [sorted(sys.modules), sorted(os.environ)]

        runpod.serverless.start({"handler": handler})
    """
    start(link, text)
    modules, variables = json.loads(ask(link).body)
    heavy = {"asyncio", "argparse", "http", "pyreqwest", "socket", "ssl", "trivet.sdk._sync.channel", "urllib.request"}
    assert heavy.isdisjoint(modules)
    assert {"TRIVET_LINK", "TRIVET_WORKER_TOKEN"}.isdisjoint(variables)
    assert "RUNPOD_POD_ID" in variables


def test_what_timers_measure_is_added_where_it_is_asked_for(link: FakeServer) -> None:
    text = """
        import sys
        from trivet.runpod.serverless.utils.rp_debugger import LineTimer

        sys.argv.append("--rp_debugger")

        def handler(job):
            with LineTimer("step"):
                return {"said": 1}

        runpod.serverless.start({"handler": handler})
    """
    start(link, text)
    output = json.loads(ask(link).body)
    assert output["said"] == 1
    assert [timer["name"] for timer in output["rp_debugger"]["timestamps"]] == ["step"]
    assert output["rp_debugger"]["ready_delay_ms"] > 0


def test_a_job_has_what_its_caller_meant_for_the_worker(link: FakeServer) -> None:
    start(link, "runpod.serverless.start({'handler': lambda job: job})")
    assert link.seen[0].meta["aside"] is True
    meta = {"job": "job_9", "token": "t9", "type": "application/json", "timeout": 60, "attempt": 1}
    link.say(Kind.JOB, 9, {**meta, "aside": {"webhook": "https://me/told"}}, b"5")
    assert json.loads(link.answer(9).body) == {"id": "job_9", "input": 5, "webhook": "https://me/told"}


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"", "application/json", None),
        (b"\x89PNG", "image/png", "data:image/png;base64,iVBORw=="),
        (b"1" * 5000, "application/json", "unreadable_input"),
        (b"[" * 100_000, "application/json", "unreadable_input"),
    ],
)
def test_every_kind_of_input_is_read_or_refused(link: FakeServer, body: bytes, kind: str, told: str | None) -> None:
    start(link, "runpod.serverless.start({'handler': lambda job: job['input']})")
    frame = link.call(body, kind)
    if frame.kind is Kind.ERROR:
        assert frame.meta["code"] == told
    else:
        assert json.loads(frame.body) == told


def test_a_worker_whose_platform_is_gone_ends(link: FakeServer) -> None:
    start(link, PROGRAM.split("\n", 2)[2])
    link.hang_up()
    assert link.wait() == EXIT_LINK_LOST


@pytest.mark.parametrize(
    "begin",
    [
        'runpod.serverless.start({"handler": handler, "concurrency_modifier": lambda current: 1})',
        'threading.Thread(target=runpod.serverless.start, args=[{"handler": handler}]).start()',
    ],
    ids=["chooses how many jobs it takes", "starts in a thread"],
)
def test_a_program_polls_though_there_is_a_link_where_it(server: Server, tmp_path: Path, begin: str) -> None:
    text = f"""
    import os, threading
    import trivet.runpod as runpod

    def handler(job):
        return sorted(name for name in os.environ if name.startswith("TRIVET"))

    {begin}
    """
    platform = Platform(server, [{"id": "a", "input": {}}])
    more = {"TRIVET_LINK": "unix:/nowhere", "TRIVET_WORKER_TOKEN": "t", "TRIVET_WORKER_ID": "w1"}
    process = started(tmp_path, env=place(server.url, **more), text=text)
    try:
        assert platform.done.wait(60), ended(process)
        assert [posted for _, _, posted in platform.posts] == [{"output": ["TRIVET_WORKER_ID"]}]
    finally:
        process.kill()
        process.communicate()
