"""OpenAI's shapes: what a call becomes, how pieces become frames, and what the errors of workers say. Pure, byte for byte."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dialects.runpod.test_translate import FAILED, RUNNING
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import Job, JobError, JobStatus
from trivet.platform.dialects.runpod.openai_shapes import Fault, Frames, answer_in, fault_of, read_call, refused

ADVICE = "The job failed."

# -- calls --------------------------------------------------------------------------------------------------------------


def test_a_call_is_the_route_and_the_body_byte_for_byte() -> None:
    asked = read_call("/v1/chat/completions", b' { "model" : "m", "temperature": 1.50 } ')
    wanted = b'{"openai_route":"/v1/chat/completions","openai_input":{ "model" : "m", "temperature": 1.50 }}'
    assert (asked.payload.data, asked.payload.size, asked.streams) == (wanted, len(wanted), False)


def test_no_body_is_an_empty_object() -> None:
    assert read_call("/v1/models", b"").payload.data == b'{"openai_route":"/v1/models","openai_input":{}}'


@given(route=st.text(min_size=1))
def test_whatever_a_route_holds_it_stays_a_text(route: str) -> None:
    data = read_call(route, b"{}").payload.data
    assert data is not None
    assert json.loads(data) == {"openai_route": route, "openai_input": {}}


@pytest.mark.parametrize(("value", "streams"), [("true", True), ("false", False), ("null", False)])
def test_a_stream_is_what_asks_for_one(value: str, streams: bool) -> None:
    assert read_call("/v1/x", f'{{"stream": {value}}}'.encode()).streams is streams


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"{", b"{} {}", b"a=b", b'{"stream": "yes"}', b'{"stream": 1}'])
def test_what_is_no_call_is_refused_with_what_to_send(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        read_call("/v1/x", body)
    assert caught.value.hint or "true or false" in caught.value.detail


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (b'[{ "a" : 1.50 }]', b'{ "a" : 1.50 }'),
        (b'{"a":1}', b'{"a":1}'),
        (b"[1,2]", b"[1,2]"),
        (b"[]", b"[]"),
        (b"", b"null"),
        (b'["x"]', b'"x"'),
    ],
)
def test_a_list_of_one_is_answered_as_that_one(output: bytes, answer: bytes) -> None:
    assert answer_in(output) == answer


# -- streams ------------------------------------------------------------------------------------------------------------


@given(text=st.text(min_size=1), cuts=st.lists(st.integers(0, 50), max_size=5))
def test_texts_come_out_as_the_worker_cut_them(text: str, cuts: list[int]) -> None:
    frames, places = Frames(), [0, *sorted(cuts), len(text)]
    parts = [text[a:b] for a, b in pairwise(places)]
    written = [frames.piece("", json.dumps(part).encode()) for part in parts]
    assert b"".join(written) == "".join(parts).encode()
    if "".join(parts):
        assert frames.end() == b""


def test_half_of_a_surrogate_pair_breaks_no_stream() -> None:
    assert Frames().piece("", b'"a\\ud83d"') == b"a?"


def test_objects_and_the_items_of_lists_are_frames_and_the_end_is_marked() -> None:
    frames = Frames()
    assert frames.piece("", b'{"a": 1}') == b'data: {"a": 1}\n\n'
    assert frames.piece("application/json", b'[{"b":2},3]') == b'data: {"b":2}\n\ndata: 3\n\n'
    assert frames.end() == b"data: [DONE]\n\n"


def test_json_on_several_lines_stays_one_frame() -> None:
    assert Frames().piece("", b'{\n"a":\r\n1}') == b'data: {\ndata: "a":\ndata: 1}\n\n'


def test_bytes_are_passed_on_as_they_are() -> None:
    assert Frames().piece("text/event-stream", b"data: x\n\n") == b"data: x\n\n"


def test_nothing_at_all_is_an_end_alone() -> None:
    frames = Frames()
    assert frames.is_empty
    assert frames.end() == b"data: [DONE]\n\n"


@pytest.mark.parametrize(("raw", "is_whole"), [("data: x\n\n", True), ("data: x\r\n\r\n", True), ("data: x\n", False)])
def test_neither_a_comment_nor_an_error_falls_into_a_frame(raw: str, is_whole: bool) -> None:
    frames = Frames()
    for letter in raw:
        frames.piece("", json.dumps(letter).encode())
    assert frames.ping() == (b": ping\n\n" if is_whole else b"")
    gap = b"" if is_whole else b"\n\n"
    assert frames.error(Fault(500, "no", "worker_error")).startswith(gap + b'data: {"error":')
    assert frames.ping() == b": ping\n\n"


# -- errors -------------------------------------------------------------------------------------------------------------


def failed(message: str, **error: Any) -> Job:
    return replace(FAILED, error=JobError("handler_error", message, **error))


UPSTREAM = {"message": 'it\'s "too" long\n\tä', "type": "BadRequestError", "param": None, "code": 400}


@pytest.mark.parametrize(
    "text",
    [
        str(UPSTREAM),
        str({"object": "error", **UPSTREAM}),
        str({"error": UPSTREAM}),
        json.dumps(UPSTREAM),
        json.dumps({"error": UPSTREAM}),
    ],
)
def test_what_a_worker_says_in_openais_shape_is_told_with_its_status(text: str) -> None:
    assert fault_of(failed(text), ADVICE) == Fault(400, UPSTREAM["message"], "BadRequestError", 400)  # type: ignore[arg-type]  # a text


@given(message=st.text(min_size=1), kind=st.text(min_size=1, max_size=200))
def test_whatever_python_writes_of_a_dict_is_read_back(message: str, kind: str) -> None:
    fault = fault_of(failed(str({"message": message, "type": kind, "code": "over"})), ADVICE)
    assert fault == Fault(500, message, kind, "over")


@pytest.mark.parametrize("code", [200, 399, 600, 0, -1, True, None, "400"])
def test_a_code_that_is_no_status_of_an_error_is_no_status(code: object) -> None:
    assert fault_of(failed(str({"message": "no", "code": code})), ADVICE).status == 500


@pytest.mark.parametrize(
    "text",
    ["{", "{'message'", "{'message': }", "{'message': ''}", '{"message": 5}', "{'a': 'message'}", "[]", "{" * 5000],
)
def test_what_only_looks_like_it_stays_a_text(text: str) -> None:
    assert fault_of(failed(text), ADVICE) == Fault(500, f"{text} {ADVICE}", "worker_error")


@given(text=st.text("{}[]':\\, messagetypcod0x", max_size=60))
def test_no_text_of_a_worker_breaks_the_reading(text: str) -> None:
    assert fault_of(failed("{" + text), ADVICE).status == 500


@pytest.mark.parametrize("part", ["'", '"', "\\'", "'message': '", "'code': \"", " ", "\n", "'\\", "{", '{"'])
def test_no_text_of_a_worker_takes_long_to_read(part: str) -> None:
    began = time.process_time()
    fault_of(failed("{" + part * (64 * 1024 // len(part))), ADVICE)
    assert time.process_time() - began < 5.0


def test_an_exception_is_told_without_its_traceback() -> None:
    assert fault_of(FAILED, ADVICE) == Fault(500, f"ValueError: no {ADVICE}", "worker_error")
    text = (
        'handler: no good \ntraceback: Traceback (most recent call last):\n  File "handler.py", line 1\nValueError: no'
    )
    assert fault_of(failed(text), ADVICE) == Fault(500, f"no good {ADVICE}", "worker_error")


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (
            JobStatus.TIMED_OUT,
            JobError("execution_timeout", "It took too long.", hint="Raise it."),
            Fault(504, f"It took too long. {ADVICE}", "worker_error", "execution_timeout"),
        ),
        (
            JobStatus.FAILED,
            JobError("worker_lost", "It was lost."),
            Fault(500, f"It was lost. {ADVICE}", "worker_error", "worker_lost"),
        ),
        (JobStatus.CANCELLED, None, Fault(409, ADVICE, "worker_error", "job_cancelled")),
    ],
)
def test_what_the_platform_says_of_a_job_has_its_code(status: JobStatus, error: JobError | None, fault: Fault) -> None:
    assert fault_of(replace(RUNNING, status=status, error=error), ADVICE) == fault


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (429, "rate_limit_error"),
        (503, "server_error"),
    ],
)
def test_a_refusal_has_the_type_that_openai_gives_it(status: int, kind: str) -> None:
    fault = refused(status, "code", "text")
    assert json.loads(fault.document()) == {"error": {"message": "text", "type": kind, "param": None, "code": "code"}}
