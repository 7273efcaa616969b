"""Algorithms in a real worker: what a supervisor and its child make of jobs, in every layout and at every end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.worker.server import PATIENCE, FakeServer
from trivet.protocol.addresses import UNCLAIMED, address_secret
from trivet.protocol.frames import Frame, Kind

Start = Callable[..., FakeServer]

LEGACY = """
    import os, sys, time

    LOADED = []

    class KeyboardError(Exception):
        pass

    def apply(input):
        do = input.get("do") if isinstance(input, dict) else None
        match do:
            case None: return input
            case "bytes": return b"\\x00\\x01"
            case "print":
                for number in range(input["times"]):
                    print("line", number)
                print("oops", file=sys.stderr)
                return "printed"
            case "raise": raise ValueError("no good")
            case "typed":
                error = ValueError("wrong input")
                error.error_type = input["type"]
                raise error
            case "set": return {1, 2}
            case "odd": return [float("nan"), "\\ud800"]
            case "exit":
                print("last words", file=sys.stderr)
                raise SystemExit(3)
            case "die": os.kill(os.getpid(), 9)
            case "sleep":
                print("sleeping", flush=True)
                time.sleep(60)
            case "large": return "x" * input["size"]
            case "environ": return dict(os.environ)
            case "remember":
                LOADED.append(input["what"])
                open("/tmp/kept", "a").write(input["what"])
                home = os.path.join(os.environ["HOME"], "kept")
                open(home, "a").write(input["what"])
                open("kept", "a").write(input["what"])
                return [os.getpid(), LOADED, *(open(path).read() for path in ("/tmp/kept", home, "kept"))]
            case "tell-address": raise ValueError("can't reach " + os.environ["ALGORITHMIA_API"])
            case "print-address": print(os.environ["ALGORITHMIA_API"])
            case "stray":
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        time.sleep(60)
                    os._exit(0)
                return os.getpid()
            case "wordless": raise KeyboardError() if "class" in input else ValueError()
            case "keep":
                with open(input["path"], "wb") as file:
                    for _ in range(input["size"] // 1000):
                        file.write(bytes(1000))
            case "keep-and-wait":
                for number in range(20):
                    open(f"/tmp/part-{number}", "wb").write(bytes(100_000))
                time.sleep(60)
            case "garbage":
                with open("/tmp/algoout", "w") as pipe:
                    pipe.write(input["text"] + "\\n")
                time.sleep(60)
"""
SERVES = """
    import base64, json, sys, traceback

    def answer(request):
        data = request["data"]
        if data == "fail":
            try:
                raise KeyError("of the kit")
            except Exception as error:
                trace = " ".join(traceback.format_exception(etype=type(error), value=error, tb=error.__traceback__))
                return {"error": {"message": str(error), "stacktrace": trace, "error_type": None}}
        return {"result": data, "metadata": {"content_type": request["content_type"]}}

    print("loaded")
    print("PIPE_INIT_COMPLETE")
    for line in sys.stdin:
        print("asked", line, end="")
        with open("/tmp/algoout", "w") as pipe:
            pipe.write(json.dumps(answer(json.loads(line))) + "\\n")
        sys.stdout.flush()
"""
FAILS_TO_LOAD = """
    import json
    with open("/tmp/algoout", "w") as pipe:
        pipe.write(json.dumps({"error": {"message": "no model", "stacktrace": "there", "error_type": "AlgorithmError"}}) + "\\n")

    def apply(input):
        return "never asked"
"""


@pytest.fixture
def start(server: FakeServer) -> Start:
    """Starts an algorithm's worker; further files are named by their stem in ``src``."""

    def start(
        source: str, name: str = "Hello", *, ready: bool = True, limit: int | None = None, **files: str
    ) -> FakeServer:
        code = server.folder / "bundle" / "src"
        code.mkdir(parents=True, exist_ok=True)
        for stem, text in {name: source, **files}.items():
            (code / f"{stem}.py").write_text(textwrap.dedent(text))
        room = server.folder / "room"
        room.mkdir()
        environ = {
            "TRIVET_HOST": "algorithm",
            "TRIVET_HANDLER": f"src/{name}.py",
            "TRIVET_WORKER_FOLDER": str(room),
            "ALGORITHMIA_API": "http://127.0.0.1:9/algorithmia/w/wkr_1",
            "TRIVET_ADDRESS_TOKEN": "the-token",
            "ALGORITHMIA_API_KEY": "somebody's",
            "ALGORITHMIA_BEARER_TOKEN": "somebody's",
            "A_SECRET": "of the owner",
        }
        if limit is not None:
            environ["TRIVET_ALGORITHM_TMP"] = str(limit)
        server.start("", "-", ready=ready, environ=environ)
        return server

    return start


def call(server: FakeServer, account: str = "acc_1", **given: Any) -> Frame:
    return server.answer(server.submit(json.dumps(given).encode(), account=account))


def value(frame: Frame) -> Any:
    assert frame.kind is Kind.RESULT, frame
    assert frame.meta["type"] == "application/json"
    return json.loads(frame.body)


def log(server: FakeServer, number: int, stream: str) -> str:
    return b"".join(f.body for f in server.of(Kind.LOG, number) if f.meta["stream"] == stream).decode()


def children(server: FakeServer) -> list[psutil.Process]:
    assert server.process is not None
    return psutil.Process(server.process.pid).children(recursive=True)


# -- inputs and outputs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "answer"),
    [
        (b'"Bond"', "application/json", ("application/json", b'"Bond"')),
        (b"Bond", "text/plain", ("application/json", b'"Bond"')),
        (b"", "text/plain; charset=utf-8", ("application/json", b'""')),
        ("Grüße".encode("latin-1"), "text/plain; charset=iso-8859-1", ("application/json", '"Grüße"'.encode())),
        (b'"a\\n\\u2028b"', "application/json", ("application/json", '"a\\n\u2028b"'.encode())),
        (b"null", "application/json", ("application/json", b"null")),
        (b'{"a":\r\n[1,\n2.5,\ttrue]}', "application/json", ("application/json", b'{"a":[1,2.5,true]}')),
        (b"[NaN]", "application/json", ("application/json", b"[NaN]")),
        (b"\x00\xff\n", "application/octet-stream", ("application/octet-stream", b"\x00\xff\n")),
        (b"\x89PNG", "image/png", ("application/octet-stream", b"\x89PNG")),
    ],
)
def test_text_json_and_bytes_go_in_and_come_out_as_they_are(
    body: bytes, content_type: str, answer: tuple[str, bytes], start: Start
) -> None:
    server = start(LEGACY)
    frame = server.call(body, content_type)
    assert (frame.kind, frame.meta["type"], frame.body) == (Kind.RESULT, *answer)


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"{", "application/json", "is no JSON"),
        (b"\xff", "application/json", "is no JSON"),
        (b"[" * 100_000, "application/json", "is no JSON"),
        (b"\xff", "text/plain", "is no text in the charset utf-8"),
    ],
)
def test_an_input_that_is_not_what_it_says_never_reaches_the_algorithm(
    body: bytes, content_type: str, said: str, start: Start
) -> None:
    server = start(LEGACY)
    frame = server.call(body, content_type)
    assert (frame.kind, frame.meta["code"]) == (Kind.ERROR, "invalid_input")
    assert said in frame.meta["message"]
    assert server.call(b'"still there"').body == b'"still there"'


