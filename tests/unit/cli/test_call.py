from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import FAILURE, Exchange, Server, accepted, job

SUBMIT = "/endpoints/admin/hello/submit"
RESULT = "/jobs/job_1/result"


def answers(server: Server, output: object) -> None:
    server.on("POST", SUBMIT, accepted(job()))
    server.on("GET", RESULT, lambda it: it.output(output))


def pieces(server: Server, *values: object, end: str = "succeeded", **more: object) -> None:
    def stream(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        for number, value in enumerate(values, start=1):
            exchange.event("piece", value, number)
        exchange.event("end", job(end, **more))
        exchange.end()

    server.on("POST", "/endpoints/admin/hello/stream", stream)


def test_the_output_stands_alone_on_stdout(trivet: Trivet, logged_in: Server) -> None:
    answers(logged_in, {"text": "Zoë", "n": [1, 2.5]})
    result = trivet("call", "admin/hello", '{"name": "Bond"}')
    assert (result.exit_code, result.stdout, result.stderr) == (0, '{"text":"Zoë","n":[1,2.5]}\n', "")
    assert json.loads(logged_in.seen[0].body) == {"name": "Bond"}


def test_a_text_is_printed_as_it_is_and_as_json_if_asked(trivet: Trivet, logged_in: Server) -> None:
    answers(logged_in, "Hello Bond")
    assert trivet("call", "admin/hello", "1").stdout == "Hello Bond\n"
    assert trivet("call", "admin/hello", "1", "--json").stdout == '"Hello Bond"\n'


def test_binary_output_is_raw_and_in_base64_under_json(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on("GET", RESULT, lambda it: it.answer(200, b"\x00\xff", Content_Type="image/png", Trivet_Job_Id="job_1"))
    result = trivet("call", "admin/hello")
    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, b"\x00\xff", "")
    assert json.loads(trivet("call", "admin/hello", "--json").stdout) == {"base64": "AP8="}


def test_a_file_travels_with_its_content_type(trivet: Trivet, logged_in: Server, tmp_path: Path) -> None:
    answers(logged_in, 1)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    assert trivet("call", "admin/hello", f"@{tmp_path / 'photo.jpg'}").exit_code == 0
    assert logged_in.seen[0].headers["content-type"] == "image/jpeg"
    assert logged_in.seen[0].body == b"\xff\xd8"


def test_standard_input_is_taken(trivet: Trivet, logged_in: Server) -> None:
    answers(logged_in, 1)
    trivet("call", "admin/hello", "-", input='{"name": "Bond"}')
    assert json.loads(logged_in.seen[0].body) == {"name": "Bond"}


@pytest.mark.parametrize(
    ("options", "output", "shown"), [((), "Hello", "Hello\n"), (("--json",), {"n": 1}, '{"n":1}\n'), ((), [], "")]
)
def test_a_stream_without_pieces_ends_with_the_whole_output(
    trivet: Trivet, logged_in: Server, options: tuple[str, ...], output: object, shown: str
) -> None:
    pieces(logged_in)
    logged_in.on("GET", RESULT, lambda it: it.output(output))
    result = trivet("call", "admin/hello", "1", "--stream", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (0, shown, "")


def test_plain_text_is_wrong_usage_and_nothing_is_sent(trivet: Trivet, logged_in: Server) -> None:
    result = trivet("call", "admin/hello", "Bond")
    assert result.exit_code == 2
    assert """'"Bond"'""" in result.stderr
    assert logged_in.seen == []


def test_a_version_may_be_asked_for(trivet: Trivet, logged_in: Server) -> None:
    answers(logged_in, 1)
    trivet("call", "admin/hello", "1", "--version", "^1.2")
    assert logged_in.seen[0].query["version"] == "^1.2"


def test_a_failed_job_shows_the_authors_traceback_and_is_status_1(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on(
        "GET", RESULT, lambda it: it.problem(500, "job_failed", detail="It failed.", error=FAILURE, job_id="job_1")
    )
    result = trivet("call", "admin/hello", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "File main.py, line 3" in result.stderr
    assert "Error: It failed." in result.stderr


def test_an_input_that_misses_the_schema_names_the_field(trivet: Trivet, logged_in: Server) -> None:
    faults = [{"path": "/times", "message": "is not a number"}]
    logged_in.on("POST", SUBMIT, lambda it: it.problem(422, "invalid_input", detail="It does not fit.", errors=faults))
    result = trivet("call", "admin/hello", "1")
    assert result.exit_code == 1
    assert "/times: is not a number" in result.stderr


def test_submit_prints_the_id_alone(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", SUBMIT, accepted(job()))
    result = trivet("call", "admin/hello", "1", "--submit")
    assert (result.exit_code, result.stdout) == (0, "job_1\n")
    assert "trivet jobs show job_1" in result.stderr
    assert json.loads(trivet("call", "admin/hello", "1", "--submit", "--json").stdout)["status"] == "queued"


def test_submit_and_stream_contradict_each_other(trivet: Trivet, logged_in: Server) -> None:
    assert trivet("call", "admin/hello", "1", "--submit", "--stream").exit_code == 2


def test_a_call_that_takes_too_long_is_cancelled(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on("GET", RESULT, lambda it: it.json(job("running"), 202))
    logged_in.on(
        "POST",
        "/jobs/job_1/cancel",
        lambda it: it.json({"job": job("cancelled"), "cancelled": True, "detail": "Done."}),
    )
    result = trivet("call", "admin/hello", "1", "--timeout", "0.05")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not done after 0.05 s. It was cancelled." in result.stderr
    assert logged_in.seen[0].query["timeout"] == "0.050"


def test_a_job_that_ends_when_its_time_is_up_is_told_as_it_ended(trivet: Trivet, logged_in: Server) -> None:
    ended = False

    def result(exchange: Exchange) -> None:
        exchange.output("in time") if ended else exchange.json(job("running"), 202)

    def cancel(exchange: Exchange) -> None:
        nonlocal ended
        ended = True
        exchange.json({"job": job("succeeded"), "cancelled": False, "detail": "It had ended already."})

    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on("GET", RESULT, result)
    logged_in.on("POST", "/jobs/job_1/cancel", cancel)
    logged_in.on("GET", "/jobs/job_1", lambda it: it.json(job("succeeded")))
    called = trivet("call", "admin/hello", "1", "--timeout", "0.05")
    assert (called.exit_code, called.stdout) == (0, "in time\n"), called.stderr


def test_a_lost_worker_leaves_its_last_lines_and_the_jobs_id(trivet: Trivet, logged_in: Server) -> None:
    failure = {"code": "worker_lost", "message": "The worker exited with status 3.", "worker_log": ["last", "words"]}
    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on(
        "GET",
        RESULT,
        lambda it: it.problem(500, "job_failed", detail="It failed.", hint="Read.", job_id="job_1", error=failure),
    )
    called = trivet("call", "admin/hello", "1")
    assert called.exit_code == 1
    assert called.stderr.startswith("last\nwords\nError: It failed.")
    assert "trivet jobs explain job_1" in called.stderr


def test_pieces_of_text_are_joined(trivet: Trivet, logged_in: Server) -> None:
    pieces(logged_in, "Hello ", "", "Bond")
    assert trivet("call", "admin/hello", "1", "--stream").stdout == "Hello Bond\n"
    assert trivet("call", "admin/hello", "1", "--stream", "--json").stdout == '"Hello "\n""\n"Bond"\n'


def test_pieces_that_are_no_text_are_one_json_a_line(trivet: Trivet, logged_in: Server) -> None:
    pieces(logged_in, {"a": 1}, "text", 2)
    assert trivet("call", "admin/hello", "1", "--stream").stdout == '{"a":1}\n"text"\n2\n'


def test_other_pieces_after_a_text_begin_a_new_line(trivet: Trivet, logged_in: Server) -> None:
    pieces(logged_in, "text", 2, "more")
    assert trivet("call", "admin/hello", "1", "--stream").stdout == 'text\n2\n"more"\n'


def test_binary_pieces_are_raw(trivet: Trivet, logged_in: Server) -> None:
    pieces(logged_in, {"base64": "AP8=", "type": "audio/wav"}, {"base64": "AQ==", "type": "audio/wav"})
    assert trivet("call", "admin/hello", "1", "--stream").stdout_bytes == b"\x00\xff\x01"


def test_a_stream_that_fails_shows_what_came_before(trivet: Trivet, logged_in: Server) -> None:
    pieces(logged_in, "Hello ", end="failed", error=FAILURE)
    result = trivet("call", "admin/hello", "1", "--stream")
    assert (result.exit_code, result.stdout) == (1, "Hello \n")
    assert "no such name" in result.stderr


def test_ctrl_c_cancels_the_job(logged_in: Server) -> None:
    waited_for = threading.Event()

    def hold(exchange: Exchange) -> None:
        waited_for.set()
        exchange.hold()

    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on("GET", RESULT, hold)
    logged_in.on(
        "POST",
        "/jobs/job_1/cancel",
        lambda it: it.json({"job": job("cancelled"), "cancelled": True, "detail": "Done."}),
    )
    command = [sys.executable, "-m", "trivet.cli", "call", "admin/hello", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        try:
            assert waited_for.wait(30)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == b""
    assert b"The job job_1 was cancelled." in err
    assert b"Traceback" not in err
    assert logged_in.seen[-1].path == "/api/v1/jobs/job_1/cancel"


def test_a_terminal_shows_the_progress_that_the_job_tells(logged_in: Server) -> None:
    def events(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event("job", job("running"))
        exchange.event("progress", {"fraction": 0.5, "message": "halfway [there]"})
        exchange.event("end", job("succeeded"))
        exchange.end()

    answers(logged_in, {"done": True})
    logged_in.on("GET", "/jobs/job_1/events", events)
    terminal, stderr = pty.openpty()
    try:
        command = [sys.executable, "-m", "trivet.cli", "call", "admin/hello", "1"]
        environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, env=environ, timeout=60, check=False)
        shown = os.read(terminal, 65536).decode()
    finally:
        os.close(terminal)
        os.close(stderr)
    assert (done.returncode, done.stdout) == (0, b'{"done":true}\n')
    assert "halfway [there]" in shown
    assert "50%" in shown


def test_binary_output_is_kept_from_a_terminal(logged_in: Server) -> None:
    logged_in.on("POST", SUBMIT, accepted(job()))
    logged_in.on("GET", RESULT, lambda it: it.answer(200, b"\x1b\xff", Content_Type="image/png", Trivet_Job_Id="job_1"))
    terminal, stdout = pty.openpty()
    try:
        command = [sys.executable, "-m", "trivet.cli", "call", "admin/hello", "1"]
        environ = {**os.environ, "TERM": "xterm"}
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=environ, timeout=60, check=False)
    finally:
        os.close(terminal)
        os.close(stdout)
    assert done.returncode == 1
    assert b"trivet call \xe2\x80\xa6 > FILE" in done.stderr
