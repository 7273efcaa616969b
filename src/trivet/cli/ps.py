"""``trivet ps``: the workers that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.output import Column, ago, json_option, listing
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import WorkerInfo


@click.command(short_help="List the workers that run.")
@click.argument("name", required=False)
@json_option
def ps(name: str | None, as_json: bool) -> None:
    """List the workers that run, or those of the endpoint NAME alone.

    JOBS is how many a worker has done. What it is working on: trivet jobs ls --status running
    """
    columns: list[Column[WorkerInfo]] = [
        Column("WORKER", lambda worker: worker.id, whole=True),
        Column("STATE", lambda worker: worker.state, whole=True),
        Column("ENDPOINT", lambda worker: worker.endpoint or name),
        Column("VERSION", lambda worker: worker.version),
        Column("JOBS", lambda worker: worker.jobs),
        Column("AGE", lambda worker: ago(worker.started_at)),
        Column("PID", lambda worker: worker.pid),
    ]
    with connect() as client:
        listing(client.endpoints.workers(name), columns, as_json=as_json, empty="No worker runs.")
