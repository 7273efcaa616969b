"""``trivet env``: the environment that points an SDK at this platform."""

from __future__ import annotations

import shlex

import click

from trivet.cli.errors import Failure, Unreachable
from trivet.cli.output import emit

DIALECTS = ("runpod", "algorithmia", "jaqpot")


@click.command(
    epilog="""\b
Examples:
  eval "$(trivet env)"          # our own SDK
  eval "$(trivet env runpod)"   # programs that use the runpod package """
)
@click.argument("dialect", required=False, type=click.Choice(DIALECTS))
def env(dialect: str | None) -> None:
    """Print the export lines that point an SDK at this platform.

    Without DIALECT they are TRIVET_URL and TRIVET_API_KEY, from the environment or the profile. With runpod they are
    RUNPOD_API_KEY, RUNPOD_ENDPOINT_BASE_URL and RUNPOD_API_BASE_URL: a program that uses the runpod package then calls
    this platform, in processes that start afterwards. algorithmia and jaqpot are not there yet.

    The values are quoted for the shell. They hold your key: don't print them where others read.
    """
    from trivet.sdk._config import resolve

    if dialect not in (None, "runpod"):
        raise Failure(
            f"This platform does not speak the {dialect} dialect yet, so there is nothing to point its SDK at.",
            "What is there: trivet env, trivet env runpod",
        )
    settings = resolve()
    if settings.api_key is None:
        raise Unreachable(
            settings.withheld or f"There is no API key for {settings.url}.",
            "`trivet up` stores one in the profile on its first start; or set TRIVET_API_KEY.",
        )
    variables = _runpod if dialect == "runpod" else _native
    for name, value in variables(settings.url, settings.api_key).items():
        emit(f"export {name}={shlex.quote(value)}")


def _native(url: str, key: str) -> dict[str, str]:
    return {"TRIVET_URL": url, "TRIVET_API_KEY": key}


def _runpod(url: str, key: str) -> dict[str, str]:
    return {
        "RUNPOD_API_KEY": key,
        "RUNPOD_ENDPOINT_BASE_URL": f"{url}/runpod/v2",
        "RUNPOD_API_BASE_URL": f"{url}/runpod",  # its package adds /graphql
    }