def test_bytes_an_algorithm_returns_are_binary(start: Start) -> None:
    frame = call(start(LEGACY), do="bytes")
    assert (frame.meta["type"], frame.body) == ("application/octet-stream", b"\x00\x01")


def test_what_json_has_no_word_for_is_handed_on_as_the_original_does(start: Start) -> None:
    assert call(start(LEGACY), do="odd").body == b'[NaN,"\\ud800"]'


def test_large_inputs_and_answers_pass_the_pipes(start: Start) -> None:
    server = start(LEGACY)
    text = "y" * 900_000
    assert value(server.call(json.dumps(text).encode())) == text
    assert call(server, do="large", size=2_000_000).meta["code"] == "output_too_large"
    assert value(server.call(b"1")) == 1


# -- what it prints -------------------------------------------------------------------------------------------------------


def test_what_an_algorithm_prints_is_the_log_of_its_job(start: Start) -> None:
    server = start(LEGACY)
    number = server.submit(b'{"do":"print","times":2}')
    assert value(server.answer(number)) == "printed"
    assert log(server, number, "stdout") == "line 0\nline 1\n"
    assert log(server, number, "stderr") == "oops\n"


def test_no_line_is_lost_or_told_of_another_job_in_many_calls(start: Start) -> None:
    server = start(SERVES)
    for count in range(200):
        number = server.submit(str(count).encode())
        assert value(server.answer(number)) == count
        assert log(server, number, "stdout") == f'asked {{"content_type":"json","data":{count}}}\n'


