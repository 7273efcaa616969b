"""What a worker is told by its environment: where it asks for jobs, where it brings results, who it is. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from trivet.runpod.error import StartError
from trivet.runpod.version import __version__

TAKE = "/job-take/"
_LONGEST_LIST = 60_000
"""Characters of the list of jobs in a sign of life."""
_LONGEST_REASON = 256


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A worker's place. URLs are patterns, as the environment gives them.

    Attributes:
        take_url: where jobs are asked for.
        done_url: where results go.
        stream_url: where the pieces of streams go.
        ping_url: where signs of life go; empty where nobody wants them.
        worker_id: who this is.
        key: what it proves itself by.
        hostname: what it says of its machine.
        ping_interval: seconds between signs of life.
    """

    take_url: str
    done_url: str
    stream_url: str
    ping_url: str
    worker_id: str
    key: str = field(repr=False)
    hostname: str
    ping_interval: float

    @classmethod
    def read(cls, environ: Mapping[str, str], stored_key: str = "") -> Surroundings | None:
        """Reads the environment; None where it is not that of a worker.

        Args:
            environ: the environment.
            stored_key: the key of the user's profile, for where the environment has none.

        Raises:
            StartError: a part of it is missing, or is no number.
        """
        take = environ.get("RUNPOD_WEBHOOK_GET_JOB")
        if not take:
            return None
        done = environ.get("RUNPOD_WEBHOOK_POST_OUTPUT")
        if not done:
            raise StartError(
                "RUNPOD_WEBHOOK_GET_JOB is set and RUNPOD_WEBHOOK_POST_OUTPUT is not.",
                hint="A worker needs both: where to ask for jobs, and where to bring results.",
            )
        told_id = environ.get("RUNPOD_POD_ID", "")
        key = environ.get("RUNPOD_AI_API_KEY", "") or stored_key
        wants_pings = bool(told_id and key)
        try:
            interval = int(environ.get("RUNPOD_PING_INTERVAL") or 10_000) / 1000
        except ValueError:
            raise StartError("RUNPOD_PING_INTERVAL is no number.", hint="Give milliseconds, such as 10000.") from None
        return cls(
            take_url=take,
            done_url=done,
            stream_url=environ.get("RUNPOD_WEBHOOK_POST_STREAM", ""),
            ping_url=environ.get("RUNPOD_WEBHOOK_PING", "") if wants_pings else "",
            worker_id=told_id or str(uuid.uuid4()),
            key=key,
            hostname=environ.get("RUNPOD_POD_HOSTNAME", "unknown"),
            ping_interval=max(1.0, interval),
        )

    def take(self, count: int, *, busy: bool) -> str:
        """The URL that asks for so many jobs."""
        url = self.take_url.replace("$RUNPOD_POD_ID", self.worker_id).replace("$ID", self.worker_id)
        state = f"job_in_progress={int(busy)}"
        if count == 1:
            return _with(url, state)
        return _with(url.replace(TAKE, "/job-take-batch/", 1), f"batch_size={count}&{state}")

    def stop(self) -> str:
        """The URL that asks which jobs are to be stopped; empty where there is none."""
        url = self.take_url.replace("$RUNPOD_POD_ID", self.worker_id).replace("$ID", self.worker_id)
        return url.replace(TAKE, "/job-stop/", 1) if TAKE in url else ""

    def done(self, job_id: str, *, is_stream: bool) -> str:
        """The URL for a job's result."""
        return self._of_job(self.done_url, job_id, is_stream=is_stream)

    def stream(self, job_id: str) -> str:
        """The URL for a piece of a job's stream."""
        return self._of_job(self.stream_url, job_id, is_stream=False)

    def ping(self, job_ids: Collection[str]) -> str:
        """The URL for a sign of life that names the jobs which are held."""
        jobs = ",".join(job_ids)
        while len(jobs) > _LONGEST_LIST:
            jobs = jobs[:_LONGEST_LIST].rpartition(",")[0]
        held = f"job_id={quote(jobs)}&" if jobs else ""
        return _with(self._ping(), f"{held}runpod_version={__version__}")

    def unhealthy(self, check: str, reason: str) -> str:
        """The URL that says that this worker is not fit."""
        why = quote(reason[:_LONGEST_REASON])
        return _with(self._ping(), f"status=unhealthy&check={quote(check)}&reason={why}&runpod_version={__version__}")

    def _ping(self) -> str:
        return self.ping_url.replace("$RUNPOD_POD_ID", self.worker_id).replace("$ID", self.worker_id)

    def _of_job(self, pattern: str, job_id: str, *, is_stream: bool) -> str:
        url = pattern.replace("$RUNPOD_POD_ID", self.worker_id).replace("$ID", quote(job_id, safe=""))
        return _with(url, f"isStream={str(is_stream).lower()}")


def _with(url: str, more: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{more}"
