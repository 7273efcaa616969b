"""Insights: what running jobs report about their own work. Each metric is an event of its job, and is forgotten with it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest, Forbidden
from trivet.platform.core.insights import MOST_OF_JOB, Insight, check_report
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.jobs import Jobs


class Insights:
    """The use cases around insights.

    Args:
        dispatcher: which jobs are open.
        jobs: who may look at which.
    """

    def __init__(self, dispatcher: Dispatcher, jobs: Jobs) -> None:
        self._dispatcher = dispatcher
        self._jobs = jobs

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
        if not self._dispatcher.report(
            principal.within.job_id, [(key, json.dumps(value).encode()) for key, value in found], MOST_OF_JOB
        ):
            raise BadRequest(
                "Nothing was kept: the job has ended, or has reported too much.",
                hint=f"A job may report {MOST_OF_JOB} metrics.",
            )
        return len(found)

    async def of_job(self, principal: Principal, job_id: str) -> list[Insight]:
        """What a job has reported, in its order. For whoever may see the job.

        Raises:
            NotFound: there is no such job that the principal may see.
        """
        events = await self._jobs.insights(principal, job_id, MOST_OF_JOB)
        return [Insight(event.label, json.loads(event.data), event.at) for event in events]