def test_megabytes_of_output_hold_nothing_up_and_are_cut(start: Start) -> None:
    server = start(LEGACY)
    number = server.submit(b'{"do":"print","times":300000}')
    assert value(server.answer(number)) == "printed"
    logged = server.of(Kind.LOG, number)
    assert sum(len(frame.body) for frame in logged) <= 1024 * 1024
    assert any(frame.meta.get("truncated") for frame in logged)


# -- layouts --------------------------------------------------------------------------------------------------------------


def test_a_module_that_serves_is_left_to_serve(start: Start) -> None:
    server = start(SERVES)
    assert value(server.call(b'"Bond"')) == "Bond"
    assert server.call(b"\x00", "application/octet-stream").body == b"\x00"
    assert "loaded\n" in server.stdout.read_text()
    assert "PIPE_INIT_COMPLETE" not in server.stdout.read_text()


def test_what_the_kit_asks_of_an_older_python_is_there(start: Start) -> None:
    frame = start(SERVES).call(b'"fail"')
    assert (frame.kind, frame.meta["message"], frame.meta["type"]) == (Kind.ERROR, "'of the kit'", "AlgorithmError")
    assert 'File "src/Hello.py", line' in frame.meta["traceback"]
    source = """
        import inspect, pkgutil

        def apply(input, state=None):
            return [list(inspect.getargspec(apply)), pkgutil.find_loader("json") is not None]
    """
    program = "from trivet.worker.algorithms import shims; shims.install()"
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{program}\n{textwrap.dedent(source)}\nprint(apply(1))"],
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    assert finished.stdout == "[[['input', 'state'], None, None, (None,)], True]\n"


def test_a_helper_beside_the_module_is_imported_from_the_package(start: Start) -> None:
    server = start("from .words import WORD\ndef apply(input): return WORD", words="WORD = 'helped'")
    assert value(server.call()) == "helped"


def test_a_module_named_algorithm_may_import_what_lies_beside_it(start: Start) -> None:
    server = start("from words import WORD\ndef apply(input): return WORD", "Algorithm", words="WORD = 'helped'")
    assert value(server.call()) == "helped"


def test_files_of_the_repository_are_found_from_its_root(start: Start, server: FakeServer) -> None:
    (server.folder / "bundle").mkdir()
    (server.folder / "bundle" / "model.txt").write_text("weights")
    assert value(start("MODEL = open('model.txt').read()\ndef apply(input): return MODEL").call()) == "weights"


# -- failures -------------------------------------------------------------------------------------------------------------


def test_an_exception_is_told_with_the_authors_words_and_lines(start: Start) -> None:
    frame = call(start(LEGACY), do="raise")
    assert (frame.meta["code"], frame.meta["message"], frame.meta["type"]) == (
        "handler_error",
        "no good",
        "AlgorithmError",
    )
    assert frame.meta["traceback"].startswith('Traceback (most recent call last):\n  File "src/Hello.py", line')


@pytest.mark.parametrize(
    ("given", "told"), [("InputError", "InputError"), (None, "AlgorithmError"), (7, "AlgorithmError")]
)
def test_an_exception_may_name_its_own_kind(given: object, told: str, start: Start) -> None:
    assert call(start(LEGACY), do="typed", type=given).meta["type"] == told


def test_a_value_that_is_not_json_is_an_error_and_the_algorithm_goes_on(start: Start) -> None:
    server = start(LEGACY)
    frame = call(server, do="set")
    assert (frame.meta["message"], frame.meta["type"]) == (
        "Object of type set is not JSON serializable",
        "AlgorithmError",
    )
    assert value(server.call(b"1")) == 1


