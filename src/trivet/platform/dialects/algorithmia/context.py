"""What the parts of the Algorithmia dialect are given: the services and the settings."""

from __future__ import annotations

import time
from dataclasses import dataclass

from trivet.platform.ports.clock import Clock
from trivet.platform.ports.validator import LargeCheck
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.calls import Calls
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.files import Files
from trivet.platform.services.identities import Identities
from trivet.platform.services.insights import Insights
from trivet.platform.services.jobs import Jobs

PREFIX = "/algorithmia"

TIMEOUT = 300.0
"""Seconds that a call may take where its caller does not say."""
MAX_TIMEOUT = 3000.0


@dataclass(frozen=True, slots=True)
class AlgorithmiaServices:
    """The services that this dialect speaks for.

    ``check_large`` tells sound JSON from Python's where that takes long; None: it is told here.
    """

    accounts: Accounts
    endpoints: Endpoints
    calls: Calls
    jobs: Jobs
    files: Files
    identities: Identities
    insights: Insights
    clock: Clock = time.time
    check_large: LargeCheck | None = None


@dataclass(frozen=True, slots=True)
class AlgorithmiaSettings:
    """What an operator has set. Sizes in bytes.

    ``concurrent``: how many calls an account may have in flight that has no limit of its own; None: as many as it likes.
    ``strict``: calls that the platform refuses are answered with a status that says why, instead of 200.
    """

    max_input: int = 10 * 1024 * 1024
    max_output: int = 15 * 1024 * 1024
    concurrent: int | None = 80
    strict: bool = False
