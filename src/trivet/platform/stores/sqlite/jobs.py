"""Jobs and their events in SQLite."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from trivet.platform.core.errors import Conflict
from trivet.platform.core.jobs import OPEN, EventKind, Job, JobEvent, JobStatus
from trivet.platform.core.payloads import Payload
from trivet.platform.stores.sqlite import values
from trivet.platform.stores.sqlite.session import BulkInsert, Row, Session
from trivet.platform.stores.sqlite.statements import statements
from trivet.platform.stores.sqlite.values import plain

_FIXED = """
    id, endpoint_id, version_id, account_id, created_at, policy, input_type, input_size, input_data, input_blob, key_id,
    idempotency_key, input_digest, aside, parent_id, root_id, depth, retry_of, retry_number, number
"""
_CHANGING = """
    status, attempt, token, worker_id, queued_at, started_at, finished_at, stop_reason, stop_asked_at, pieces, progress,
    output_type, output_size, output_data, output_blob, error, retry_at, is_dead_letter, forget_at
"""
_COLUMNS = f"{_FIXED}, {_CHANGING}"
_IS_OPEN = "status IN ('queued', 'running')"
"""Word for word the condition of the index `jobs_open`, or SQLite would not see that it applies."""

_PUT = BulkInsert(
    f"INSERT INTO jobs ({_COLUMNS})",
    f"""ON CONFLICT (id) DO UPDATE SET
        ({_CHANGING}) = ({", ".join(f"excluded.{column.strip()}" for column in _CHANGING.split(","))})
        WHERE jobs.{_IS_OPEN}""",
    width=len(_COLUMNS.split(",")),
    refusals={
        "jobs.idempotency_key": Conflict("A job of this endpoint has that idempotency key already."),
        "jobs.retry_of": Conflict("That job was tried again already."),
        "jobs.number": Conflict("Another job has that number already."),
    },
)
_ADD_EVENT = BulkInsert(
    "INSERT INTO job_events (job_id, seq, attempt, kind, at, data, label)", "ON CONFLICT DO NOTHING", width=7
)
_SQL = statements("jobs", _COLUMNS)
_GET = f"{_SQL.select} WHERE id = ?"
_ALL_OPEN = f"{_SQL.select} WHERE {_IS_OPEN} ORDER BY id"
_COUNTS = "SELECT status, count(*) FROM jobs WHERE endpoint_id = ? GROUP BY status"
_RETRIED = "SELECT count(*) FROM jobs WHERE endpoint_id = ? AND attempt > 1"
_KEYED = f"{_SQL.select} WHERE endpoint_id = ? AND account_id = ? AND idempotency_key = ?"
_NEWEST_RETRY = f"{_SQL.select} WHERE retry_of = ? ORDER BY retry_number DESC LIMIT 1"
_NUMBERED = f"{_SQL.select} WHERE number = ?"
_NUMBERED_OF = {
    False: "FROM jobs WHERE account_id = ? AND number IS NOT NULL",
    True: "FROM jobs WHERE account_id = ? AND endpoint_id = ? AND number IS NOT NULL",
}
_NUMBERED_COUNTS = {narrow: f"SELECT count(*) {of}" for narrow, of in _NUMBERED_OF.items()}
_NUMBERED_PAGES = {
    (
        narrow,
        newest_first,
    ): f"SELECT {_COLUMNS} {of} ORDER BY number {'DESC' if newest_first else 'ASC'} LIMIT ? OFFSET ?"
    for narrow, of in _NUMBERED_OF.items()
    for newest_first in (False, True)
}
"""By whether one endpoint's are wanted, and whether the newest come first."""
_OUTDATED = f"{_SQL.select} WHERE forget_at <= ? ORDER BY forget_at, id LIMIT ?"
_BLOBS = """
    SELECT input_blob FROM jobs WHERE input_blob IS NOT NULL
    UNION ALL SELECT output_blob FROM jobs WHERE output_blob IS NOT NULL
"""
_LAST_EVENT = "SELECT coalesce(max(seq), 0) FROM job_events WHERE job_id = ?"
_REMOVE_EVENTS = """
    DELETE FROM job_events WHERE job_id = ?1
    AND seq <= (SELECT max(seq) FROM (SELECT seq FROM job_events WHERE job_id = ?1 ORDER BY seq LIMIT ?2))
"""
_EVENTS = "SELECT job_id, seq, attempt, kind, at, data, label FROM job_events WHERE job_id = ? AND seq > ?"


