"""``trivet webhooks``: what became of the messages that tell of jobs' ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.options import confirmed, yes_option
from trivet.cli.output import Column, ago, emit, emit_json, facts, json_option, listing, moment, note, span
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import WebhookAttempt, WebhookDelivery

STATUSES = ("pending", "delivered", "failed")


@click.group(short_help="Webhooks: the messages that tell of jobs' ends.")
def webhooks() -> None:
    """Webhooks: list, show and repeat the messages that tell of jobs' ends.

    A call asks for one with `trivet call --webhook URL`. A message that is not taken is sent again for about a day.
    """


@webhooks.command("ls")
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only those that stand so; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@json_option
def ls(status: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List deliveries, newest first."""
    columns: list[Column[WebhookDelivery]] = [
        Column("JOB", lambda delivery: delivery.job_id, whole=True),
        Column("STATUS", lambda delivery: delivery.status, whole=True),
        Column("ATTEMPTS", lambda delivery: delivery.attempt_count),
        Column("AGE", lambda delivery: ago(delivery.created_at)),
        Column("NEXT", lambda delivery: ago(delivery.next_attempt_at)),
        Column("URL", lambda delivery: delivery.url),
    ]
    with connect() as client:
        found = client.webhooks.list(status=status, limit=limit)
        listing(found, columns, as_json=as_json, empty="There is no such delivery.")


@webhooks.command("show", short_help="Show every attempt to deliver the webhook of JOB.")
@click.argument("job_id", metavar="JOB")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show what became of the webhook of JOB: every attempt, and when the next one is due."""
    with connect() as client:
        delivery = client.webhooks.get(job_id)
    emit_json(delivery) if as_json else _show(delivery)


@webhooks.command("redeliver", short_help="Send the message of JOB again, now.")
@click.argument("job_id", metavar="JOB")
@json_option
def redeliver(job_id: str, as_json: bool) -> None:
    """Send the message of JOB again, now, whatever became of it before. It keeps its id."""
    with connect() as client:
        delivery = client.webhooks.redeliver(job_id)
    if as_json:
        emit_json(delivery)
    else:
        emit(delivery.id)
        note(f"It is on its way. See what became of it: trivet webhooks show {job_id}")


@webhooks.command("secret", short_help="Print the secret that your messages are signed with.")
@click.option("--rotate", is_flag=True, help="Make a new one; the old one counts for 24 hours more.")
@yes_option
@json_option
def secret(rotate: bool, yes: bool, as_json: bool) -> None:
    """Print the secret that your messages are signed with, for those who receive them.

    Receivers check a message with it: `trivet.webhooks.verify` in Python, or any library for Standard Webhooks.
    """
    if rotate and not confirmed("Make a new signing secret?", yes=yes):
        note("Nothing was changed.")
        return
    with connect() as client:
        found = client.webhooks.rotate_secret() if rotate else client.webhooks.secret()
    if as_json:
        emit_json(found)
        return
    emit(found.secret)
    if found.previous_until is not None:
        note(f"The secret before it signs as well until {moment(found.previous_until)}.")


def _show(delivery: WebhookDelivery) -> None:
    facts(
        [
            ("Message", delivery.id),
            ("Job", delivery.job_id),
            ("URL", delivery.url),
            ("Status", delivery.status),
            ("Planned", delivery.created_at and moment(delivery.created_at)),
            ("Ended", delivery.finished_at and moment(delivery.finished_at)),
            ("Next attempt", delivery.next_attempt_at and moment(delivery.next_attempt_at)),
            ("Attempts", [_attempt(attempt) for attempt in delivery.attempts] or None),
        ]
    )


def _attempt(attempt: WebhookAttempt) -> str:
    outcome = attempt.error or f"taken, {attempt.status_code}"
    answered = f" It said: {attempt.response}" if attempt.error and attempt.response else ""
    return f"{attempt.number}. {moment(attempt.at)}, {span(attempt.duration_ms / 1000)}: {outcome}{answered}"
