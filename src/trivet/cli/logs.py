"""``trivet logs``: what an endpoint's workers and jobs write."""

from __future__ import annotations

import click

from trivet.cli.output import emit_json, json_option, written
from trivet.cli.session import connect


@click.command(short_help="Print what an endpoint's workers and jobs write.")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from then on, until Ctrl-C.")
@json_option
def logs(name: str, follow: bool, as_json: bool) -> None:
    """Print what the workers and the jobs of the endpoint NAME wrote lately.

    With --json, one object per line, which also tells the time, the worker and the job.
    """
    with connect() as client:
        for line in client.endpoints.follow_logs(name) if follow else client.endpoints.logs(name):
            emit_json(line) if as_json else written(line.text)
