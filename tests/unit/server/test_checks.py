"""Checks of large inputs in processes of their own."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from trivet.platform.core.errors import FieldError, InvalidInput, InvalidJson, Unavailable
from trivet.platform.core.payloads import Payload
from trivet.platform.server import checker
from trivet.platform.server.checks import HUGE, Checks
from trivet.platform.wire import verdicts
from trivet.platform.wire.documents import LOOSE_JSON
from trivet.platform.wire.schemas import compile_schema

NUMBERS = {"type": "array", "items": {"type": "integer"}}
LONG = 60.0


def numbers(size: int, last: bytes = b"1") -> Payload:
    return Payload.inline(b"[" + b"1," * (size // 2) + last + b"]")


def loose(size: int) -> Payload:
    """What Python alone takes for JSON."""
    return replace(numbers(size, b"NaN"), content_type=LOOSE_JSON)


FEW = Payload.inline(b"[1,2,3]")
"""What a pipe holds, whether it is read or not."""
MUCH = numbers(HUGE - 10)
"""More than a pipe holds: it is written only as far as it is read."""


def check(scene: Callable[[Checks], Awaitable[None]]) -> None:
    """Plays a scene with checks that begin no process until they are asked, and end it."""

    async def whole() -> None:
        checks = Checks(LONG)
        try:
            async with asyncio.timeout(LONG):
                await scene(checks)
        finally:
            await checks.close()

    asyncio.run(whole())


@pytest.mark.parametrize("size", [100_000, HUGE + 1])
def test_what_fits_is_let_through_and_the_rest_is_told_as_it_is_told_here(size: int) -> None:
    async def scene(checks: Checks) -> None:
        await checks(NUMBERS, numbers(size))
        await checks(None, numbers(size))
        await checks(None, loose(size))
        await checks(NUMBERS, Payload.stored("blob", size, "application/json"))
        with pytest.raises(InvalidJson):
            await checks(None, replace(numbers(size), content_type=LOOSE_JSON))
        for wrong in (
            numbers(size, b'"one"'),
            Payload.inline(b"[" * size),
            Payload.inline(b"\xff" * size, "text/plain; charset=utf-8"),
        ):
            with pytest.raises((InvalidInput, InvalidJson)) as here:
                compile_schema(NUMBERS)(wrong)
            with pytest.raises(type(here.value)) as there:
                await checks(NUMBERS, wrong)
            assert (there.value.detail, there.value.hint) == (here.value.detail, here.value.hint)
            assert getattr(there.value, "errors", ()) == getattr(here.value, "errors", ())

    check(scene)


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """From now on it is busy with whatever it is asked."""
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)


def test_the_loop_goes_on_meanwhile_and_what_is_large_does_not_wait_for_what_is_huge() -> None:
    async def scene(checks: Checks) -> None:
        await checks(NUMBERS, numbers(HUGE + 1))
        process = checks._huge._process
        stop(process)
        huge = asyncio.ensure_future(checks(NUMBERS, numbers(HUGE + 1)))
        await checks(NUMBERS, numbers(100_000))
        assert not huge.done()
        assert process is not None
        os.kill(process.pid, signal.SIGCONT)
        await huge

    check(scene)


@pytest.mark.parametrize("payload", [FEW, MUCH], ids=["it does not answer", "it does not read"])
def test_a_check_that_takes_too_long_is_refused_and_the_next_one_is_made(
    payload: Payload, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(checks: Checks) -> None:
        await checks(NUMBERS, FEW)
        stop(checks._large._process)
        checks._large._longest = 0.2
        with pytest.raises(InvalidInput, match="can't be checked") as refused:
            await checks(NUMBERS, payload)
        assert refused.value.errors == (FieldError("", "Takes too much to be checked."),)
        assert "Send it in parts" in refused.value.hint
        checks._large._longest = LONG
        await checks(NUMBERS, FEW)

    check(scene)
    assert ["could not be checked within 0.2 seconds" in record.message for record in caplog.records] == [True]


def test_a_process_that_stops_within_its_answer_is_not_waited_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    says_half = "import sys, time; print('{', end='', flush=True); time.sleep(600)"
    monkeypatch.setattr("trivet.platform.server.checks._PROGRAM", (sys.executable, "-c", says_half))

    async def scene(checks: Checks) -> None:
        checks._large._longest = 0.5
        with pytest.raises(InvalidInput, match="can't be checked"):
            await checks(NUMBERS, FEW)

    check(scene)


def test_a_process_that_died_is_replaced() -> None:
    async def scene(checks: Checks) -> None:
        await checks(NUMBERS, numbers(100_000))
        process = checks._large._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        await checks(NUMBERS, numbers(100_000))
        assert checks._large._process is not process

    check(scene)


@pytest.mark.parametrize("payload", [FEW, MUCH], ids=["while it answers", "while it reads"])
def test_a_stop_ends_what_is_being_checked_and_leaves_no_process(payload: Payload) -> None:
    async def scene(checks: Checks) -> None:
        await checks(NUMBERS, FEW)
        process = checks._large._process
        stop(process)
        busy = asyncio.ensure_future(checks(NUMBERS, payload))
        await asyncio.sleep(0)
        await checks.close()
        with pytest.raises(Unavailable, match="shutting down"):
            await busy
        with pytest.raises(Unavailable):
            await checks(NUMBERS, numbers(100_000))
        assert process is not None
        assert process.poll() is not None

    check(scene)


def ask(*questions: tuple[verdicts.Question, bytes]) -> list[verdicts.Verdict]:
    """What the program answers, in this process."""
    sent = b"".join(verdicts.encode(question) + b"\n" + data for question, data in questions)
    answers = io.BytesIO()
    checker.serve(io.BytesIO(sent), answers)
    return [verdicts.read_verdict(line) for line in answers.getvalue().splitlines()]


def test_the_program_answers_one_question_after_the_other_until_there_are_none() -> None:
    json = "application/json"
    found = ask(
        (verdicts.Question(NUMBERS, json, 3), b"[1]"),
        (verdicts.Question(NUMBERS, json, 5), b'["a"]'),
        (verdicts.Question(None, json, 1), b"["),
        (verdicts.Question(None, json, 9), b"cut"),
    )
    assert [verdict.code for verdict in found] == [None, "invalid_input", "invalid_json"]
    assert found[1].faults[0].path == "/0"


def test_a_fault_of_the_check_itself_is_no_fault_of_the_input() -> None:
    (verdict,) = ask((verdicts.Question({"type": "nothing"}, "application/json", 1), b"1"))
    with pytest.raises(RuntimeError, match="could not be checked"):
        verdict.tell()
