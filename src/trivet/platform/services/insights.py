"""Insights: what running jobs report about their own work. Each metric is an event of its job, and is forgotten with it.

`services.jobs` gives them back to those who may see the job.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, Forbidden
from trivet.platform.core.insights import MOST_OF_JOB, check_report
from trivet.platform.services.attempts import Attempts


class Insights:
    """The use cases around insights.

    Args:
        attempts: keeps what running jobs say.
    """

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def report(self, principal: Principal, metrics: Sequence[tuple[str, object]]) -> int:
        """Keeps what a job reports about itself. Never waits.

        Args:
            principal: the job.
            metrics: names and values, in the order in which they are to be read.

        Returns:
            How many were kept.

        Raises:
            Forbidden: it is no job that asks.
            BadRequest: a metric can't be, there are too many, or the job has ended meanwhile. Nothing was kept.
        """
        if principal.within is None or not principal.within.job_id:
            raise Forbidden(
                "Insights are reported by a job, about itself, and this is none.",
                hint="Report them in the algorithm, while it works on a call.",
            )
        found = check_report(metrics)
        if not self._attempts.report(
            principal.within.job_id, [(key, json.dumps(value).encode()) for key, value in found], MOST_OF_JOB
        ):
            raise BadRequest(
                "Nothing was kept: the job has ended, or has reported too much.",
                hint=f"A job may report {MOST_OF_JOB} metrics.",
            )
        return len(found)
