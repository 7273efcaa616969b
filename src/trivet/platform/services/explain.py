"""Explaining a job: where it is, what it waits for, why it failed, what to do next. Values in, sentences out."""

from __future__ import annotations

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.jobs import Job, JobStatus
from trivet.platform.core.views import Explanation
from trivet.platform.core.workers import StartHistory, has_gpu
from trivet.platform.ports.runtime import Capabilities


def explain(
    job: Job,
    *,
    endpoint: Endpoint | None,
    version: Version | None,
    position: int | None,
    seats: int,
    starting: int,
    history: StartHistory,
    capabilities: Capabilities,
    now: float,
    manages: bool,
) -> Explanation:
    """The story of a job for the one who asks.

    Args:
        job: the job as it stands.
        endpoint: its endpoint, None where that was deleted.
        version: its version, None where that was deleted.
        position: its place in the queue, from 1.
        seats: how many workers of its version take jobs.
        starting: how many are on their way.
        history: what became of their latest starts.
        capabilities: what the place where workers live can do.
        now: seconds since the epoch.
        manages: whether the asker manages the endpoint, and so may read its workers' own lines.
    """
    if job.is_final:
        return _ended(job, manages)
    if job.status is JobStatus.RUNNING:
        return _running(job, now)
    return _queued(
        job,
        endpoint=endpoint,
        version=version,
        position=position,
        seats=seats,
        starting=starting,
        history=history,
        capabilities=capabilities,
        now=now,
        manages=manages,
    )


_ENDS = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "was cancelled",
    JobStatus.TIMED_OUT: "timed out",
}


def _ended(job: Job, manages: bool) -> Explanation:
    took = "" if job.duration_ms is None else f" after {_span(job.duration_ms / 1000)}"
    tries = f", at attempt {job.attempt}" if job.attempt > 1 else ""
    summary = f"The job {_ENDS[job.status]}{took}{tries}."
    error = job.error
    if error is None:
        return Explanation(job.id, job.status, summary)
    kind = f"{error.type}: " if error.type else ""
    steps = [error.hint] if error.hint else []
    if job.status is JobStatus.FAILED:
        steps.append(f"See what it printed: `trivet jobs logs {job.id}`. Try it again: `trivet jobs replay {job.id}`.")
    return Explanation(
        job.id,
        job.status,
        summary,
        reasons=(f"{kind}{error.message}",),
        next_steps=tuple(steps),
        worker_log=error.worker_log if manages else (),
    )


def _running(job: Job, now: float) -> Explanation:
    since = _span(now - (job.started_at or now))
    reasons = []
    if job.progress is not None:
        share = "" if job.progress.fraction is None else f"{job.progress.fraction:.0%} "
        reasons.append(f"It reports: {share}{job.progress.message}".rstrip())
    if job.attempt > 1:
        reasons.append(f"This is attempt {job.attempt}: the worker of the one before was lost.")
    if job.stop_reason is not None:
        asked = _span(now - (job.stop_asked_at or now))
        reasons.append(f"It was asked to stop {asked} ago ({job.stop_reason.value}) and is killed if it does not.")
    return Explanation(
        job.id,
        job.status,
        f"The job has been running for {since} on worker {job.worker_id}; its timeout is {_span(job.policy.timeout)}.",
        waiting_for="handler",
        reasons=tuple(reasons),
        next_steps=(f"Stop it: `trivet jobs cancel {job.id}`.",),
    )


def _queued(
    job: Job,
    *,
    endpoint: Endpoint | None,
    version: Version | None,
    position: int | None,
    seats: int,
    starting: int,
    history: StartHistory,
    capabilities: Capabilities,
    now: float,
    manages: bool,
) -> Explanation:
    place = "" if position is None else f" at position {position}"
    summary = f"The job has been waiting in the queue{place} for {_span(now - job.created_at)}."
    waiting_for, reasons, steps = "free_worker", [], []
    name = endpoint.full_name if endpoint is not None else job.endpoint_id
    lines: tuple[str, ...] = ()
    gpu = version.settings.gpu if version is not None else None
    if gpu is not None and not has_gpu(capabilities.gpus, gpu):
        waiting_for = "no_such_gpu"
        here = ", ".join(f"{count} × {kind}" for kind, count in capabilities.gpus.items()) or "none"
        reasons.append(f"{name} asks for the GPU {gpu!r}. Here there is: {here}.")
        steps.append("Deploy it without `gpu=`, or run the platform on a machine that has one.")
    elif not seats and history.failures:
        waiting_for = "crash_loop" if history.is_crash_loop else "worker_starting"
        last = history.last
        times = "once" if history.failures == 1 else f"{history.failures} times in a row"
        reason = last.reason if last is not None else "ended"
        reasons.append(f"No worker of {name} becomes ready: starting one failed {times}. The last one {reason}.")
        if history.retry_at > now:
            reasons.append(f"The next start is tried in {_span(history.retry_at - now)}.")
        lines = last.last_lines if last is not None else ()
        steps.append(
            f"Mend what the worker's last lines name, and deploy again; or go back: `trivet endpoints rollback {name}`."
            if manages
            else f"Ask whoever looks after {name} to mend it."
        )
    elif not seats:
        waiting_for = "worker_starting"
        reasons.append(
            f"{starting} workers of {name} are starting."
            if starting > 1
            else f"A worker of {name} is {'starting' if starting else 'about to be started'}."
        )
    else:
        reasons.append(
            f"All {seats} workers of {name} are busy." if seats > 1 else f"The only worker of {name} is busy."
        )
        if endpoint is not None and seats + starting >= endpoint.scaling.maximum:
            minimum, maximum = endpoint.scaling.minimum, endpoint.scaling.maximum
            reasons.append(f"No more than {maximum} may run.")
            if manages:
                steps.append(f"Allow more: `trivet endpoints scale {name} --workers {minimum},{maximum + 1}`.")
    steps.append(f"Give up on it: `trivet jobs cancel {job.id}`.")
    return Explanation(
        job.id,
        job.status,
        summary,
        position=position,
        waiting_for=waiting_for,
        reasons=tuple(reasons),
        next_steps=tuple(steps),
        worker_log=lines if manages else (),
    )


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
