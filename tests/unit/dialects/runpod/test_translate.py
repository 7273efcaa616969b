"""RunPod's words: bodies to calls, jobs to documents. Pure, byte for byte."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.calls import CallOptions
from trivet.platform.core.errors import BadRequest
from trivet.platform.core.jobs import EventKind, Job, JobError, JobEvent, JobPolicy, JobStatus, Priority, Progress
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import CancelOutcome, Explanation, JobView
from trivet.platform.dialects.runpod import translate

USUAL = CallOptions(usual_retention=1800.0, webhook_format="runpod")
T = 1_790_000_000.0

QUEUED = Job("job_1", "endpoint1", "ver_1", "acc_1", Payload.inline(b"1"), JobPolicy(), created_at=T)
RUNNING = replace(QUEUED, status=JobStatus.RUNNING, attempt=1, worker_id="wrk_1", started_at=T + 0.8121)
DONE = replace(RUNNING, status=JobStatus.SUCCEEDED, finished_at=T + 4.2, output=Payload.inline(b'{ "any" : 1.50 }'))
FAILED = replace(
    DONE, status=JobStatus.FAILED, output=None, error=JobError("handler_error", "no", "ValueError", "Trace")
)
EXPIRED = replace(
    QUEUED, status=JobStatus.TIMED_OUT, finished_at=T, error=JobError("ttl_expired", "Late.", hint="Wait.")
)


def view(job: Job) -> JobView:
    return JobView(job, "ann/song", "1.0.0")


def shown(job: Job, output: bytes | None = None, now: float = T) -> Any:
    return json.loads(msgspec.json.encode(translate.document(view(job), now, output)))


# -- bodies -------------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
SPACE = st.text(" \t\r\n", max_size=3)


@given(value=JSON, others=st.dictionaries(st.text(max_size=8), JSON, max_size=3), ascii_=st.booleans(), space=SPACE)
def test_an_input_reaches_the_call_byte_for_byte_whatever_stands_around_it(
    value: Any, others: dict[str, Any], ascii_: bool, space: str
) -> None:
    def encode(part: Any) -> bytes:
        return json.dumps(part, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")

    written, gap = encode(value), space.encode()
    known = {"input", "webhook", "policy", "s3Config"}
    fields = [b"%b%b:%b" % (encode(name), gap, encode(other)) for name, other in others.items() if name not in known]
    fields.insert(len(fields) // 2, b'"input"%b:%b%b%b' % (gap, gap, written, gap))
    payload, options = translate.read_submission(b"{%b}%b" % (b",".join(fields), gap), USUAL)
    assert payload == Payload.inline(written)
    assert options is USUAL


@given(st.binary(max_size=200))
def test_no_body_whatever_is_anything_but_taken_or_refused(body: bytes) -> None:
    for whole in (body, b'{"input": ' + body + b"}", b'{"input": 1, "policy": ' + body + b"}"):
        try:
            payload, _ = translate.read_submission(whole, USUAL)
        except BadRequest:
            continue
        assert payload.data is not None


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.lists(st.integers())))
def test_a_policy_is_within_its_range_or_refused(value: Any) -> None:
    body = json.dumps({"input": 1, "policy": {"executionTimeout": value}}).encode()
    is_fine = isinstance(value, int | float) and not isinstance(value, bool) and 5000 <= value <= 604_800_000
    try:
        _, options = translate.read_submission(body, USUAL)
    except BadRequest:
        assert not is_fine
    else:
        assert is_fine
        assert options.timeout == value / 1000


def test_what_a_call_says_is_carried_over() -> None:
    body = (
        b'{"webhook": "https:\\/\\/hooks.example\\/\\u00e4", "input": 1, "s3Config": { "bucketName" : "b" },'
        b'"policy": {"lowPriority": true, "ttl": 10000.5}}'
    )
    _, options = translate.read_submission(body, USUAL)
    assert options == replace(
        USUAL,
        webhook="https://hooks.example/ä",
        ttl=10.0005,
        priority=Priority.LOW,
        aside=b'{"webhook":"https:\\/\\/hooks.example\\/\\u00e4","s3Config":{ "bucketName" : "b" }}',
    )
    assert "bucketName" not in repr(options)


@pytest.mark.parametrize("value", [b"9" * 4301, b"-" + b"1" * 5000, b'{"a":[' + b"10" * 2500 + b"]}"])
def test_a_number_that_python_does_not_read_is_refused(value: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        translate.read_submission(b'{"input":%b}' % value, USUAL)
    assert "4300 digits" in refused.value.detail


LONG = b"7" * 4301


@pytest.mark.parametrize(
    "value",
    [
        *(LONG, b"-%b" % LONG, b"[1,%b]" % LONG, b'{"a":"\\\\","b":%b}' % LONG, b'["\\"",%b ,2]' % LONG),
        *(b'"\\"%b"' % LONG, b"%b.5" % LONG, b"%be3" % LONG, b"%bE-3" % LONG, b"1.%b" % LONG, b"-0.%be1" % LONG),
        *(b'["",":%b"]' % LONG, b'{"%b":"%b"}' % (LONG, LONG), b'"%b\\\\"' % LONG),
    ],
)
def test_what_is_refused_for_its_digits_is_what_python_does_not_read(value: bytes) -> None:
    try:
        json.loads(value)
    except ValueError:
        assert translate.endless_number(value) is not None
    else:
        assert translate.endless_number(value) is None


@pytest.mark.parametrize("value", [b"9" * 4300, b'"' + b"9" * 9000 + b'"', b"0." + b"3" * 9000, b"1e4301"])
def test_long_numbers_that_python_reads_are_taken(value: bytes) -> None:
    payload, _ = translate.read_submission(b'{"input":%b}' % value, USUAL)
    assert payload.data == value


# -- documents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "output", "expected"),
    [
        (QUEUED, None, {"id": "job_1", "status": "IN_QUEUE"}),
        (replace(QUEUED, attempt=1), None, {"id": "job_1", "status": "IN_QUEUE", "retries": 1}),
        (
            replace(RUNNING, attempt=3),
            None,
            {
                "id": "job_1",
                "status": "IN_PROGRESS",
                "delayTime": 812,
                "executionTime": 1188,
                "workerId": "wrk_1",
                "retries": 2,
            },
        ),
        (
            replace(RUNNING, started_at=None),  # taken, and not begun
            None,
            {"id": "job_1", "status": "IN_PROGRESS", "workerId": "wrk_1"},
        ),
        (
            DONE,
            b'{ "any" : 1.50 }',
            {
                "id": "job_1",
                "status": "COMPLETED",
                "delayTime": 812,
                "executionTime": 3388,
                "workerId": "wrk_1",
                "output": {"any": 1.5},
            },
        ),
        (
            EXPIRED,
            None,
            {
                "id": "job_1",
                "status": "TIMED_OUT",
                "delayTime": 0,
                "executionTime": 0,
                "workerId": "",
                "error": "Late. Wait.",
            },
        ),
        (
            replace(EXPIRED, status=JobStatus.CANCELLED),
            None,
            {"id": "job_1", "status": "CANCELLED", "delayTime": 0, "executionTime": 0, "workerId": ""},
        ),
    ],
)
def test_a_document_says_what_runpod_says(job: Job, output: bytes | None, expected: Any) -> None:
    assert shown(job, output, now=T + 2) == expected


def test_an_output_is_spliced_as_it_came() -> None:
    found = msgspec.json.encode(translate.document(view(DONE), T, b'{ "any" : 1.50 }'))
    assert b'"output":{ "any" : 1.50 }' in found


@given(st.binary(), st.text())
def test_any_bytes_under_any_name_are_a_json_text_that_gives_them_back(data: bytes, content_type: str) -> None:
    text = json.loads(translate.data_url(content_type, data))
    head, _, packed = text.partition(";base64,")
    assert head.startswith("data:")
    assert base64.b64decode(packed) == data


def test_an_exception_is_told_as_runpods_workers_tell_it() -> None:
    said = json.loads(shown(FAILED)["error"])
    assert said == {
        "error_type": "<class 'ValueError'>",
        "error_message": "no",
        "error_traceback": "Trace",
        "worker_id": "wrk_1",
    }
    told = replace(FAILED, error=JobError("handler_error", "no", "<class 'x.Y'>"))
    assert json.loads(shown(told)["error"])["error_type"] == "<class 'x.Y'>"
    assert shown(replace(FAILED, error=None))["error"] == "The job failed."


def test_only_a_job_whose_time_ended_while_it_ran_has_vanished() -> None:
    assert translate.has_vanished(replace(EXPIRED, started_at=T))
    assert not translate.has_vanished(EXPIRED)
    assert not translate.has_vanished(replace(EXPIRED, started_at=T, error=JobError("execution_timeout", "Slow.")))
    assert not translate.has_vanished(FAILED)


def test_progress_is_the_handlers_own_document_or_ours() -> None:
    assert shown(replace(RUNNING, progress=Progress(0.5, "half")))["output"] == {"progress": 0.5, "message": "half"}
    assert shown(replace(RUNNING, progress=Progress(None, "", b'"12/20"')))["output"] == "12/20"


def test_an_explanation_is_a_few_sentences() -> None:
    waiting = Explanation("job_1", JobStatus.QUEUED, "It waits.", reasons=("A.", "B.", "C."), next_steps=("Do.", "Or."))
    assert translate.explanation(waiting) == "It waits. A. B. Do."
    failed = replace(waiting, status=JobStatus.FAILED, summary="It failed.")
    assert translate.explanation(failed) == "It failed. Do. Or."


def test_a_cancel_that_did_not_take_says_so() -> None:
    found = translate.cancellation(CancelOutcome(view(DONE), False, "Too late."))
    assert msgspec.to_builtins(found) == {
        "id": "job_1",
        "status": "COMPLETED",
        "delayTime": 812,
        "executionTime": 3388,
        "explain": "Too late.",
    }


def test_a_retry_is_known_by_the_id_of_what_it_tries_again() -> None:
    again = replace(QUEUED, id="job_9", retry_of="job_1", retry_number=3)
    assert shown(again)["id"] == "job_1"
    assert translate.cancellation(CancelOutcome(view(again), False, "Too late.")).id == "job_1"


def test_pieces_of_every_kind_become_chunks() -> None:
    pieces = [
        JobEvent("job_1", 1, 1, EventKind.PIECE, T, b'{"a" : 1}', "application/json"),
        JobEvent("job_1", 2, 1, EventKind.PIECE, T, b"2"),
        JobEvent("job_1", 3, 1, EventKind.PIECE, T, b"\xff", "image/png"),
    ]
    page = msgspec.json.encode(translate.stream_page(JobStatus.RUNNING, pieces))
    assert page == (
        b'{"status":"IN_PROGRESS","stream":[{"output":{"a" : 1}},{"output":2},{"output":"data:image/png;base64,/w=="}]}'
    )