def test_an_algorithm_that_exits_is_told_with_its_last_words_and_started_anew(start: Start) -> None:
    server = start(LEGACY)
    frame = call(server, do="exit")
    assert (frame.meta["code"], frame.meta["message"], frame.meta["type"]) == (
        "handler_exited",
        "exited with code 3",
        "SystemExit",
    )
    assert frame.meta["traceback"] == "last words\n"
    assert call(server, do="die").meta["message"].startswith("exited with code 137 (ended by SIGKILL")
    assert value(server.call(b"1")) == 1


@pytest.mark.parametrize("text", ["none", "[1]", "{}", '{"result":"!","metadata":{"content_type":"binary"}}'])
def test_an_answer_that_is_none_is_an_error_of_the_system(text: str, start: Start) -> None:
    frame = call(start(LEGACY), do="garbage", text=text)
    assert (frame.kind, frame.meta["type"]) == (Kind.ERROR, "SystemError")


def test_an_answer_too_many_is_not_taken_for_the_next_ones(start: Start) -> None:
    server = start(SERVES.replace('+ "\\n")', '+ "\\n" + json.dumps({"result": "late"}) + "\\n")'))
    assert [value(server.call(body)) for body in (b'"one"', b'"two"')] == ["one", "two"]


@pytest.mark.parametrize("reason", ["cancelled", "timed_out"])
def test_an_algorithm_that_never_answers_is_stopped_and_the_worker_stays(reason: str, start: Start) -> None:
    server = start(LEGACY)
    number = server.submit(b'{"do":"sleep"}')
    server.expect(Kind.LOG, number=number)
    (child,) = children(server)
    server.cancel(number, reason)
    frame = server.answer(number)
    assert (frame.kind, frame.meta["reason"]) == (Kind.STOPPED, reason)
    assert not psutil.pid_exists(child.pid)
    assert value(server.call(b"1")) == 1


def test_the_address_of_the_platform_is_kept_out_of_errors_and_logs(start: Start) -> None:
    server = start(LEGACY)
    frame = call(server, do="tell-address")
    assert frame.meta["message"] == "can't reach http://127.0.0.1:9/algorithmia/w/wkr_1.…"
    assert address_secret("the-token", UNCLAIMED) not in frame.meta["traceback"]
    number = server.submit(b'{"do":"print-address"}')
    server.answer(number)
    assert log(server, number, "stdout") == "http://127.0.0.1:9/algorithmia/w/wkr_1.…\n"


LATE = """
    import json, os, sys, threading

    PIPE = "/tmp/algoout"
    held = None

    def say(result, pipe=None):
        document = json.dumps({"result": result, "metadata": {"content_type": "text"}}) + "\\n"
        if pipe is None:
            with open(PIPE, "w") as pipe:
                pipe.write(document)
        else:
            pipe.write(document)
            pipe.flush()

    print("PIPE_INIT_COMPLETE", flush=True)
    for line in sys.stdin:
        data = json.loads(line)["data"]
        if data == "holds":            # opens its pipe, answers on it, and keeps it
            held = open(PIPE, "w")
            say("first", held)
        elif data == "late":           # what is written to the pipe of the question before comes first
            say("late", held)
            say("second")
        elif data == "twice":          # opened once: a second time it might be the pipe of the next question already
            with open(PIPE, "w") as pipe:
                say("one", pipe)
                say("late", pipe)
        elif data == "half":
            with open(PIPE, "w") as pipe:
                pipe.write(json.dumps({"result": "one"}) + "\\n" + '{"result": "')
        elif data == "gone":
            os.unlink(PIPE)
            say("to nobody")
        elif data == "keeps":          # never opens it again
            say("at last", held)
        else:
            say(data)
"""


def test_a_document_on_the_pipe_of_an_earlier_question_is_never_an_answer(start: Start) -> None:
    server = start(LATE)
    for _ in range(3):
        assert value(server.call(b'"holds"')) == "first"
        assert value(server.call(b'"plain"')) == "plain"
        number = server.submit(b'"late"')
        assert value(server.answer(number)) == "second"
        assert value(server.call(b'"twice"')) == "one"
        assert value(server.call(b'"half"')) == "one"
    assert value(server.call(b'"plain"')) == "plain"


