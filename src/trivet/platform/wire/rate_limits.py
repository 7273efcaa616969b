"""What is left of a caller's limits, as headers: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).

A policy is named after whose it is: ``key``, ``account``, and ``key-jobs``, ``account-jobs`` for those of open jobs, whose unit
comes nearest to what the draft calls concurrent requests. ``t`` is the time in which no more than ``r`` should be used.
"""

from __future__ import annotations

from collections.abc import Sequence

from trivet.platform.core.limits import LimitState
from trivet.platform.wire.answers import Header

POLICY = b"ratelimit-policy"
LIMIT = b"ratelimit"


def rate_limit_headers(states: Sequence[LimitState]) -> tuple[Header, ...]:
    """The headers for limits as they stand; none where there are no limits."""
    if not states:
        return ()
    policies = ", ".join(_policy(state) for state in states)
    limits = ", ".join(_limit(state) for state in states)
    return (POLICY, policies.encode()), (LIMIT, limits.encode())


def _policy(state: LimitState) -> str:
    measure = ';qu="concurrent-requests"' if state.window is None else f";w={state.window}"
    return f'"{_name(state)}";q={state.quota}{measure}'


def _limit(state: LimitState) -> str:
    reset = "" if state.reset is None else f";t={state.reset}"
    return f'"{_name(state)}";r={state.left}{reset}'


def _name(state: LimitState) -> str:
    return f"{state.holder}-jobs" if state.window is None else str(state.holder)
