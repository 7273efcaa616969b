"""Incidents: what nobody foresaw goes to the server's log, under a number that its caller can tell the operator."""

from __future__ import annotations

import logging
import secrets
from typing import NamedTuple

logger = logging.getLogger(__name__)


class Incident(NamedTuple):
    """What a caller is told of an exception that nobody foresaw: nothing of what it says."""

    detail: str
    hint: str

    @property
    def text(self) -> str:
        """Both in one."""
        return f"{self.detail} {self.hint}"


def incident(error: BaseException, what: str) -> Incident:
    """Logs an exception with its traceback, which goes nowhere else.

    Args:
        error: what was raised.
        what: what failed, for the log: ``GET /path``, for example.
    """
    number = secrets.token_hex(4)
    logger.error("incident %s: %s failed", number, what, exc_info=error)
    return Incident(
        f"The platform itself failed at this (incident {number}). It is not your doing.",
        f"Tell the operator the number: the reason stands in the server's log under {number}.",
    )