def test_whoever_answers_on_a_pipe_of_long_ago_is_told_why_nobody_hears_it(start: Start) -> None:
    server = start(LATE)
    assert value(server.call(b'"holds"')) == "first"
    assert value(server.call(b'"plain"')) == "plain"
    number = server.submit(b'"keeps"')
    assert b"the pipe of an earlier question" in server.expect(Kind.LOG, number=number).body
    server.cancel(number)
    assert server.answer(number).kind is Kind.STOPPED


def test_a_pipe_that_an_algorithm_has_deleted_is_there_for_the_next_question(start: Start) -> None:
    server = start(LATE)
    number = server.submit(b'"gone"')
    server.cancel(number, "timed_out")
    assert server.answer(number).kind is Kind.STOPPED
    assert value(server.call(b'"plain"')) == "plain"


PRINTS_BETWEEN = """
    import json, sys, threading
    asked = threading.Semaphore(0)

    def talk():
        while True:
            asked.acquire()
            for number in range(20_000):
                print("between", number)
            open("done", "w").close()

    threading.Thread(target=talk, daemon=True).start()
    def apply(input):
        import os, time
        if input == "start":
            asked.release()
            return os.getcwd()
        return "heard"
"""


def test_what_is_printed_between_two_jobs_is_read_and_no_jobs_log(start: Start) -> None:
    server = start(PRINTS_BETWEEN)
    done = Path(value(server.call(b'"start"'))) / "done"
    until = time.monotonic() + PATIENCE
    while not done.exists():  # all of it is more than the pipe holds
        assert time.monotonic() < until, "it waits for somebody to read what it prints"
        time.sleep(0.01)
    number = server.submit(b'"again"')
    assert value(server.answer(number)) == "heard"
    assert log(server, number, "stdout") == ""
    told = server.stdout.read_text()
    assert "between 5000\n" in told
    assert "… what it goes on to print before its next job is not kept\n" in told
    assert len(told) < 100_000


@pytest.mark.parametrize(("given", "name"), [({}, "ValueError"), ({"class": 1}, "src.Hello.KeyboardError")])
def test_an_exception_without_a_message_is_told_by_its_class(given: dict[str, Any], name: str, start: Start) -> None:
    frame = call(start(LEGACY), do="wordless", **given)
    assert (frame.meta["message"], frame.meta["type"]) == (f"{name} was raised without a message.", "AlgorithmError")
    assert frame.meta["traceback"].rstrip().endswith(name)


# -- what it may keep -----------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large_can_not_be_written(start: Start) -> None:
    server = start(LEGACY, limit=1_000_000)
    frame = call(server, do="keep", path="/tmp/large", size=2_000_000)
    assert frame.meta["message"] == "[Errno 27] File too large"
    assert value(server.call(b"1")) == 1


def test_an_algorithm_that_keeps_too_much_is_answered_for_and_begins_anew(start: Start) -> None:
    server = start(LEGACY, limit=1_000_000)

    def is_new(frame: Frame) -> bool:
        return frame.kind is Kind.RESULT and (value(frame) or [])[1:] == [["x"], "x", "x", "x"]

    for turn in range(10):
        frames = [call(server, do="keep", path=f"/tmp/{turn}-{number}", size=600_000) for number in range(3)]
        until = time.monotonic() + PATIENCE
        while not is_new(frames[-1]):
            assert time.monotonic() < until, "nobody has measured it"
            frames.append(call(server, do="remember", what="x"))
        if all(frame.kind is Kind.RESULT for frame in frames):
            return  # else it lasted until the next look, within a job that the machine stood still in
    pytest.fail("it was never ended between two jobs")


def test_an_algorithm_that_fills_its_tmp_within_a_job_is_ended(start: Start) -> None:
    server = start(LEGACY, limit=1_000_000)
    frame = call(server, do="keep-and-wait")
    assert (frame.kind, frame.meta["type"]) == (Kind.ERROR, "SystemError")
    assert "may keep 1,000,000" in frame.meta["message"]
    assert value(server.call(b"1")) == 1


