"""``trivet logs``: what an endpoint's workers and jobs write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from trivet.cli.output import emit_json, json_option, note, written
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import LogLine

PAUSE = 1.0
"""Seconds between two looks whether a platform that went away is back."""


@click.command(short_help="Print what an endpoint's workers and jobs write.")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from then on, until Ctrl-C.")
@json_option
def logs(name: str, follow: bool, as_json: bool) -> None:
    """Print what the workers and the jobs of the endpoint NAME wrote lately.

    With --json, one object per line, which also tells the time, the worker and the job. With --follow, it waits for a platform
    that is started anew; what was written before it was back is not repeated.
    """
    with connect() as client:
        for line in _followed(client, name) if follow else client.endpoints.logs(name):
            emit_json(line) if as_json else written(line.text)


def _followed(client: Client, name: str) -> Iterator[LogLine]:
    """The lines of an endpoint for as long as somebody wants them, however often the platform is started anew."""
    from trivet.sdk.errors import ServiceUnavailableError

    client.endpoints.get(name)  # one that can't be reached, or isn't there, is not waited for
    while True:
        with suppress(ServiceUnavailableError):  # a connection that breaks is an end like any other
            yield from client.endpoints.follow_logs(name)
        note(f"{client.url} has stopped sending; waiting for it to be back.")
        time.sleep(PAUSE)
        while not _is_back(client):
            time.sleep(PAUSE)


def _is_back(client: Client) -> bool:
    from trivet.sdk.errors import ServiceUnavailableError

    try:
        return bool(client.ready())
    except ServiceUnavailableError:
        return False
