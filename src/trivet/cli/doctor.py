"""``trivet doctor``: what is missing on this machine, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from trivet.cli import checks
from trivet.cli.checks import Check, Verdict
from trivet.cli.errors import FAILED, UNREACHABLE
from trivet.cli.output import emit, json_option, listing

_MARKS = {Verdict.OK: "ok     ", Verdict.WARNING: "warning", Verdict.FAILED: "FAILED "}


@click.command(short_help="Check this machine and the way to the platform.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check this machine, this installation and the way to the platform, and say how to mend what is amiss.

    The exit status is 1 if something failed on this machine, 3 if only the platform can't be reached or refuses the
    key. A warning does not change it.
    """
    found = []
    for check in examine():
        found.append(check)
        if not as_json:
            emit(f"{_MARKS[check.verdict]}  {check.name:<13} {check.detail}")
            if check.mend:
                emit(f"{'':<24}→ {check.mend}")
    if as_json:
        listing([asdict(check) for check in found], [], as_json=True, empty="")
    failed = [check for check in found if check.verdict is Verdict.FAILED]
    if failed:
        ctx.exit(UNREACHABLE if all(check.remote for check in failed) else FAILED)


def examine() -> Iterator[Check]:
    """All checks, the machine first, then the way to the platform."""
    from trivet.sdk import Client
    from trivet.sdk._config import profile_path, read_profile
    from trivet.sdk.errors import ConfigurationError

    yield checks.python()
    yield checks.server_extra()
    yield checks.uv()
    yield checks.data_folder()
    yield checks.port()
    path = profile_path()
    yield checks.profile(path)
    try:
        configured = bool(os.environ.get("TRIVET_URL") or read_profile(path).url)
        client = Client(retries=0, timeout=10.0)
    except ConfigurationError as error:
        yield Check("server", Verdict.FAILED, error.message, error.hint, remote=True)
        return
    with client:
        server = checks.server(client, configured=configured)
        yield server
        if server.verdict is Verdict.OK:
            yield checks.key(client)
