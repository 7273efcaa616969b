"""``trivet env``: the environment that points an SDK at this platform."""

from __future__ import annotations

import shlex

import click

from trivet.cli.errors import Failure, Unreachable
from trivet.cli.output import emit

DIALECTS = ("runpod", "algorithmia", "jaqpot")


@click.command(
    epilog="""\b
Example:
  eval "$(trivet env)" """
)
@click.argument("dialect", required=False, type=click.Choice(DIALECTS))
def env(dialect: str | None) -> None:
    """Print the export lines that point an SDK at this platform.

    They are TRIVET_URL and TRIVET_API_KEY, from the environment or the profile, quoted for the shell. They hold your
    key: don't print them where others read. The dialects of other SDKs (runpod, algorithmia, jaqpot) are not there yet.
    """
    from trivet.sdk._config import resolve

    if dialect is not None:
        raise Failure(
            f"This platform does not speak the {dialect} dialect yet, so there is nothing to point its SDK at.",
            "The native API is there: trivet env",
        )
    settings = resolve()
    if settings.api_key is None:
        raise Unreachable(
            settings.withheld or f"There is no API key for {settings.url}.",
            "`trivet up` stores one in the profile on its first start; or set TRIVET_API_KEY.",
        )
    emit(f"export TRIVET_URL={shlex.quote(settings.url)}")
    emit(f"export TRIVET_API_KEY={shlex.quote(settings.api_key)}")