# -- loading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message", "trace"),
    [
        (
            "import missing_package",
            "LoadingError: ModuleNotFoundError: No module named 'missing_package'",
            'File "src/Hello.py", line 1',
        ),
        ("x = 1", "LoadingError: src/Hello.py has no function `apply`, and does not end by calling", ""),
        (
            "import sys\nprint('why', file=sys.stderr)\nsys.exit(4)",
            "LoadingError: The algorithm exited with code 4 while",
            "why",
        ),
        (FAILS_TO_LOAD, "LoadingError: no model", "there"),
    ],
)
def test_a_module_that_cannot_be_loaded_makes_the_worker_unfit(
    source: str, message: str, trace: str, start: Start
) -> None:
    server = start(source, ready=False)
    frame = server.expect(Kind.UNFIT)
    assert frame.meta["message"].startswith(message)
    assert trace in frame.meta["traceback"]
    assert server.wait() == 70


def test_loading_that_fails_within_a_job_is_told_to_its_caller(start: Start, server: FakeServer) -> None:
    mark = server.folder / "bundle" / "mark"  # which is one of the few places that both children see
    server = start(
        f"""
        import os
        if os.path.exists({str(mark)!r}):
            raise RuntimeError("no second time")
        open({str(mark)!r}, "w").close()
        def apply(input): return input
        """
    )
    assert value(server.call(b"1")) == 1
    frame = server.answer(server.submit(b"2", account="acc_2"))
    assert (frame.meta["type"], frame.meta["message"]) == ("LoadingError", "RuntimeError: no second time")


# -- whose child it is ----------------------------------------------------------------------------------------------------


def test_a_child_keeps_what_it_has_for_one_account_and_nothing_of_it_for_another(start: Start) -> None:
    server = start(LEGACY)
    first = value(call(server, do="remember", what="a"))
    assert first[1:] == [["a"], "a", "a", "a"]
    assert value(call(server, do="remember", what="b")) == [first[0], ["a", "b"], "ab", "ab", "ab"]
    other = value(call(server, "acc_2", do="remember", what="c"))
    assert other[0] != first[0]
    assert other[1:] == [["c"], "c", "c", "c"]
    assert value(call(server, do="remember", what="d"))[1:] == [["d"], "d", "d", "d"]


def test_nothing_that_one_account_left_running_is_there_for_another(start: Start) -> None:
    server = start(LEGACY)
    child = value(call(server, do="stray"))
    strays = [process for process in children(server) if process.pid != child]
    until = time.monotonic() + PATIENCE
    while len(strays) != 1 and time.monotonic() < until:  # the middle one of the three ends by itself
        strays = [each for each in children(server) if each.pid != child and each.status() != psutil.STATUS_ZOMBIE]
    assert len(strays) == 1
    assert value(server.answer(server.submit(b"1", account="acc_2"))) == 1
    assert not any(psutil.pid_exists(each.pid) for each in strays)


def test_a_child_that_died_between_two_jobs_costs_neither(start: Start) -> None:
    server = start(LEGACY)
    assert value(server.call(b"1")) == 1
    (child,) = children(server)
    child.send_signal(signal.SIGKILL)
    until = time.monotonic() + PATIENCE
    while child.status() != psutil.STATUS_ZOMBIE:  # nobody has taken note of its end
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.005)
    assert value(server.call(b"2")) == 2


def test_a_child_knows_the_address_and_the_secrets_and_no_key_but_them(start: Start) -> None:
    environ = value(call(start(LEGACY), do="environ"))
    secret = address_secret("the-token", UNCLAIMED)
    assert environ["ALGORITHMIA_API"] == f"http://127.0.0.1:9/algorithmia/w/wkr_1.{secret}"
    assert "the-token" not in environ.values()
    assert environ["A_SECRET"] == "of the owner"
    assert environ["PYTHONUNBUFFERED"] == "1"
    assert (
        not {"ALGORITHMIA_API_KEY", "ALGORITHMIA_BEARER_TOKEN", "TRIVET_WORKER_TOKEN", "TRIVET_LINK"} & environ.keys()
    )