class SqliteJobs:
    """A `JobRepository`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, job: Job) -> None:
        """Records the job as it stands now. A job that is recorded as final never changes: such a put does nothing."""
        self._session.defer(_PUT, _row(job))

    def get(self, job_id: str) -> Job | None:
        """The job, or None."""
        self._session.flush()
        row = self._session.execute(_GET, (job_id,)).fetchone()
        return None if row is None else _job(row)

    def keyed(self, endpoint_id: str, account_id: str, idempotency_key: str) -> Job | None:
        """The job that a caller named so, or None."""
        self._session.flush()
        row = self._session.execute(_KEYED, (endpoint_id, account_id, idempotency_key)).fetchone()
        return None if row is None else _job(row)

    def numbered(self, number: int) -> Job | None:
        """The job that has this integer, or None."""
        self._session.flush()
        row = self._session.execute(_NUMBERED, (number,)).fetchone()
        return None if row is None else _job(row)

    def numbered_page(
        self,
        account_id: str,
        *,
        endpoint_id: str | None = None,
        newest_first: bool = True,
        offset: int = 0,
        limit: int = 20,
    ) -> tuple[list[Job], int]:
        """An account's jobs that have an integer, in the order of these; and how many there are in all."""
        self._session.flush()
        key: tuple[str, ...] = (account_id,) if endpoint_id is None else (account_id, endpoint_id)
        page, count = _NUMBERED_PAGES[endpoint_id is not None, newest_first], _NUMBERED_COUNTS[endpoint_id is not None]
        rows = self._session.execute(page, (*key, limit, offset)).fetchall()
        counted = self._session.execute(count, key).fetchone()
        return [_job(row) for row in rows], int(counted[0])

    def newest_retry(self, first_id: str) -> Job | None:
        """The newest job that tries the job with this id again; None: nobody has."""
        self._session.flush()
        row = self._session.execute(_NEWEST_RETRY, (first_id,)).fetchone()
        return None if row is None else _job(row)

    def open(self) -> list[Job]:
        """All jobs that are not final, oldest first."""
        self._session.flush()
        return [_job(row) for row in self._session.execute(_ALL_OPEN)]

    def page(
        self,
        *,
        endpoint_ids: Sequence[str] | None = None,
        account_id: str | None = None,
        statuses: Iterable[JobStatus] = (),
        dead_letters: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Newest first; see `JobRepository.page`."""
        self._session.flush()
        groups = [("endpoint_id", endpoint_id) for endpoint_id in endpoint_ids or ()]
        if account_id is not None:
            groups.append(("account_id", account_id))
        elif endpoint_ids is None:
            groups.append(("", ""))
        # the newest of each group and then the newest of those: every step walks an index, whereas one query for
        # all groups would sort all their jobs
        found: set[str] = set()
        for column, value in groups:
            found.update(self._newest(column, value, frozenset(statuses), before, limit, dead_letters=dead_letters))
        jobs = (self.get(job_id) for job_id in heapq.nlargest(limit, found))
        return [job for job in jobs if job is not None]

    def _newest(
        self,
        column: str,
        value: str,
        statuses: frozenset[JobStatus],
        before: str | None,
        limit: int,
        *,
        dead_letters: bool,
    ) -> list[str]:
        conditions = ["is_dead_letter = 1" if dead_letters else "1"]
        parameters: list[Any] = []
        if column:
            conditions.append(f"{column} = ?")
            parameters.append(value)
        if statuses and statuses <= OPEN:
            conditions.append(_IS_OPEN)
        if statuses:
            conditions.append(f"status IN ({', '.join('?' * len(statuses))})")
            parameters.extend(status.value for status in statuses)
        if before is not None:
            conditions.append("id < ?")
            parameters.append(before)
        # nothing of the caller's is in the text: names of columns and question marks
        sql = f"SELECT id FROM jobs WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"  # noqa: S608 - conditions are ours, values bound
        return [row[0] for row in self._session.execute(sql, (*parameters, limit))]

    def counts(self, endpoint_id: str) -> dict[JobStatus, int]:
        """How many jobs of the endpoint stand where; what there is none of is left out."""
        self._session.flush()
        return {JobStatus(status): count for status, count in self._session.execute(_COUNTS, (endpoint_id,))}

    def retried(self, endpoint_id: str) -> int:
        """How many jobs of the endpoint were tried more than once."""
        self._session.flush()
        count: int = self._session.execute(_RETRIED, (endpoint_id,)).fetchone()[0]
        return count

    def add_events(self, events: Sequence[JobEvent]) -> None:
        """Adds events; one whose number the job has already changes nothing."""
        for event in events:
            row = (event.job_id, event.seq, event.attempt, event.kind.value, event.at, event.data, plain(event.label))
            self._session.defer(_ADD_EVENT, row)

    def events(
        self, job_id: str, *, after: int = 0, limit: int = 1000, size: int = 2**62, kinds: Iterable[EventKind] = ()
    ) -> list[JobEvent]:
        """In order, those with ``seq`` above ``after``, within both limits; ``kinds`` empty: all."""
        self._session.flush()
        wanted = [kind.value for kind in kinds]
        some = f" AND kind IN ({', '.join('?' * len(wanted))})" if wanted else ""
        rows = self._session.execute(f"{_EVENTS}{some} ORDER BY seq LIMIT ?", (job_id, after, *wanted, limit))
        found: list[JobEvent] = []
        for id_, seq, attempt, kind, at, data, label in rows:
            size -= len(data)
            if size < 0 and found:
                break
            found.append(JobEvent(id_, seq, attempt, EventKind(kind), at, data, label))
        return found

    def last_event(self, job_id: str) -> int:
        """The highest ``seq`` of a job's events; 0 where there are none."""
        self._session.flush()
        last: int = self._session.execute(_LAST_EVENT, (job_id,)).fetchone()[0]
        return last

    def blobs(self) -> set[str]:
        """The names of all blobs that jobs refer to."""
        self._session.flush()
        return {name for (name,) in self._session.execute(_BLOBS)}

    def outdated(self, moment: float, limit: int = 500) -> list[Job]:
        """Final jobs that are to be forgotten by ``moment`` (seconds since the epoch), longest overdue first."""
        self._session.flush()
        return [_job(row) for row in self._session.execute(_OUTDATED, (moment, limit))]

    def remove_events(self, job_id: str, limit: int) -> int:
        """Removes the oldest events of a job, ``limit`` of them at most; returns how many."""
        self._session.flush()
        return self._session.execute(_REMOVE_EVENTS, (job_id, limit)).rowcount

    def remove(self, job_ids: Sequence[str]) -> None:
        """With their events."""
        self._session.flush()
        for job_id in job_ids:
            self._session.execute("DELETE FROM job_events WHERE job_id = ?", (job_id,))
            self._session.execute("DELETE FROM jobs WHERE id = ?", (job_id,))


def _row(job: Job) -> Row:
    given, output, stop_reason = job.input, job.output, job.stop_reason
    return (
        job.id,
        job.endpoint_id,
        job.version_id,
        job.account_id,
        job.created_at,
        values.encode_policy(job.policy),
        plain(given.content_type),
        given.size,
        given.data,
        given.blob,
        job.key_id,
        job.idempotency_key,
        job.input_digest,
        job.aside,
        job.parent_id,
        job.root_id,
        job.depth,
        job.retry_of,
        job.retry_number,
        job.number,
        job.status.value,
        job.attempt,
        job.token,
        job.worker_id,
        job.queued_at,
        job.started_at,
        job.finished_at,
        None if stop_reason is None else stop_reason.value,
        job.stop_asked_at,
        job.pieces,
        values.encode_progress(job.progress),
        *((None, None, None, None) if output is None else _output_columns(output)),
        values.encode_job_error(job.error),
        job.retry_at,
        int(job.is_dead_letter),
        job.forget_at,
    )


def _output_columns(output: Payload) -> Row:
    return plain(output.content_type), output.size, output.data, output.blob


def _job(row: tuple[Any, ...]) -> Job:
    (
        id_,
        endpoint_id,
        version_id,
        account_id,
        created_at,
        policy,
        input_type,
        input_size,
        input_data,
        input_blob,
        key_id,
        idempotency_key,
        input_digest,
        aside,
        parent_id,
        root_id,
        depth,
        retry_of,
        retry_number,
        number,
        status,
        attempt,
        token,
        worker_id,
        queued_at,
        started_at,
        finished_at,
        stop_reason,
        stop_asked_at,
        pieces,
        progress,
        output_type,
        output_size,
        output_data,
        output_blob,
        error,
        retry_at,
        is_dead_letter,
        forget_at,
    ) = row
    return Job(
        id=id_,
        endpoint_id=endpoint_id,
        version_id=version_id,
        account_id=account_id,
        input=Payload(input_type, input_size, input_data, input_blob),
        policy=values.decode_policy(policy),
        created_at=created_at,
        status=JobStatus(status),
        attempt=attempt,
        token=token,
        worker_id=worker_id,
        queued_at=queued_at,
        started_at=started_at,
        finished_at=finished_at,
        stop_reason=None if stop_reason is None else JobStatus(stop_reason),
        stop_asked_at=stop_asked_at,
        pieces=pieces,
        progress=values.decode_progress(progress),
        output=None if output_type is None else Payload(output_type, output_size, output_data, output_blob),
        error=values.decode_job_error(error),
        key_id=key_id,
        idempotency_key=idempotency_key,
        input_digest=input_digest,
        aside=aside,
        parent_id=parent_id,
        root_id=root_id,
        depth=depth,
        retry_of=retry_of,
        retry_number=retry_number,
        retry_at=retry_at,
        is_dead_letter=bool(is_dead_letter),
        forget_at=forget_at,
        number=number,
    )
