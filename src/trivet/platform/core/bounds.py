"""Bounds: how far the settings of a job may go, whoever says them, the author of an endpoint or its caller. Times in seconds."""

from __future__ import annotations

import re

MAX_TTL = 30 * 86_400.0
MAX_TIMEOUT = MAX_TTL
"""No attempt outlives its job, so a smaller number here would bound nothing but what may be written."""
MAX_RETENTION = 3650 * 86_400.0
MAX_BACKOFF = 3600.0
"""Between two attempts, however many there were before."""
MAX_ATTEMPTS = 100
MOST_KINDS_OF_ERRORS = 20
"""Named in one ``retry_on``: every job carries them."""
MAX_BATCH_WAIT = 60.0
MAX_BATCH_SIZE = 10_000
_LONGEST_KIND = 200
_KIND_OF_ERROR = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def is_kind_of_error(name: str) -> bool:
    """Whether ``retry_on`` may list this: a code such as ``worker_lost``, or a type of exception, with its module or without."""
    return len(name) <= _LONGEST_KIND and _KIND_OF_ERROR.fullmatch(name) is not None
