"""Explaining a job: where it is, what it waits for, why it failed, what to do next. Values in, sentences out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.jobs import Job, JobStatus, Priority
from trivet.platform.core.views import Explanation
from trivet.platform.core.workers import ANY_GPU, StartHistory, has_gpu
from trivet.platform.ports.runtime import Capabilities


@dataclass(frozen=True, slots=True)
class Situation:
    """What there is to know around a job.

    Attributes:
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

    endpoint: Endpoint | None
    version: Version | None
    position: int | None
    seats: int
    starting: int
    history: StartHistory
    capabilities: Capabilities
    now: float
    manages: bool


def explain(job: Job, around: Situation) -> Explanation:
    """The story of a job for the one who asks."""
    if job.is_final:
        return _ended(job, around)
    if job.status is JobStatus.RUNNING:
        return _running(job, around)
    return _queued(job, around)


_ENDS = {
    JobStatus.SUCCEEDED: "succeeded",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "was cancelled",
    JobStatus.TIMED_OUT: "timed out",
}
_GPUS_SHOWN = 3
_GONE = "Its endpoint was deleted, so that it can't be replayed: deploy that again, and call it with this job's input."


def _ended(job: Job, around: Situation) -> Explanation:
    took = "" if job.duration_ms is None else f" after {_span(job.duration_ms / 1000)}"
    tries = f", at attempt {job.attempt}" if job.attempt > 1 else ""
    summary = f"The job {_ENDS[job.status]}{took}{tries}."
    error = job.error
    if error is None:
        return Explanation(job.id, job.status, summary)
    steps, log = [error.hint] if error.hint else [], error.worker_log
    kept = _what_kept_it_waiting(job, around)
    if kept is not None:  # more time or more workers, as the error itself advises, would change nothing
        steps, log = list(kept.steps), kept.worker_log
    if job.status is JobStatus.FAILED or job.is_dead_letter:
        again = f"Try it again: `trivet jobs replay {job.id}`." if around.endpoint is not None else _GONE
        steps.append(f"See what it printed: `trivet jobs logs {job.id}`. {again}")
    reasons = [error.said, *(kept.reasons if kept is not None else ())]
    if job.is_dead_letter:
        reasons.append(f"It is a dead letter: {_why_no_further(job)}.")
    return Explanation(
        job.id,
        job.status,
        summary,
        reasons=tuple(reasons),
        next_steps=tuple(steps),
        worker_log=log if around.manages else (),
    )


def _what_kept_it_waiting(job: Job, around: Situation) -> _Waiting | None:
    """What stands between its version's jobs and a worker, where a job came to its end in the queue; None: nothing is known.

    It is told as it stands now: had it changed meanwhile, there would be a worker, or no failed starts any more.
    """
    ended_waiting = job.status in {JobStatus.TIMED_OUT, JobStatus.CANCELLED} and job.started_at is None
    if around.endpoint is None or not ended_waiting:
        return None
    name = around.endpoint.full_name
    obstacle = _obstacle(name, around)
    if obstacle is None and around.history.failures and not around.seats:
        return _failed_starts(name, around)
    return obstacle


def _why_no_further(job: Job) -> str:
    """Why a job is not tried again whose policy would."""
    if job.pieces:
        return "it had streamed pieces, and another attempt would repeat them"
    if job.attempt >= job.policy.max_attempts:
        return f"all of its {job.policy.max_attempts} attempts are used up" if job.attempt > 1 else "it had one attempt"
    return "its time to live would have ended before the next attempt"


def _running(job: Job, around: Situation) -> Explanation:
    now = around.now
    since = _span(now - (job.started_at or now))
    reasons = []
    if job.progress is not None:
        share = "" if job.progress.fraction is None else f"{job.progress.fraction:.0%} "
        reasons.append(f"It reports: {share}{job.progress.message}".rstrip())
    if job.attempt > 1:
        reasons.append(
            f"This is attempt {job.attempt} of {job.policy.max_attempts}; the log tells how the others ended."
        )
    if job.stop_reason is not None:
        asked = _span(now - (job.stop_asked_at or now))
        reasons.append(f"It was asked to stop {asked} ago ({job.stop_reason.value}) and is killed if it does not.")
    reasons += _without_its_gpu(around)
    return Explanation(
        job.id,
        job.status,
        f"The job has been running for {since} on worker {job.worker_id}; its timeout is {_span(job.policy.timeout)}.",
        waiting_for="handler",
        reasons=tuple(reasons),
        next_steps=(f"Stop it: `trivet jobs cancel {job.id}`.",),
    )


def _queued(job: Job, around: Situation) -> Explanation:
    place = "" if around.position is None else f" at position {around.position}"
    name = around.endpoint.full_name if around.endpoint is not None else job.endpoint_id
    obstacle = _obstacle(name, around)
    if job.retry_at is not None and job.retry_at > around.now:
        waiting = _for_its_next_attempt(job, around.now)
    elif obstacle is not None:
        waiting = obstacle
    elif around.seats:
        waiting = _for_a_free_worker(name, around)
    elif job.policy.priority is Priority.LOW and not around.starting:
        waiting = _for_others(name, around)
    elif around.history.failures:
        waiting = _for_a_start_that_works(name, around)
    else:
        waiting = _for_a_start(name, around)
    return Explanation(
        job.id,
        job.status,
        f"The job has been waiting in the queue{place} for {_span(around.now - job.created_at)}.",
        position=around.position,
        waiting_for=waiting.what,
        reasons=(*waiting.reasons, *_without_its_gpu(around)),
        next_steps=(*waiting.steps, f"Give up on it: `trivet jobs cancel {job.id}`."),
        worker_log=waiting.worker_log if around.manages else (),
    )


