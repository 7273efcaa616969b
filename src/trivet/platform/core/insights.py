"""Insights: metrics that a running job reports about its own work, to be kept with the job and looked at later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from trivet.platform.core.errors import BadRequest

MOST_AT_ONCE = 25
"""Metrics of one report, at most."""
MOST_BYTES = 25 * 1024
"""Bytes of one report as it came, at most."""
MOST_OF_JOB = 1000
"""Metrics of one job, at most: what is looked at one by one need not be more."""
RESERVED = frozenset(
    {
        "request_id",
        "timestamp",
        "duration_milliseconds",
        "algorithm_owner",
        "algorithm_name",
        "algorithm_version",
    }
)
"""What the platform itself knows of a job, and calls by these names."""
_KEY = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_LONGEST_TEXT = 1024

MetricValue: TypeAlias = float | int | str | bool | None


def check_report(metrics: Sequence[tuple[str, object]]) -> list[tuple[str, MetricValue]]:
    """The metrics of one report, where they can be kept.

    Raises:
        BadRequest: they are too many, or one has a name or a value that can't be. Nothing of the report counts then.
    """
    if len(metrics) > MOST_AT_ONCE:
        raise BadRequest(
            f"{len(metrics)} metrics were reported at once.", hint=f"Report up to {MOST_AT_ONCE}, or several times."
        )
    return [(_key(key), _value(key, value)) for key, value in metrics]


def _key(key: str) -> str:
    if _KEY.fullmatch(key) is None:
        raise BadRequest(f"{key[:80]!r} is no name for a metric.", hint="Give 1 to 128 printable characters.")
    if key in RESERVED:
        raise BadRequest(f"{key!r} is the platform's own name for something else.", hint="Choose another one.")
    return key


def _value(key: str, value: object) -> MetricValue:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return value
    raise BadRequest(
        f"The metric {key[:80]!r} is neither a number nor a short text.",
        hint=f"Report numbers, booleans or texts of up to {_LONGEST_TEXT} characters.",
    )
