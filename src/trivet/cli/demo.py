"""``trivet demo``: the whole of it, once."""

from __future__ import annotations

import signal

import click

from trivet.cli.extra import server_extra
from trivet.cli.output import emit


@click.command(short_help="Deploy the bundled examples on a temporary platform, call them.")
@click.pass_context
def demo(ctx: click.Context) -> None:
    """Start a platform on a temporary folder, deploy the bundled examples, call them, and stop.

    Shows what each call answered and how long it took. Nothing is left behind.
    """
    # Stopped from outside, it must take its folder along: as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with server_extra():
        from trivet.platform.server.demo import run_demo
    ctx.exit(run_demo(emit))
