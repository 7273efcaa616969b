"""Which requests are made again, and when: a table."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from trivet.sdk._http import Request, Response, TransportError, failure
from trivet.sdk._retry import Backoff, delay_before_retry, retry_after

NOW = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)
GET, PUT, DELETE = Request("GET", "/"), Request("PUT", "/"), Request("DELETE", "/")
POST, PATCH = Request("POST", "/"), Request("PATCH", "/")
UNREACHED = TransportError("refused", sent=False)
SLOW_CONNECT = TransportError("no answer to a connect", sent=False, timed_out=True)
BROKEN = TransportError("reset", sent=True)
TIMED_OUT = TransportError("timed out", sent=True, timed_out=True)
LARGE = TransportError("too large", sent=True, limit=1000)


def answer(status: int, code: str | None = None, asked: str | None = None) -> Response:
    headers = {"content-type": "application/problem+json" if code else "text/html"}
    if asked is not None:
        headers["retry-after"] = asked
    return Response(status, headers, json.dumps({"code": code}).encode() if code else b"<html>")


@pytest.mark.parametrize(
    ("request_", "outcome", "again"),
    [
        (GET, UNREACHED, True),
        (POST, UNREACHED, True),
        (PATCH, SLOW_CONNECT, True),
        (GET, BROKEN, True),
        (PUT, BROKEN, True),
        (DELETE, BROKEN, True),
        (POST, BROKEN, False),
        (PATCH, BROKEN, False),
        (GET, TIMED_OUT, False),
        (POST, TIMED_OUT, False),
        (GET, LARGE, False),
        (GET._replace(job_id="job_1"), LARGE, False),
        (GET, Response(503, {"content-type": "application/problem+json"}, b"[" * 100_000), True),
        (GET, answer(502), True),
        (GET, answer(503, "unavailable"), True),
        (GET, answer(429, "limit_exceeded"), True),
        (GET, answer(504, "job_timed_out"), False),
        (GET, answer(500, "job_failed"), False),
        (GET, answer(500, "internal"), False),
        (GET, answer(404, "not_found"), False),
        (POST, answer(503, "unavailable"), False),
        (POST, answer(503, "unavailable", "1"), True),
        (POST, answer(429, "limit_exceeded", "1"), True),
        (POST, answer(429, "limit_exceeded"), False),
        (POST, answer(429, "rate_limited", "2"), True),
        (POST, answer(429, "rate_limited", "3600"), False),
        (POST, answer(429, "too_many_open_jobs", "1"), True),
        (POST, answer(503, None, "1"), True),
        (POST, answer(502), False),
        (GET, answer(503, "unavailable", "31"), False),
    ],
)
def test_what_may_be_made_again(request_: Request, outcome: Response | TransportError, again: bool) -> None:
    delay = delay_before_retry(request_, outcome, Backoff(), repetition=0, chance=0.5, now=NOW)
    assert (delay is not None) is again


def test_repetitions_end() -> None:
    assert delay_before_retry(GET, BROKEN, Backoff(retries=2), repetition=1, chance=0.0, now=NOW) is not None
    assert delay_before_retry(GET, BROKEN, Backoff(retries=2), repetition=2, chance=0.0, now=NOW) is None
    assert delay_before_retry(GET, BROKEN, Backoff(retries=0), repetition=0, chance=0.0, now=NOW) is None


KNOWN = Request("GET", "/", job_id="job_1")


@pytest.mark.parametrize(
    ("outcome", "out", "left", "again"),
    [
        (UNREACHED, 0.0, None, True),
        (UNREACHED, 29.9, None, True),
        (UNREACHED, 30.0, None, False),
        (UNREACHED, 300.0, 0.1, True),
        (UNREACHED, 300.0, 0.0, False),
        (BROKEN, 29.9, None, True),
        (answer(502), 29.9, None, True),
        (answer(503, "unavailable"), 29.9, None, True),
        (answer(503, "unavailable", "1"), 29.9, None, True),
        (answer(503, "unavailable", "31"), 0.0, None, False),
        (answer(504), 29.9, None, True),
        (answer(504, "job_timed_out"), 0.0, None, False),
        (answer(503, "storage_full"), 0.0, None, False),
        (answer(404, "not_found"), 0.0, None, False),
        (answer(500, "internal"), 0.0, None, False),
        (answer(429, "limit_exceeded", "1"), 0.0, None, False),
        (TIMED_OUT, 0.0, 10.0, False),
    ],
)
def test_a_question_about_a_known_job_outlasts_an_outage(
    outcome: Response | TransportError, out: float, left: float | None, again: bool
) -> None:
    delay = delay_before_retry(KNOWN, outcome, Backoff(), repetition=5000, chance=0.5, now=NOW, out=out, left=left)
    assert (delay is not None) is again


def test_a_question_about_a_known_job_is_repeated_about_every_second_and_once_more_at_the_end() -> None:
    def delay(repetition: int, left: float | None = None) -> float | None:
        return delay_before_retry(KNOWN, UNREACHED, Backoff(), repetition=repetition, chance=1.0, now=NOW, left=left)

    assert [delay(repetition) for repetition in (0, 1, 2, 3, 5000)] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert delay(5000, left=0.3) == 0.3


def test_retries_of_zero_repeat_nothing_about_a_known_job_either() -> None:
    none = Backoff(retries=0)
    assert delay_before_retry(KNOWN, UNREACHED, none, repetition=0, chance=0.5, now=NOW, left=40.0) is None


def test_an_ordinary_request_is_not_repeated_beyond_the_callers_end() -> None:
    assert delay_before_retry(GET, UNREACHED, Backoff(), repetition=0, chance=1.0, now=NOW, left=0.1) is None
    assert delay_before_retry(GET, UNREACHED, Backoff(), repetition=0, chance=1.0, now=NOW, left=0.3) == 0.2


def test_delays_double_up_to_the_cap_and_chance_spreads_them() -> None:
    backoff = Backoff(base=1.0, cap=5.0)
    assert [backoff.delay(n, 1.0) for n in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert [backoff.delay(n, 0.0) for n in range(3)] == [0.5, 1.0, 2.0]


def test_what_the_server_asks_for_is_never_undercut() -> None:
    asked = answer(429, "limit_exceeded", "2")
    for chance in (0.0, 1.0):
        delay = delay_before_retry(POST, asked, Backoff(), repetition=0, chance=chance, now=NOW)
        assert delay is not None
        assert 2.0 <= delay <= 2.2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("Sat, 21 Nov 2026 08:00:10 GMT", 10.0),
        ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2026 08:00:10", 10.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == seconds


class LibraryError(Exception):
    def __init__(self, *causes: str) -> None:
        super().__init__("it failed")
        self.details = {"causes": [{"message": cause} for cause in causes] or None}


class LibraryTimeout(LibraryError, TimeoutError):
    pass


def test_only_a_failure_while_connecting_counts_as_not_sent() -> None:
    refused = failure(LibraryError("error sending request", "client error (Connect)", "refused"))
    assert (refused.sent, refused.timed_out, refused.detail) == (False, False, "refused")
    broken = failure(LibraryError("error sending request", "client error (SendRequest)", "closed"))
    assert (broken.sent, broken.timed_out) == (True, False)
    assert failure(LibraryTimeout("error sending request", "operation timed out")).timed_out
    unknown = failure(LibraryError())
    assert (unknown.sent, unknown.detail) == (True, "it failed")


def test_patience_covers_what_is_held_what_is_sent_and_what_the_caller_has_left() -> None:
    assert GET.patience(60.0) == 60.0
    assert Request("POST", "/", held=50.0).patience(60.0) == 110.0
    assert Request("POST", "/", body=b"x" * 1_000_000).patience(60.0) == 70.0
    assert Request("POST", "/", held=50.0).patience(60.0, left=2.0) == 7.0
    assert Request("POST", "/", held=2.0).patience(1.0, left=2.0) == 3.0
