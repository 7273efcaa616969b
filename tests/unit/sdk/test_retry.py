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
