"""What the parts of the RunPod dialect are given: the services and the settings."""

from __future__ import annotations

import time
from dataclasses import dataclass

from trivet.platform.ports.clock import Clock
from trivet.platform.services.accounts import Accounts
from trivet.platform.services.calls import Calls
from trivet.platform.services.endpoints import Endpoints
from trivet.platform.services.jobs import Jobs
from trivet.platform.services.limits import Limits
from trivet.platform.services.registries import Registries
from trivet.platform.services.replays import Replays
from trivet.platform.services.secrets import Secrets
from trivet.platform.services.takes import Takes
from trivet.platform.services.templates import Templates
from trivet.platform.services.workers import Workers

PREFIX = "/runpod"
JOBS = f"{PREFIX}/v2"
"""Where endpoints are: ``/runpod/v2/{endpoint_id}/…``, for callers and for workers."""
GRAPHQL = f"{PREFIX}/graphql"

FORMAT = "runpod"
"""The name of this dialect's message format for webhooks, and of what it keeps of its own words."""


@dataclass(frozen=True, slots=True)
class RunPodServices:
    """The services that this dialect speaks for."""

    accounts: Accounts
    endpoints: Endpoints
    calls: Calls
    jobs: Jobs
    replays: Replays
    workers: Workers
    limits: Limits
    takes: Takes
    templates: Templates
    registries: Registries
    secrets: Secrets
    clock: Clock = time.time


@dataclass(frozen=True, slots=True)
class RunPodSettings:
    """What an operator has set. Sizes in bytes, times in seconds.

    ``hold``: how long `runsync` waits where its caller does not say. ``poll``: how long a worker's question for work is held.
    ``retention``: how long a job can be looked up after its end where its endpoint does not say.
    """

    hold: float = 50.0
    poll: float = 25.0
    retention: float = 1800.0
    max_run: int = 10 * 1024 * 1024
    max_runsync: int = 20 * 1024 * 1024
    max_output: int = 50 * 1024 * 1024
