"""``trivet``: the commands by what they are for, and the one place where failures become words and exit statuses."""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

import click

from trivet._version import __version__
from trivet.cli.errors import INTERRUPTED, report
from trivet.cli.lazy import LazyGroup

SECTIONS = {
    "Run a platform": {
        "up": "trivet.cli.up:up",
        "demo": "trivet.cli.demo:demo",
        "doctor": "trivet.cli.doctor:doctor",
    },
    "Write and publish": {
        "run": "trivet.cli.run:run",
        "dev": "trivet.cli.dev:dev",
        "deploy": "trivet.cli.deploy:deploy",
        "examples": "trivet.cli.examples:examples",
        "migrate": "trivet.cli.migrate:migrate",
    },
    "Call": {
        "call": "trivet.cli.call:call",
        "env": "trivet.cli.env:env",
        "files": "trivet.cli.files:files",
    },
    "See what runs": {
        "jobs": "trivet.cli.jobs:jobs",
        "ps": "trivet.cli.ps:ps",
        "logs": "trivet.cli.logs:logs",
        "webhooks": "trivet.cli.webhooks:webhooks",
    },
    "Manage": {
        "endpoints": "trivet.cli.endpoints:endpoints",
        "models": "trivet.cli.models:models",
        "images": "trivet.cli.images:images",
        "keys": "trivet.cli.keys:keys",
        "accounts": "trivet.cli.accounts:accounts",
        "orgs": "trivet.cli.orgs:orgs",
        "secrets": "trivet.cli.secrets:secrets",
    },
}


class Application(LazyGroup):
    """The root of all commands. What a command raises ends here, as a message on stderr and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command.

        Raises:
            click.exceptions.Exit: with the exit status, after the failure was explained on stderr.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            # A new line, so that the shell's prompt does not stand behind the terminal's ^C.
            click.echo(err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            raise click.exceptions.Exit(report(error)) from error


@click.group(
    cls=Application,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="trivet", message="%(prog)s %(version)s")
def cli() -> None:
    """Trivet puts your functions and models behind one job API.

    \b
    A first round:
      trivet up                                   start a platform here, and leave it running
      trivet deploy hello.py                      publish what lies in hello.py
      trivet call admin/hello '{"name": "Bond"}'  call it

    Every listing takes --json. Results go to stdout, everything else to stderr.
    What can't be undone is asked about on a terminal, and done at once in a script.
    The exit status is 0 when it is done, 1 when the job or the operation failed, 2 for wrong usage,
    and 3 when the platform cannot be reached or does not let you in.
    """


def main() -> NoReturn:
    """The entry point of the installed script; never returns."""
    _say_anyhow()
    statuses: list[int] = []
    atexit.register(_leave, statuses)  # the first that is registered is the last that runs
    try:
        cli.main(prog_name="trivet")
    except SystemExit as end:
        statuses.append(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise


def _say_anyhow() -> None:
    """What stdout's encoding has no character for goes out as an escape such as ``\\u2192``, as it does on stderr. An error amid
    a table, or behind a call that was made, would lose what people came for.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _leave(statuses: list[int]) -> None:
    """Ends the process at once where a call that was interrupted goes on in a thread.

    Such a thread can't be stopped, and one that comes back from the HTTP library, or holds a stream, while the interpreter is
    being taken down has the process aborted: with another status, and with words of the interpreter's own on the terminal.
    """
    if threading.active_count() == 1 or not statuses:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has gone, or it is closed
            stream.flush()
    os._exit(statuses[0])


__all__ = ["cli", "main"]
