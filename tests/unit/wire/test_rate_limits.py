"""The `RateLimit` headers, as the draft of the IETF writes them."""

from __future__ import annotations

from trivet.platform.core.limits import Holder, LimitState
from trivet.platform.wire.rate_limits import rate_limit_headers


def test_who_has_no_limits_is_sent_no_headers() -> None:
    assert rate_limit_headers(()) == ()


def test_rates_have_a_window_and_open_jobs_a_unit() -> None:
    states = (
        LimitState(Holder.KEY, 100, 50, 60, 30),
        LimitState(Holder.KEY, 10, 9),
        LimitState(Holder.ACCOUNT, 1000, 0, 3600, 4),
        LimitState(Holder.ACCOUNT, 0, 0),
    )
    policies = (
        b'"key";q=100;w=60, "key-jobs";q=10;qu="concurrent-requests", '
        b'"account";q=1000;w=3600, "account-jobs";q=0;qu="concurrent-requests"'
    )
    assert rate_limit_headers(states) == (
        (b"ratelimit-policy", policies),
        (b"ratelimit", b'"key";r=50;t=30, "key-jobs";r=9, "account";r=0;t=4, "account-jobs";r=0'),
    )