@dataclass(frozen=True, slots=True)
class _Waiting:
    what: str
    reasons: tuple[str, ...]
    steps: tuple[str, ...] = ()
    worker_log: tuple[str, ...] = ()


def _obstacle(name: str, around: Situation) -> _Waiting | None:
    """What no patience helps against: the GPU is not here, or no worker may run; None: nothing of the kind."""
    gpu = around.version.settings.gpu if around.version is not None else None
    if gpu is not None and not has_gpu(around.capabilities.gpus, gpu):
        return _for_a_gpu(name, gpu, around)
    if not around.seats and around.endpoint is not None and around.endpoint.scaling.maximum == 0:
        return _for_switching_on(name, around)
    return None


def _for_its_next_attempt(job: Job, now: float) -> _Waiting:
    done = "One attempt has" if job.attempt == 1 else f"{job.attempt} attempts have"
    soon = _span((job.retry_at or now) - now)
    return _Waiting(
        "retry",
        (f"{done} failed; the next of {job.policy.max_attempts} comes in {soon}.",),
        (f"See how they failed: `trivet jobs logs {job.id}`.",),
    )


def _for_others(name: str, around: Situation) -> _Waiting:
    steps = ["Call with normal priority."]
    if around.manages and around.endpoint is not None:
        maximum = max(1, around.endpoint.scaling.maximum)
        steps.insert(0, f"Keep a worker: `trivet endpoints scale {name} --workers 1,{maximum}`.")
    return _Waiting(
        "free_worker",
        (f"Its priority is low, and a job of low priority starts no worker; {name} has none at the moment.",),
        tuple(steps),
    )


def _for_a_gpu(name: str, gpu: str, around: Situation) -> _Waiting:
    here = ", ".join(f"{count} × {kind}" for kind, count in around.capabilities.gpus.items()) or "none"
    return _Waiting(
        "no_such_gpu",
        (f"{name} asks for the GPU {gpu!r}. Here there is: {here}.",),
        ("Deploy it without `gpu=`, or run the platform on a machine that has one.",),
    )


def _without_its_gpu(around: Situation) -> list[str]:
    """What to say of an endpoint that was made for a GPU, and whose version has none."""
    endpoint, version = around.endpoint, around.version
    if endpoint is None or version is None or version.settings.gpu is not None or endpoint.template_id is None:
        return []
    overrides, installed = endpoint.overrides, around.capabilities.gpus
    if not overrides.gpus:
        return []
    here = overrides.gpu(installed)
    if here is not None:
        kind = "a GPU that is here" if here == ANY_GPU else f"the GPU {here!r}"
        made = f"{endpoint.full_name} {version.number} was made without a GPU, so it runs on the CPU."
        return [f"{made} Save the endpoint again: the version that this makes gets {kind}."]
    asked = f"{', '.join(overrides.gpus[:_GPUS_SHOWN])}{' …' if len(overrides.gpus) > _GPUS_SHOWN else ''}"
    there = "none but those that it leaves out" if installed else "none"
    return [f"{endpoint.full_name} asked for a GPU ({asked}); this platform has {there}, so it runs on the CPU."]


def _for_a_free_worker(name: str, around: Situation) -> _Waiting:
    seats = around.seats
    busy = f"All {seats} workers of {name} are busy." if seats > 1 else f"The only worker of {name} is busy."
    scaling = around.endpoint.scaling if around.endpoint is not None else None
    if scaling is None or seats + around.starting < scaling.maximum:
        return _Waiting("free_worker", (busy,))
    more = f"Allow more: `trivet endpoints scale {name} --workers {scaling.minimum},{scaling.maximum + 1}`."
    return _Waiting(
        "free_worker", (busy, f"No more than {scaling.maximum} may run."), (more,) if around.manages else ()
    )


def _for_switching_on(name: str, around: Situation) -> _Waiting:
    on = f"Switch it on: `trivet endpoints scale {name} --workers 0,1`."
    return _Waiting(
        "free_worker",
        (f"{name} is switched off: no worker of it may run.",),
        (on if around.manages else f"Ask whoever looks after {name} to switch it on.",),
    )


def _for_a_start_that_works(name: str, around: Situation) -> _Waiting:
    waiting, history = _failed_starts(name, around), around.history
    if history.retry_at <= around.now:
        return waiting
    next_try = f"The next start is tried in {_span(history.retry_at - around.now)}."
    return replace(waiting, reasons=(*waiting.reasons, next_try))


def _failed_starts(name: str, around: Situation) -> _Waiting:
    history, last = around.history, around.history.last
    times = "once" if history.failures == 1 else f"{history.failures} times in a row"
    reason = last.reason.rstrip(".") if last is not None else "ended"
    if not around.manages:
        # what follows are the words of the endpoint's own code, or names of its secrets
        reason, _, _ = reason.partition(": ")
    lines = last.last_lines if last is not None else ()
    what = "what the worker's last lines name" if lines else "what ends it"
    mend = f"Mend {what}, and deploy again; or go back: `trivet endpoints rollback {name}`."
    return _Waiting(
        "crash_loop" if history.is_crash_loop else "worker_starting",
        (f"No worker of {name} becomes ready: starting one failed {times}. The last one {reason}.",),
        (mend if around.manages else f"Ask whoever looks after {name} to mend it.",),
        lines,
    )


def _for_a_start(name: str, around: Situation) -> _Waiting:
    if around.starting > 1:
        return _Waiting("worker_starting", (f"{around.starting} workers of {name} are starting.",))
    soon = "starting" if around.starting else "about to be started"
    return _Waiting("worker_starting", (f"A worker of {name} is {soon}.",))


def _span(seconds: float) -> str:
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
