"""Explaining a job: values in, sentences out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trivet.platform.core.endpoints import Endpoint, Overrides, Version, VersionSettings, VersionState
from trivet.platform.core.jobs import Job, JobError, JobPolicy, JobStatus, Priority, Progress
from trivet.platform.core.payloads import Payload
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.core.views import Explanation
from trivet.platform.core.workers import Departure, StartHistory
from trivet.platform.ports.runtime import Capabilities
from trivet.platform.services.explain import Situation, explain

NOW = 1000.0
ENDPOINT = Endpoint("e", "acc", "ada", "hello", 0.0, 0.0, scaling=ScalingPolicy(minimum=0, maximum=2))
VERSION = Version("v", "e", "1.0.0", "f" * 64, VersionState.READY, 0.0, "acc")
QUEUED = Job("job_1", "e", "v", "acc", Payload.inline(b"1"), JobPolicy(timeout=600.0), NOW - 90, queued_at=NOW - 90)
RUNNING = replace(QUEUED, status=JobStatus.RUNNING, attempt=1, token="t", worker_id="wrk_1", started_at=NOW - 5)
CRASHED = StartHistory(3, NOW + 2.0, Departure("exited with status 1", ("ImportError: no",)))


def told(job: Job, **facts: Any) -> Explanation:
    known: dict[str, Any] = {
        "endpoint": ENDPOINT,
        "version": VERSION,
        "position": 1 if job.status is JobStatus.QUEUED else None,
        "seats": 0,
        "starting": 0,
        "history": StartHistory(),
        "capabilities": Capabilities(),
        "now": NOW,
        "manages": True,
    }
    return explain(job, Situation(**{**known, **facts}))


def ended(status: JobStatus, error: JobError | None = None, **changes: Any) -> Job:
    return replace(RUNNING, status=status, error=error, finished_at=NOW, **changes)


def test_a_queued_job_says_where_it_stands_and_how_to_give_up_on_it() -> None:
    found = told(QUEUED, position=4, seats=1)
    assert found.summary == "The job has been waiting in the queue at position 4 for 90.0 s."
    assert (found.position, found.status) == (4, JobStatus.QUEUED)
    assert found.next_steps[-1] == "Give up on it: `trivet jobs cancel job_1`."


@pytest.mark.parametrize(
    ("starting", "reason"),
    [
        (0, "A worker of ada/hello is about to be started."),
        (1, "A worker of ada/hello is starting."),
        (2, "2 workers of ada/hello are starting."),
    ],
)
def test_without_a_worker_a_job_waits_for_one_to_start(starting: int, reason: str) -> None:
    found = told(QUEUED, starting=starting)
    assert (found.waiting_for, found.reasons) == ("worker_starting", (reason,))


def test_a_job_behind_busy_workers_names_the_limit_and_how_to_raise_it() -> None:
    found = told(QUEUED, seats=2)
    assert found.waiting_for == "free_worker"
    assert found.reasons == ("All 2 workers of ada/hello are busy.", "No more than 2 may run.")
    assert found.next_steps[0] == "Allow more: `trivet endpoints scale ada/hello --workers 0,3`."


def test_below_the_limit_nothing_is_said_about_it() -> None:
    found = told(QUEUED, seats=1)
    assert found.reasons == ("The only worker of ada/hello is busy.",)
    assert len(found.next_steps) == 1


def test_a_crash_loop_is_told_with_its_cause_and_the_next_try() -> None:
    found = told(QUEUED, history=CRASHED)
    assert found.waiting_for == "crash_loop"
    assert found.reasons == (
        "No worker of ada/hello becomes ready: starting one failed 3 times in a row. The last one exited with status 1.",
        "The next start is tried in 2.0 s.",
    )
    assert found.worker_log == ("ImportError: no",)
    assert "trivet endpoints rollback ada/hello" in found.next_steps[0]


def test_one_failed_start_is_no_crash_loop() -> None:
    found = told(QUEUED, history=StartHistory(1, NOW - 1, Departure("vanished")))
    assert found.waiting_for == "worker_starting"
    assert found.reasons == ("No worker of ada/hello becomes ready: starting one failed once. The last one vanished.",)


def test_who_does_not_manage_the_endpoint_reads_no_worker_lines_and_gets_no_advice_it_can_not_follow() -> None:
    crashed = told(QUEUED, history=CRASHED, manages=False)
    assert crashed.worker_log == ()
    assert crashed.next_steps == (
        "Ask whoever looks after ada/hello to mend it.",
        "Give up on it: `trivet jobs cancel job_1`.",
    )
    assert told(QUEUED, seats=2, manages=False).next_steps == ("Give up on it: `trivet jobs cancel job_1`.",)
    lost = JobError("worker_lost", "The worker vanished.", worker_log=("secret line",))
    assert told(ended(JobStatus.FAILED, lost), manages=False).worker_log == ()
    assert told(ended(JobStatus.FAILED, lost)).worker_log == ("secret line",)


def test_a_gpu_that_is_not_here_is_named() -> None:
    version = replace(VERSION, settings=VersionSettings(gpu="H100"))
    found = told(QUEUED, version=version, capabilities=Capabilities(gpus={"NVIDIA A10": 2}))
    assert found.waiting_for == "no_such_gpu"
    assert found.reasons == ("ada/hello asks for the GPU 'H100'. Here there is: 2 × NVIDIA A10.",)
    here = told(QUEUED, version=version, capabilities=Capabilities(gpus={"NVIDIA H100 80GB": 1}))
    assert here.waiting_for == "worker_starting"


def test_a_queued_job_whose_endpoint_is_gone_is_still_told_of() -> None:
    assert "e is about to be started" in told(QUEUED, endpoint=None, version=None).reasons[0]


def test_a_running_job_says_for_how_long_where_and_how_far() -> None:
    found = told(replace(RUNNING, attempt=2, progress=Progress(0.4, "half way")))
    assert found.summary == "The job has been running for 5.0 s on worker wrk_1; its timeout is 10 min."
    assert found.waiting_for == "handler"
    assert found.reasons == (
        "It reports: 40% half way",
        "This is attempt 2 of 3; the log tells how the others ended.",
    )


def test_a_progress_without_a_share_or_words_reads_well() -> None:
    assert told(replace(RUNNING, progress=Progress(None, "loading"))).reasons == ("It reports: loading",)
    assert told(replace(RUNNING, progress=Progress(1.0))).reasons == ("It reports: 100%",)


def test_a_job_that_was_asked_to_stop_says_so() -> None:
    found = told(replace(RUNNING, stop_reason=JobStatus.TIMED_OUT, stop_asked_at=NOW - 0.5))
    assert found.reasons == ("It was asked to stop 500 ms ago (timed_out) and is killed if it does not.",)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (JobStatus.SUCCEEDED, "The job succeeded after 5.0 s."),
        (JobStatus.FAILED, "The job failed after 5.0 s."),
        (JobStatus.CANCELLED, "The job was cancelled after 5.0 s."),
        (JobStatus.TIMED_OUT, "The job timed out after 5.0 s."),
    ],
)
@pytest.mark.parametrize("error", [None, JobError("code", "Because.")])
def test_every_end_has_its_sentence(status: JobStatus, sentence: str, error: JobError | None) -> None:
    found = told(ended(status, error))
    assert (found.summary, found.waiting_for) == (sentence, None)
    assert found.reasons == (() if error is None else ("Because.",))


def test_a_failed_job_names_the_error_its_hint_and_where_to_look() -> None:
    error = JobError("handler_error", "times must be above 0", type="ValueError", hint="Mend the input.")
    found = told(ended(JobStatus.FAILED, error, attempt=2))
    assert found.summary == "The job failed after 5.0 s, at attempt 2."
    assert found.reasons == ("ValueError: times must be above 0",)
    assert found.next_steps[0] == "Mend the input."
    assert "trivet jobs logs job_1" in found.next_steps[1]
    assert "trivet jobs replay job_1" in found.next_steps[1]


def test_a_dead_letter_that_timed_out_says_how_to_try_it_again() -> None:
    error = JobError("execution_timeout", "It ran too long.")
    assert told(ended(JobStatus.TIMED_OUT, error)).next_steps == ()
    (step,) = told(ended(JobStatus.TIMED_OUT, error, is_dead_letter=True)).next_steps
    assert "trivet jobs replay job_1" in step


def test_a_failed_job_of_an_endpoint_that_is_gone_names_no_command_that_can_only_fail() -> None:
    (step,) = told(ended(JobStatus.FAILED, JobError("handler_error", "No.")), endpoint=None, version=None).next_steps
    assert "trivet jobs replay" not in step
    assert "Its endpoint was deleted" in step


@pytest.mark.parametrize(
    ("manages", "steps"),
    [
        (True, ("Keep a worker: `trivet endpoints scale ada/hello --workers 1,2`.", "Call with normal priority.")),
        (False, ("Call with normal priority.",)),
    ],
)
def test_a_job_of_low_priority_without_a_worker_says_what_its_reader_can_do(
    manages: bool, steps: tuple[str, ...]
) -> None:
    found = told(replace(QUEUED, policy=JobPolicy(priority=Priority.LOW)), manages=manages)
    assert found.next_steps[:-1] == steps


EXPIRED = JobError("ttl_expired", "The job was not finished within its time to live of 12 s.", hint="Raise `ttl=`.")
UNFIT = StartHistory(
    4, NOW + 2.0, Departure("could not load its handler: ValueError: bad token t0p", ("ValueError: bad token t0p",))
)


@pytest.mark.parametrize("status", [JobStatus.TIMED_OUT, JobStatus.CANCELLED])
def test_a_job_that_ended_in_the_queue_says_why_no_worker_took_it(status: JobStatus) -> None:
    found = told(replace(QUEUED, status=status, finished_at=NOW, error=EXPIRED), history=UNFIT)
    first, second = found.reasons
    assert first == EXPIRED.said
    assert second.startswith("No worker of ada/hello becomes ready: starting one failed 4 times in a row.")
    assert second.endswith("The last one could not load its handler: ValueError: bad token t0p.")
    assert found.worker_log == ("ValueError: bad token t0p",)
    assert EXPIRED.hint not in found.next_steps
    assert "trivet endpoints rollback ada/hello" in found.next_steps[0]


def test_a_job_that_ended_in_the_queue_of_what_can_not_run_here_says_that() -> None:
    job = replace(QUEUED, status=JobStatus.TIMED_OUT, finished_at=NOW, error=EXPIRED)
    off = told(job, endpoint=replace(ENDPOINT, scaling=ScalingPolicy(minimum=0, maximum=0)))
    assert off.reasons[-1] == "ada/hello is switched off: no worker of it may run."
    no_gpu = told(job, version=replace(VERSION, settings=VersionSettings(gpu="H100")))
    assert "asks for the GPU 'H100'" in no_gpu.reasons[-1]


@pytest.mark.parametrize(
    ("job", "facts"),
    [
        (QUEUED, {"history": UNFIT, "seats": 1}),
        (QUEUED, {}),
        (RUNNING, {"history": UNFIT}),
        (QUEUED, {"history": UNFIT, "endpoint": None}),
    ],
)
def test_nothing_is_made_up_about_why_a_job_timed_out(job: Job, facts: dict[str, Any]) -> None:
    found = told(replace(job, status=JobStatus.TIMED_OUT, finished_at=NOW, error=EXPIRED), **facts)
    assert (found.reasons, found.next_steps) == ((EXPIRED.said,), (EXPIRED.hint,))


def test_who_does_not_manage_the_endpoint_reads_nothing_that_its_code_said_when_it_was_loaded() -> None:
    for job in (QUEUED, replace(QUEUED, status=JobStatus.TIMED_OUT, finished_at=NOW, error=EXPIRED)):
        found = told(job, history=UNFIT, manages=False)
        assert any("The last one could not load its handler." in reason for reason in found.reasons)
        assert "t0p" not in repr(found)
        assert "Ask whoever looks after ada/hello to mend it." in found.next_steps


def test_a_worker_that_ends_without_a_word_has_no_last_lines_to_look_at() -> None:
    found = told(QUEUED, history=StartHistory(2, NOW, Departure("exited with status 7")))
    assert found.next_steps[0].startswith("Mend what ends it, and deploy again")


def test_a_job_that_ended_in_the_queue_took_no_time() -> None:
    job = replace(QUEUED, status=JobStatus.CANCELLED, finished_at=NOW)
    assert told(job).summary == "The job was cancelled."


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.25, "250 ms"), (119.0, "119.0 s"), (600.0, "10 min"), (7200.0, "2.0 h")]
)
def test_spans_are_told_in_the_unit_that_fits(seconds: float, words: str) -> None:
    job = replace(QUEUED, created_at=NOW - seconds)
    assert f"for {words}." in told(job, seats=1).summary


NOT_HAD = "ada/hello asked for a GPU (A4000, A4500, L4 …); this platform has"
CAME_LATER = (
    "ada/hello 1.0.0 was made without a GPU, so it runs on the CPU. "
    "Save the endpoint again: the version that this makes gets"
)


@pytest.mark.parametrize(
    ("gpus", "reason"),
    [
        ({}, f"{NOT_HAD} none, so it runs on the CPU."),
        ({"T4": 1}, f"{NOT_HAD} none but those that it leaves out, so it runs on the CPU."),
        ({"L4": 1}, f"{CAME_LATER} the GPU 'L4'."),
        ({"A10": 1}, f"{CAME_LATER} a GPU that is here."),
    ],
)
@pytest.mark.parametrize("job", [QUEUED, RUNNING])
def test_an_endpoint_made_for_a_gpu_that_is_not_here_says_that_it_runs_on_the_cpu(
    job: Job, gpus: dict[str, int], reason: str
) -> None:
    overrides = Overrides(gpus=("A4000", "A4500", "L4", "A5000"), gpus_left_out=("T4",))
    made = replace(ENDPOINT, template_id="t", overrides=overrides)
    assert told(job, endpoint=made, capabilities=Capabilities(gpus=gpus)).reasons[-1] == reason
    on_gpu = replace(VERSION, settings=VersionSettings(gpu="any"))
    reasons = told(job, endpoint=made, version=on_gpu, capabilities=Capabilities(gpus=gpus)).reasons
    assert reason not in reasons