def test_a_child_ends_with_its_worker(start: Start) -> None:
    server = start(LEGACY)
    (child,) = children(server)
    assert server.process is not None
    server.process.kill()
    assert psutil.wait_procs([child], PATIENCE)[1] == []


def test_a_worker_that_drains_ends_its_child(start: Start) -> None:
    server = start(SERVES)
    (child,) = children(server)
    server.say(Kind.DRAIN)
    server.expect(Kind.BYE)
    assert server.wait() == 0
    assert not psutil.pid_exists(child.pid)


# -- a /tmp of its own ----------------------------------------------------------------------------------------------------

LISTS = """
    import os
    def apply(input):
        open("/tmp/of-the-algorithm", "w").close()
        return [os.path.exists("/tmp/algoout"), os.path.exists("/tmp/of-the-algorithm"), os.path.exists(input)]
"""
RUN = """
import json, os, sys
from trivet.worker.algorithms import runner
{before}
runner.main(runner.Plan(os.getppid(), *sys.argv[1:]))
"""
REFUSED = """
def refused(folder, kept):
    raise OSError("not here")
runner.make_private = refused
"""
SHARED = "It shares /tmp, as it can have none of its own here (not here)."
UNPRIVILEGED = """
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
"""


def test_the_workers_log_says_what_tmp_the_algorithm_has(start: Start) -> None:
    assert "The algorithm is loaded. It " in start(LEGACY).stderr.read_text()


def run_alone(folder: Path, source: str, before: str) -> tuple[str, Any]:
    """Runs a child without a supervisor: how its ``/tmp`` was made private, and what it answered to this folder's name."""
    code, tmp = folder / "code" / "src", folder / "tmp"
    for each in (code, tmp):
        each.mkdir(parents=True)
        each.chmod(0o777)
    (code / "Lists.py").write_text(textwrap.dedent(source))
    os.mkfifo(tmp / "algoout")
    (tmp / "algoout").chmod(0o666)
    pipe = os.open(tmp / "algoout", os.O_RDWR)
    try:
        finished = subprocess.run(
            [sys.executable, "-B", "-c", RUN.format(before=before), str(code.parent), str(code.parent), "src/Lists.py", str(tmp)],
            input=json.dumps({"content_type": "text", "data": str(folder)}) + "\n",
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        own, answer = os.read(pipe, 65536).splitlines()
    finally:
        os.close(pipe)
    return json.loads(own)["trivet"]["tmp"], json.loads(answer)["result"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter, in ``/tmp`` itself."""
    with tempfile.TemporaryDirectory(prefix="trv", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def has_namespaces() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="this user may not make a mount namespace")
def test_what_is_written_to_tmp_stays_in_the_lodging_and_what_else_lies_there_is_not_seen(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="trv", dir="/tmp") as foreign:
        source = LISTS.replace("os.path.exists(input)", f"os.path.exists(input), os.path.exists({foreign!r})")
        assert run_alone(folder, source, "") == (
            "It has a /tmp of its own, in a mount namespace.",
            [True, True, True, False],
        )
    assert (folder / "tmp" / "of-the-algorithm").exists()
    assert not Path("/tmp/of-the-algorithm").exists()


def test_where_tmp_cannot_be_private_the_pipe_is_found_all_the_same(folder: Path) -> None:
    try:
        way, answer = run_alone(folder, LISTS, REFUSED)
        assert way == SHARED
        assert answer == [True, True, True]
    finally:
        Path("/tmp/of-the-algorithm").unlink(missing_ok=True)


def test_a_module_that_serves_finds_the_redirected_pipe_as_well(folder: Path) -> None:
    assert run_alone(folder, SERVES, REFUSED) == (SHARED, str(folder))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can try what others may")
def test_without_privileges_a_user_namespace_does_the_same_or_the_pipe_is_redirected(folder: Path) -> None:
    try:
        way, answer = run_alone(folder, LISTS, UNPRIVILEGED)
        assert way == "It has a /tmp of its own, in a user namespace." or way.startswith("It shares /tmp")
        assert answer == [True, True, True]
        assert Path("/tmp/of-the-algorithm").exists() == way.startswith("It shares /tmp")
    finally:
        Path("/tmp/of-the-algorithm").unlink(missing_ok=True)
