"""``trivet call``: one call, its output alone on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click

from trivet.cli.errors import Failure
from trivet.cli.inputs import read_input
from trivet.cli.output import emit, emit_json, is_terminal, json_option, note
from trivet.cli.session import connect
from trivet.cli.values import PieceWriter, print_output
from trivet.cli.waiting import reasons_told

if TYPE_CHECKING:
    from trivet.sdk import Endpoint, Job, Stream
    from trivet.sdk._calls import CallOptions


@click.command(
    epilog="""\b
Examples:
  trivet call admin/hello '{"name": "Bond"}'
  trivet call admin/faces @photo.jpg
  cat rows.json | trivet call admin/classifier -
  trivet call admin/generator '{"prompt": "The keeper"}' --stream"""
)
@click.argument("name")
@click.argument("input_text", metavar="[INPUT]", required=False)
@click.option(
    "--stream",
    is_flag=True,
    help="Print each piece of the output as it comes; all of it at the end where there are no pieces.",
)
@click.option("--submit", is_flag=True, help="Queue the job, print its id and return at once.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="End the job if it is not done after this many seconds.",
)
@click.option("--version", metavar="REF", help="Call this version: exact, a range such as ^1.2, an alias, or latest.")
@click.option("--priority", type=click.Choice(("high", "normal", "low")), help="Before or behind others in the queue.")
@click.option("--max-attempts", type=click.IntRange(min=1), metavar="N", help="Try it this often at most.")
@click.option(
    "--retry-on",
    metavar="KIND",
    multiple=True,
    help="Try it again after this: worker_lost, handler_error, execution_timeout, or a type of exception. Repeatable.",
)
@click.option("--backoff", type=click.FloatRange(min=0), metavar="S", help="Wait this long before the second attempt.")
@click.option("--webhook", metavar="URL", help="Have this URL told when the job ends.")
@click.option("--affinity", metavar="TEXT", help="Calls with the same text get the same version where they are split.")
@click.option("--idempotency-key", metavar="TEXT", help="Name this call: the same name gives the same job.")
@json_option
def call(
    *,
    name: str,
    input_text: str | None,
    stream: bool,
    submit: bool,
    timeout: float | None,
    version: str | None,
    as_json: bool,
    retry_on: tuple[str, ...],
    **said: Any,
) -> None:
    """Call the endpoint NAME and print its output.

    NAME is owner/name, or one of the endpoint's ids. INPUT is JSON; @FILE sends a file (one that ends in .json as JSON,
    any other as it is, with the content type that its name says); - reads standard input. An object becomes the
    handler's keyword arguments, anything else its only argument.

    Text is printed as it is, any other value as one line of JSON, and binary output as raw bytes, which a terminal is
    spared. With --json, all output is JSON. Ctrl-C cancels the job. Why one is not begun is told on stderr while it waits.
    """
    if stream and submit:
        raise click.UsageError("--stream waits for the output and --submit does not: choose one of them.")
    payload = read_input(input_text).payload()
    said.update(version=version, retry_on=retry_on or None, job_timeout=timeout)
    options = cast("CallOptions", said)  # click has checked what it says
    waited = cast("CallOptions", {**said, "ttl": timeout})
    with connect() as client:
        endpoint = client.endpoint(name)
        if submit:
            job = endpoint.submit(payload, **options)
            emit_json(job.view) if as_json else emit(job.id)
            what = "That key was used before; this is its job" if job.replayed else "Queued"
            note(f"{what}. See it with: trivet jobs show {job.id}")
        elif stream:
            _stream(endpoint.stream(payload, **waited), as_json=as_json)
        else:
            _run(endpoint, payload, waited, timeout=timeout, as_json=as_json)


def _run(endpoint: Endpoint, payload: Any, waited: CallOptions, *, timeout: float | None, as_json: bool) -> None:
    from trivet.sdk._deadline import seconds
    from trivet.sdk.errors import TimedOutError

    # Submitted, not run: only a job whose id is known can be cancelled while it is waited for.
    job = endpoint.submit(payload, **waited)
    try:
        with _cancelled_on_interrupt(lambda: job), reasons_told(lambda: job):
            if timeout is None and is_terminal(sys.stderr):
                _show_progress(job)
            output = job.result(timeout)
    except TimedOutError:
        outcome = job.cancel()
        if not outcome and job.done:  # it ended just then: what became of it is the answer
            print_output(job.result(), as_json=as_json)
            return
        what = "It was cancelled." if outcome else outcome.detail
        raise Failure(
            f"The job {job.id} was not done after {seconds(timeout or 0.0)}. {what}",
            f"Give it longer, or queue it with --submit. Why it took so long: trivet jobs explain {job.id}",
        ) from None
    print_output(output, as_json=as_json)


def _stream(stream: Stream, *, as_json: bool) -> None:
    writer = PieceWriter(as_json=as_json)
    came = False
    with stream, _cancelled_on_interrupt(lambda: stream.job), reasons_told(lambda: stream.job):
        try:
            for piece in stream:
                came = True
                writer.write(piece)
        finally:
            writer.end_line()
    if not came and stream.job is not None:
        output = stream.job.result()
        if output != []:  # which is what a generator gives that has no pieces: this is a function's whole output
            print_output(output, as_json=as_json)


@contextmanager
def _cancelled_on_interrupt(find: Callable[[], Job | None]) -> Iterator[None]:
    """Cancels the job that ``find`` gives when Ctrl-C ends the block, and says what became of it."""
    try:
        yield
    except KeyboardInterrupt:
        job = find()
        if job is None:
            note("\nInterrupted before the platform answered. If the call made a job: trivet jobs ls")
            raise
        try:
            outcome = job.cancel()
        except BaseException:
            note(f"\nThe job {job.id} goes on. To end it: trivet jobs cancel {job.id}")
            raise
        note(f"\nThe job {job.id} was cancelled." if outcome else f"\nThe job {job.id}: {outcome.detail}")
        raise


def _show_progress(job: Job) -> None:
    """Shows the job's progress on the terminal until it ends; nothing for a job that tells none."""
    from trivet.cli.progress import ProgressLine
    from trivet.sdk.models import Progress

    with ProgressLine() as line:
        for event in job.events():
            if isinstance(event, Progress):
                line.show(event.fraction, event.message)
