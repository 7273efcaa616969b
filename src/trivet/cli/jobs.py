"""``trivet jobs``: look into calls, past and present."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.errors import Failure
from trivet.cli.inputs import read_input
from trivet.cli.output import Column, ago, emit, emit_json, facts, json_option, listing, moment, note, span, written
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import JobView

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "timed_out")


@click.group()
def jobs() -> None:
    """Look into calls: list, show, explain, cancel or repeat them."""


@jobs.command("ls")
@click.option("--endpoint", metavar="NAME", help="Only jobs of this endpoint.")
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only jobs that stand so; may be repeated.")
@click.option("--dead", is_flag=True, help="Only dead letters: jobs that used up their attempts.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@json_option
def ls(*, endpoint: str | None, status: tuple[str, ...], dead: bool, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    columns: list[Column[JobView]] = [
        Column("JOB", lambda job: job.id, whole=True),
        Column("STATUS", lambda job: job.status, whole=True),
        Column("ENDPOINT", lambda job: job.endpoint),
        Column("VERSION", lambda job: job.version),
        Column("AGE", lambda job: ago(job.created_at)),
        Column("QUEUED", lambda job: _milliseconds(job.queued_ms)),
        Column("TOOK", lambda job: _milliseconds(job.duration_ms)),
        Column("ATTEMPTS", lambda job: job.attempts),
    ]
    with connect() as client:
        found = client.jobs.list(endpoint=endpoint, status=status, dead_letters=dead, limit=limit)
        listing(found, columns, as_json=as_json, empty="There is no such job.")


@jobs.command("show", short_help="Show how JOB stands.")
@click.argument("job_id", metavar="JOB")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show how JOB stands: its status, times, progress, and its error if it has one."""
    with connect() as client:
        job = client.jobs.get(job_id)
    if as_json:
        emit_json(job)
        return
    progress, error = job.progress, job.error
    facts(
        [
            ("Job", job.id),
            ("Status", job.status),
            ("Endpoint", f"{job.endpoint} {job.version or ''}".rstrip()),
            ("Attempts", job.attempts if job.max_attempts is None else f"{job.attempts} of {job.max_attempts}"),
            ("Priority", job.priority if job.priority != "normal" else None),
            ("Tried again", job.retry_at and moment(job.retry_at)),
            ("Progress", progress and _progress(progress.fraction, progress.message)),
            ("Created", job.created_at and moment(job.created_at)),
            ("Started", job.started_at and moment(job.started_at)),
            ("Finished", job.finished_at and moment(job.finished_at)),
            ("Queued for", _milliseconds(job.queued_ms)),
            ("Ran for", _milliseconds(job.duration_ms)),
            ("Pieces", job.pieces or None),
            ("Output", job.output_type and f"{job.output_type}, {job.output_size} bytes"),
            ("Error", error and f"{error.type or error.code}: {error.message}"),
            ("", error and error.traceback),
            ("What to do", error and error.hint),
            ("Dead letter", f"yes; again with: trivet jobs replay {job.id}" if job.dead_letter else None),
            ("Kept until", job.kept_until and moment(job.kept_until)),
        ]
    )


@jobs.command("explain")
@click.argument("job_id", metavar="JOB")
@json_option
def explain(job_id: str, as_json: bool) -> None:
    """Explain why JOB waits, failed or took so long, and what to do."""
    with connect() as client:
        explanation = client.job(job_id).explain()
    emit_json(explanation) if as_json else emit(str(explanation))


@jobs.command("logs")
@click.argument("job_id", metavar="JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends.")
@json_option
def logs(job_id: str, follow: bool, as_json: bool) -> None:
    """Print what the handler wrote while it worked on JOB. With --json, one object per line."""
    from trivet.sdk.models import LogLine

    with connect() as client:
        job = client.job(job_id)
        for line in job.events() if follow else job.logs():
            if isinstance(line, LogLine):
                emit_json(line) if as_json else written(line.text)


@jobs.command("cancel")
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB...")
@json_option
def cancel(job_ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel jobs, whether they wait or run.

    Prints the id of each job that was cancelled. The exit status is 1 if one of them could not be, because it had
    ended. With --json, one object per line.
    """
    missed = 0
    with connect() as client:
        for job_id in job_ids:
            outcome = client.job(job_id).cancel()
            missed += not outcome
            if as_json:
                emit_json({"id": job_id, "cancelled": outcome.cancelled, "detail": outcome.detail})
            elif outcome:
                emit(job_id)
            else:
                note(f"{job_id}: {outcome.detail}")
    if missed:
        raise Failure(f"{missed} of {len(job_ids)} jobs could not be cancelled.")


@jobs.command("replay")
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB...")
@click.option("--input", "input_text", metavar="INPUT", help="Give it this input instead: JSON, @FILE, or - .")
@click.option("--version", metavar="REF", help="Send it to this version; without it, to the one that a call gets now.")
@json_option
def replay(job_ids: tuple[str, ...], input_text: str | None, version: str | None, as_json: bool) -> None:
    """Queue a new job like each JOB, and print its id. With --json, one object per line."""
    given = ... if input_text is None else read_input(input_text).payload()
    with connect() as client:
        for job_id in job_ids:
            job = client.job(job_id).replay(given, version=version)
            emit_json(job.view) if as_json else emit(job.id)


def _milliseconds(value: float | None) -> str | None:
    return None if value is None else span(value / 1000)


def _progress(fraction: float | None, message: str | None) -> str:
    return " ".join(part for part in (None if fraction is None else f"{fraction:.0%}", message) if part)
