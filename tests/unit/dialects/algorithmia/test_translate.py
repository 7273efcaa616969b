"""Both ways: what Algorithmia's documents say, and what stands for it here."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.platform.core.data import ReadAcl
from trivet.platform.core.errors import BadRequest, InvalidJson
from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.dialects.algorithmia import schemas, translate
from trivet.platform.dialects.algorithmia.errors import Output, call_answer
from trivet.platform.wire.documents import LOOSE_JSON

Failed = tuple[JobStatus, JobError]


def job(status: JobStatus, error: JobError | None = None) -> Job:
    policy = JobPolicy(timeout=20.0, ttl=30.0)
    return Job(
        "job_1", "ep", "v", "ann", Payload.inline(b"1"), policy, 1.0,
        status=status, error=error, started_at=2.0, finished_at=4.5,
    )  # fmt: skip


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_json_passes_unchanged_and_its_kind_is_told(value: object) -> None:
    data = json.dumps(value).encode()
    output = Payload.inline(data)
    document = json.loads(translate.document(job(JobStatus.SUCCEEDED), output, data))
    assert document["result"] == value
    assert document["metadata"]["content_type"] == ("text" if isinstance(value, str) else "json")
    assert document["metadata"]["duration"] == 2.5


def test_an_output_without_bytes_is_null() -> None:
    assert translate.result(Payload.inline(b""), b"") == (b"json", b"null")


def test_text_that_is_not_in_its_charset_is_told_as_far_as_it_goes() -> None:
    assert translate.text_of(Payload.inline(b"a\xff", "text/plain; charset=utf-8"), b"a\xff") == "a\ufffd"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"a": NaN}', LOOSE_JSON),
        (b"[Infinity, -Infinity]", LOOSE_JSON),
        (b'"NaN"', JSON),
        (b"NaN", LOOSE_JSON),
        (b"{NaN", JSON),
        (b"[]", JSON),
    ],
)
def test_json_that_only_python_reads_is_told_apart(body: bytes, kind: str) -> None:
    payload = translate.payload(JSON, body)
    assert (payload.content_type, payload.data) == (kind, body)


def test_loose_json_is_not_nested_without_end() -> None:
    with pytest.raises(InvalidJson):
        translate.payload(JSON, b"[" * 200 + b"NaN" + b"]" * 200)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (JobError("execution_timeout", "x"), "TimeoutError", "Operation timed out after 20000 millis"),
        (JobError("ttl_expired", "x"), "TimeoutError", "Operation timed out after 30000 millis"),
        (JobError("worker_lost", "The worker exited with code 3."), "SystemExit", "The worker exited with code 3."),
        (JobError("out_of_memory", "Too much."), "OutOfMemoryError", "Too much."),
        (JobError("output_too_large", "Too large."), "TooLargeError", "Too large."),
        (JobError("endpoint_deleted", "Gone."), "SystemError", "Gone."),
        (JobError("handler_error", "Mine.", "UnsupportedError"), "UnsupportedError", "Mine."),
        (JobError("handler_error", "Mine.", "my.OwnError"), "AlgorithmError", "Mine."),
    ],
)
def test_each_end_has_a_type_of_the_vocabulary(error: JobError, kind: str, text: str) -> None:
    status = JobStatus.TIMED_OUT if "Timeout" in kind else JobStatus.FAILED
    told = translate.trouble(job(status, error), knows_source=True)
    assert (told.error.error_type, told.error.message) == (kind, text)
    assert kind in translate.ERROR_TYPES
    assert told.metadata == schemas.Metadata(2.5, "job_1")


def test_a_workers_last_lines_stand_for_a_trace_it_could_not_make() -> None:
    error = JobError("worker_lost", "It died.", worker_log=("one", "two"))
    assert translate.trouble(job(JobStatus.FAILED, error), knows_source=True).error.stacktrace == "one\ntwo"
    assert translate.trouble(job(JobStatus.FAILED, error), knows_source=False).error.stacktrace is None


def test_a_cancelled_job_is_told_of_too() -> None:
    answer = call_answer(translate.trouble(job(JobStatus.CANCELLED), knows_source=False), Output.DEFAULT, strict=False)
    assert json.loads(answer.body)["error"]["error_type"] == "SystemError"


@pytest.mark.parametrize("acl", list(ReadAcl))
def test_who_may_read_survives_both_ways_in_words_that_clients_know(acl: ReadAcl) -> None:
    words = translate.acl(acl)
    assert translate.read_acl(words) is acl
    assert words.read[:1] in ([], ["algo://.my/*"], ["user://*"])


@pytest.mark.parametrize("words", [["everybody"], ["user://*", "algo://.my/*"], [""]])
def test_other_words_are_refused(words: list[str]) -> None:
    with pytest.raises(BadRequest):
        translate.read_acl(schemas.Acl(words))


@given(st.floats(min_value=0, max_value=4e9))
def test_a_moment_has_the_form_that_clients_parse(at: float) -> None:
    text = translate.timestamp(at)
    assert abs(datetime.strptime(f"{text}+0000", "%Y-%m-%dT%H:%M:%S.%fZ%z").timestamp() - at) < 0.0011
