# Generated from ../_async/jobs.py by scripts/unasync.py: change that file, then run the script.
"""A job as a handle, and the jobs of a server."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trivet.sdk import _answers
from trivet.sdk._deadline import Deadline, seconds
from trivet.sdk._payloads import encode_input
from trivet.sdk._requests import jobs as _requests
from trivet.sdk._requests.parts import LONGEST_RUN_WAIT, PAGE
from trivet.sdk._sync.concurrency import newest
from trivet.sdk._sync.session import Session, idempotency_key
from trivet.sdk.errors import JobCancelledError, JobError, JobTimedOutError, TimedOutError
from trivet.sdk.models import (
    CancelOutcome,
    Explanation,
    JobEvent,
    JobFailure,
    JobStatus,
    JobView,
    LogLine,
    Progress,
)

if TYPE_CHECKING:
    from trivet.sdk._http import Response
    from trivet.sdk._sync.streams import Stream


class Job:
    """One call, from submit to result.

    Made by `submit` or by the client's `job`; making the handle makes no request. ``view`` is what the server said last, and
    `refresh` asks again. While the job is not known to be final, ``status``, ``done``, ``attempts``, ``progress`` and
    ``error`` of a `Job` ask by themselves; those of an `Job` can't, as they are not awaited, and tell what was said last.

    Args:
        session: makes the requests.
        job_id: which job.
        view: what is known of it already.
    """

    def __init__(self, session: Session, job_id: str, view: JobView | None = None) -> None:
        self._session = session
        self._id = job_id
        self._view = view
        self._is_whole = view is not None and view.status.final
        self._replayed = False

    @classmethod
    def of(cls, session: Session, answer: Response) -> Job:
        """The job in the answer to a call.

        Raises:
            UnexpectedAnswerError: there is none in it.
        """
        view = _answers.value(JobView, answer)
        job = cls(session, view.id, view)
        job._replayed = answer.headers.get("idempotent-replayed") == "true"
        return job

    @property
    def id(self) -> str:
        """The job's id; the client's `job` takes it."""
        return self._id

    @property
    def replayed(self) -> bool:
        """Whether `submit` gave an earlier job, that of the same idempotency key."""
        return self._replayed

    @property
    def view(self) -> JobView | None:
        """All that the server said last; None where it was not asked yet."""
        return self._view

    @property
    def status(self) -> JobStatus | None:
        """Where it stands; None where the server was not asked yet."""
        view = self._newest()
        return view.status if view is not None else None

    @property
    def done(self) -> bool:
        """Whether it is final."""
        view = self._newest()
        return view is not None and view.status.final

    @property
    def attempts(self) -> int | None:
        """How many workers have taken it so far."""
        view = self._newest(whole=True)
        return view.attempts if view is not None else None

    @property
    def progress(self) -> Progress | None:
        """How far it is, if the handler told."""
        view = self._newest()
        return view.progress if view is not None else None

    @property
    def error(self) -> JobFailure | None:
        """Why it failed, if it did."""
        view = self._newest()
        return view.error if view is not None else None

    def refresh(self) -> JobView:
        """Ask the server how it stands now.

        Raises:
            NotFoundError: there is no such job that this key may see.
            ServiceUnavailableError: the server was unreachable for half a minute.
        """
        return self.update(self._session.value(JobView, _requests.job(self._id)))

    def wait(self, timeout: float | None = None) -> JobStatus:
        """Wait until it is final, however it ends.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            TimedOutError: the wait ended first; the job goes on.
            ServiceUnavailableError: the server was unreachable up to the end of the wait, or for half a minute in a row
                where the wait has none; the job goes on.
        """
        deadline = Deadline(timeout)
        while True:
            began, asked = time.monotonic(), deadline.portion(_requests.LONGEST_JOB_WAIT)
            answer = self._session.poll(
                lambda wait: _requests.job(self._id, wait=wait), _requests.LONGEST_JOB_WAIT, deadline
            )
            view = self.update(_answers.value(JobView, answer))
            if view.status.final:
                return view.status
            if deadline.passed:
                raise self._still_going(deadline)
            self._session.unhurried(deadline, asked, began)

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the output and give it: what JSON holds, or bytes.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            JobFailedError: the handler raised, or could not be run.
            JobCancelledError: it was cancelled.
            JobTimedOutError: it ran out of its own time.
            TimedOutError: the wait ended first; the job goes on.
            ServiceUnavailableError: the server was unreachable up to the end of the wait, or for half a minute in a row
                where the wait has none; the job goes on.
        """
        return self._result(Deadline(timeout))

    def _result(self, deadline: Deadline) -> Any:
        """The same, where the wait may have begun before."""
        while True:
            began, asked = time.monotonic(), deadline.portion(LONGEST_RUN_WAIT)
            try:
                answer = _answers.output(
                    self._session.poll(
                        lambda wait: _requests.job_result(self._id, wait=wait), LONGEST_RUN_WAIT, deadline
                    )
                )
            except JobError as error:
                self._ended(error)
                raise
            if not isinstance(answer, JobView):
                self._settle(JobStatus.SUCCEEDED)
                return answer.value
            self.update(answer)
            if deadline.passed:
                raise self._still_going(deadline)
            self._session.unhurried(deadline, asked, began)

    def cancel(self) -> CancelOutcome:
        """Cancel it, and wait a few seconds for the confirmation.

        Returns:
            The outcome: true in a condition where it is cancelled, with a sentence in ``detail``. It is false, not an
            error, for a job that was final already.
        """
        outcome = self._session.value(CancelOutcome, _requests.job_cancel(self._id))
        if outcome.job is not None:
            self.update(outcome.job)
        return outcome

    def input(self) -> Any:
        """What it was given: what JSON holds, or bytes."""
        return _answers.content(self._session.send(_requests.job_input(self._id)))

    def logs(self) -> list[LogLine]:
        """All that its handler wrote so far."""
        return self._session.everything(LogLine, lambda after: _requests.job_logs(self._id, after=after))

    def explain(self) -> Explanation:
        """Why it stands where it stands, and what to do. Print it: its text is for people."""
        return self._session.value(Explanation, _requests.job_explain(self._id))

    def replay(self, input: Any = ..., *, version: str | None = None) -> Job:
        """A new job like it, under the same policy.

        Args:
            input: what the handler is given; ``...``: what this job was given.
            version: which version it goes to; None: the one that a call gets now.

        Raises:
            InvalidInputError: the input misses the schema, or can't be sent; nothing was queued.
        """
        body = None if input is ... else encode_input(input)
        request = _requests.job_replay(self._id, body, key=idempotency_key(), version=version)
        return Job.of(self._session, self._session.send(request))

    def stream(self, *, on_progress: Callable[[Progress], object] | None = None) -> Stream:
        """Its pieces, from the first, as they come.

        Args:
            on_progress: called with each progress that the handler tells.
        """
        from trivet.sdk._sync.streams import Stream

        return Stream(self._session, _requests.job_events(self._id), self, on_progress)

    def events(self) -> Generator[JobEvent, None]:
        """All that happens to it: changes of status, pieces, progress, log lines; ends with the job."""
        from trivet.sdk._sync.streams import follow
        from trivet.sdk.models import StatusChange

        events = follow(self._session, _requests.job_events(self._id), self._id)
        try:
            for event in events:
                if isinstance(event, StatusChange):
                    self.update(event.job)
                yield event
        finally:
            events.close()

    def update(self, view: JobView) -> JobView:
        """Take in what the server said of this job."""
        self._view = view
        self._is_whole = view.status.final
        return view

    def _newest(self, *, whole: bool = False) -> JobView | None:
        """The newest view; ``whole``: not one whose end was learnt from the result alone."""
        is_last = self._is_whole if whole else self._view is not None and self._view.status.final
        return newest(self._view, self.refresh, is_last=is_last)

    def _settle(self, status: JobStatus, failure: JobFailure | None = None) -> None:
        known = self._view or JobView(self._id, status)
        self._view = replace(known, status=status, error=failure or known.error)

    def _ended(self, error: JobError) -> None:
        if isinstance(error, JobCancelledError):
            self._settle(JobStatus.CANCELLED)
        elif isinstance(error, JobTimedOutError):
            self._settle(JobStatus.TIMED_OUT)
        else:
            self._settle(JobStatus.FAILED, getattr(error, "error", None))

    def _still_going(self, deadline: Deadline) -> TimedOutError:
        status = self._view.status if self._view is not None else "going"
        return TimedOutError(
            f"The job {self._id} is still {status} after {seconds(deadline.timeout)} of waiting; it goes on.",
            hint="Wait again with `client.job(job_id).result(timeout=…)`, or see `explain()` and `cancel()` there.",
            job_id=self._id,
        )

    def __repr__(self) -> str:
        status = str(self._view.status) if self._view is not None else None
        return f"Job({self._id!r}, status={status!r})"

    def __rich_repr__(self) -> Iterator[tuple[str | None, Any]]:
        yield None, self._id
        if self._view is not None:
            yield "endpoint", self._view.endpoint
            yield "status", str(self._view.status)
            if self._view.progress is not None:
                yield "progress", self._view.progress.fraction


class Jobs:
    """The jobs that the key may see."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        *,
        endpoint: str | int | None = None,
        status: str | Iterable[str] = (),
        dead_letters: bool = False,
        limit: int | None = None,
    ) -> Iterator[JobView]:
        """Jobs, newest first; further pages are asked for as they are needed.

        Args:
            endpoint: only those of this endpoint.
            status: only those that stand so; one status or several.
            dead_letters: only those that failed though their policy would have tried them again.
            limit: how many at most; None gives all.
        """
        wanted = [status] if isinstance(status, str) else [*status]
        size = min(limit or PAGE, PAGE)
        return self._session.pages(
            JobView,
            lambda cursor: _requests.jobs(
                endpoint=endpoint, status=wanted, dead_letters=dead_letters, limit=size, cursor=cursor
            ),
            limit,
        )

    def get(self, job_id: str) -> JobView:
        """How a job stands now.

        Raises:
            NotFoundError: there is no such job that this key may see.
        """
        return self._session.value(JobView, _requests.job_lookup(job_id))
