# Generated from ../_async/reporting.py by scripts/unasync.py: change that file, then run the script.
"""Figures that an algorithm reports about its own work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trivet.algorithmia import _refusals, _requests, _settings
from trivet.sdk._http import TransportError
from trivet.sdk._sync.channel import Channel

NEARBY = "http://localhost:9000"
"""Where an algorithm reports to if nothing else is said."""
TIMEOUT = 10.0
"""Seconds that a report may take: it must not hold up the algorithm for long."""


def report(insights: Mapping[str, Any]) -> None:
    """Reports figures to the platform that the algorithm runs on (``ALGORITHMIA_API``). No key is sent.

    Args:
        insights: names and values.

    Raises:
        InputError: they can't be sent; also a `TypeError`.
        ApiError: no answer came. What it says is of no account.
    """
    address = _settings.address(os.environ.get("ALGORITHMIA_API") or NEARBY)
    try:
        _channel(address).send(_requests.insights(insights))
    except TransportError as failure:
        raise _refusals.failed(failure, address) from failure


@lru_cache(maxsize=4)
def _channel(address: str) -> Channel:
    return Channel(address, {}, timeout=TIMEOUT, verify=_settings.certificates(None, address))
