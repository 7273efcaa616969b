"""Times as the wire writes them: RFC 3339, UTC, to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def rfc3339(seconds: float) -> str: ...
@overload
def rfc3339(seconds: None) -> None: ...
@overload
def rfc3339(seconds: float | None) -> str | None: ...
def rfc3339(seconds: float | None) -> str | None:
    """``2026-11-21T08:30:00.123Z`` from seconds since the epoch; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(value: float | None) -> float | None:
    """Milliseconds to the microsecond, so that no figure carries the noise of its floating point; None stays None."""
    return None if value is None else round(value, 3)
