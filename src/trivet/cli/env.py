"""``trivet env``: the environment that points an SDK at this platform, or a worker elsewhere at one of its endpoints."""

from __future__ import annotations

import re
import secrets
import shlex
import socket
from collections.abc import Mapping

import click

from trivet.cli.errors import Failure, Unreachable
from trivet.cli.output import emit, note
from trivet.cli.session import connect
from trivet.protocol import algorithmia, jaqpot
from trivet.protocol.runpod import caller_variables, worker_variables

DIALECTS = ("runpod", "algorithmia", "jaqpot")
PING_INTERVAL = 5.0
"""Seconds between the signs of life of a worker elsewhere."""
_WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def _worker_id(text: str) -> str:
    if _WORKER_ID.fullmatch(text) is None:
        raise click.BadParameter("it takes up to 128 letters, digits, '.', '-' and '_', with a letter or digit first.")
    return text


@click.command(
    epilog="""\b
Examples:
  eval "$(trivet env)"          # our own SDK
  eval "$(trivet env runpod)"   # programs that use the runpod package
  eval "$(trivet env algorithmia)"   # programs that use the algorithmia package
  eval "$(trivet env jaqpot)"   # programs that use Jaqpot's SDK
  eval "$(trivet env runpod --worker admin/hello)" && python handler.py """
)
@click.argument("dialect", required=False, type=click.Choice(DIALECTS))
@click.option(
    "--worker",
    "endpoint",
    metavar="NAME",
    help="With runpod: what a worker program needs to serve the endpoint NAME from where it is started, with a new key.",
)
@click.option(
    "--worker-id", type=_worker_id, metavar="ID", help="What that worker is called; made up where it is left out."
)
def env(dialect: str | None, endpoint: str | None, worker_id: str | None) -> None:
    """Print the export lines that point an SDK at this platform.

    Without DIALECT they are TRIVET_URL and TRIVET_API_KEY, from the environment or the profile. With runpod they are
    RUNPOD_API_KEY, RUNPOD_ENDPOINT_BASE_URL and RUNPOD_API_BASE_URL, with algorithmia ALGORITHMIA_API_KEY and
    ALGORITHMIA_API: a program that uses the runpod or the algorithmia package then calls this platform, in processes that
    start afterwards. With jaqpot they are JAQPOT_API_KEY, JAQPOT_API_SECRET and JAQPOT_API_URL; Jaqpot's SDK finds the first
    two by itself and takes the URL as JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"]).

    With --worker they are for a program that calls runpod.serverless.start, here or on another machine that reaches the
    URL of the profile. Each time a key is made that can do nothing but that; `trivet keys revoke` takes it back.

    The values are quoted for the shell. They hold keys: don't print them where others read.
    """
    from trivet.sdk._config import resolve

    if endpoint is None and worker_id is not None:
        raise click.UsageError("--worker-id names the worker of --worker NAME, which is missing.")
    if endpoint is not None and dialect != "runpod":
        raise click.UsageError("Only RunPod's workers join by their environment: trivet env runpod --worker NAME")
    settings = resolve()
    if settings.api_key is None:
        raise Unreachable(
            settings.withheld or f"There is no API key for {settings.url}.",
            "`trivet up` stores one in the profile on its first start; or set TRIVET_API_KEY.",
        )
    if endpoint is not None:
        _export(_joining(settings.url, endpoint, worker_id or _made_up()))
    elif dialect == "runpod":
        _export(caller_variables(settings.url, settings.api_key))
    elif dialect == "algorithmia":
        _export(algorithmia.caller_variables(settings.url, settings.api_key))
    elif dialect == "jaqpot":
        variables = jaqpot.caller_variables(settings.url, settings.api_key)
        if variables is None:
            raise Failure(
                "The API key in use is not made of an id and a secret, and Jaqpot's SDK sends these two.",
                "Make one that is: trivet keys create",
            )
        _export(variables)
    else:
        _export({"TRIVET_URL": settings.url, "TRIVET_API_KEY": settings.api_key})


def _export(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        emit(f"export {name}={shlex.quote(value)}")


def _joining(url: str, endpoint: str, worker_id: str) -> dict[str, str]:
    """What a worker program needs to serve an endpoint, with a key that is made for it."""
    with connect() as client:
        endpoint_id = client.endpoints.get(endpoint).id
        made = client.keys.create(label=f"RunPod worker of {endpoint}", scopes=["work"])
    until = "" if made.expires_at is None else f" until {made.expires_at:%Y-%m-%d}"
    note(f"The worker {worker_id} may serve {endpoint} at {url}{until}. To end that: trivet keys revoke {made.id}")
    variables = worker_variables(
        url, endpoint_id, worker_id, made.key, query="from=elsewhere", ping_interval=PING_INTERVAL
    )
    return variables | {"RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true"}


def _made_up() -> str:
    """A worker's id that says on which machine it runs, and is nobody else's."""
    machine = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname()).strip("-")[:60] or "worker"
    return f"{machine}-{secrets.token_hex(4)}"
