"""Whether and when a request is made again: pure decisions. The clock and chance are brought by the caller.

The rule: never do twice what may have been done once. A request that did not reach the server is always repeated. One that
may have reached it is repeated only where its verb makes that harmless, or where the server itself asked for it (429 or 503
with ``Retry-After``). A wait that ran out is not repeated: the caller's patience has ended.

Most requests fail quickly, as whoever makes them can make them again. A question about a job that is known already is
another matter: the job goes on without the server's answers, and a server that restarts knows it afterwards. Such a
question is repeated for as long as its caller waits, or, where no end was set, for as long as an outage may take.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from trivet.sdk._http import Request, Response, TransportError
from trivet.sdk._json import object_in

_OUTAGE = frozenset({502, 503, 504})
_PASSING = _OUTAGE | {429}
_TRY_AGAIN_CODES = frozenset({"unavailable", "limit_exceeded", "rate_limited", "too_many_open_jobs", None})


class Backoff(NamedTuple):
    """How often and how far apart.

    Attributes:
        retries: how many times at most after the first; 0 repeats nothing at all.
        base: seconds before the first repetition; doubles each time.
        cap: the longest of these delays, in seconds.
        longest_asked: the longest ``Retry-After`` that is waited for, in seconds; a longer one is told to the caller.
        outage: how long the server may be unreachable in a row for a question about a known job, in seconds, where its
            caller set no end.
        outage_cap: the longest delay between such questions, in seconds.
    """

    retries: int = 3
    base: float = 0.2
    cap: float = 5.0
    longest_asked: float = 30.0
    outage: float = 30.0
    outage_cap: float = 1.0

    def delay(self, repetition: int, chance: float) -> float:
        """Seconds before repetition number ``repetition`` (from 0), spread by ``chance`` (0 to 1) over its upper half."""
        # An outage may bring thousands of repetitions, and a float does not double that often.
        return min(self.cap, self.base * 2.0 ** min(repetition, 64)) * (0.5 + chance / 2)


def delay_before_retry(
    request: Request,
    outcome: Response | TransportError,
    backoff: Backoff,
    *,
    repetition: int,
    chance: float,
    now: datetime,
    out: float = 0.0,
    left: float | None = None,
) -> float | None:
    """Seconds to wait before making ``request`` again, or None where it must not be made again.

    Args:
        request: what was asked.
        outcome: what came of it.
        backoff: the client's limits.
        repetition: how many times it was repeated already.
        chance: a number from 0 to 1.
        now: the time now, aware.
        out: seconds for which it has failed in a row.
        left: seconds that the caller still wants to wait, or None where there is no end.
    """
    if isinstance(outcome, TransportError) and outcome.limit is not None:
        return None  # it would be as large again
    if request.chunks is not None and request.size is None:
        return None  # what comes piece by piece and has no size comes from somewhere that can't begin anew
    if request.job_id is not None and backoff.retries > 0 and _is_outage(outcome):
        if out >= backoff.outage if left is None else left <= 0.0:
            return None
        capped = backoff._replace(cap=backoff.outage_cap)
        delay = _delay(request, outcome, capped, repetition=repetition, chance=chance, now=now)
        # The last repetition falls on the caller's end, even where the server asked for more.
        return delay if delay is None or left is None else min(delay, left)
    if repetition >= backoff.retries:
        return None
    delay = _delay(request, outcome, backoff, repetition=repetition, chance=chance, now=now)
    return None if delay is None or (left is not None and delay > left) else delay


def _is_outage(outcome: Response | TransportError) -> bool:
    return isinstance(outcome, TransportError) or outcome.status in _OUTAGE


def _delay(
    request: Request,
    outcome: Response | TransportError,
    backoff: Backoff,
    *,
    repetition: int,
    chance: float,
    now: datetime,
) -> float | None:
    if isinstance(outcome, TransportError):
        if outcome.sent and (outcome.timed_out or not request.repeatable):
            return None
        return backoff.delay(repetition, chance)
    if outcome.status not in _PASSING or problem_code(outcome) not in _TRY_AGAIN_CODES:
        return None
    asked = retry_after(outcome.headers, now)
    if asked is not None:
        # A little apart, so that all who were turned away don't come back in the same instant.
        return asked + backoff.base * chance if asked <= backoff.longest_asked else None
    return backoff.delay(repetition, chance) if request.repeatable else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that ``Retry-After`` asks for, given as a number or as a date; None where it is absent or nonsense."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        from email.utils import parsedate_to_datetime  # most servers say seconds, and it is slow to import

        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    return seconds if 0.0 <= seconds < float("inf") else None


def problem_code(response: Response) -> str | None:
    """The stable code in a problem document; None for an answer of somebody else, such as a proxy's page."""
    if response.content_type != "application/problem+json":
        return None
    code = (object_in(response.body) or {}).get("code")
    return code if isinstance(code, str) else None
