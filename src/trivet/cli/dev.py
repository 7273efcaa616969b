"""``trivet dev``: serve what is being written, anew after each change."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.deploy import introduction, publish, sample_input
from trivet.cli.deploy_env import GivenEnv, env_options, given_env
from trivet.cli.devserver import temporary_platform
from trivet.cli.errors import explain
from trivet.cli.options import worker_range
from trivet.cli.output import emit, note, written
from trivet.cli.session import connect
from trivet.cli.watch import snapshot, wait_for_change

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import DeployedEndpoint


@click.command(short_help="Deploy PATH, and again whenever a file there changes.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", metavar="OWNER/NAME", help="Publish under this name, not under the handler's own.")
@click.option("--workers", type=worker_range, metavar="MIN,MAX", help="How many workers at least and at most.")
@env_options
def dev(
    *,
    path: Path,
    name: str | None,
    workers: tuple[int, int] | None,
    env: tuple[str, ...],
    env_files: tuple[Path, ...],
    secrets: tuple[str, ...],
    no_env: bool,
) -> None:
    """Deploy what lies at PATH, and again whenever a file there changes, until Ctrl-C.

    Uses the platform of your profile or environment where it answers, and otherwise starts one of its own, which is
    gone with Ctrl-C. What the handler writes, and why a version can't be built, appears as it happens; a version that
    can't be built leaves the one before serving.

    --env, --env-file and --secret say what the code finds in its environment, as for trivet deploy; files are read anew for
    each version.
    """
    read = partial(given_env, env, env_files, secrets, no_env=no_env)
    read()  # what can't be meant is refused before a platform is started
    # Stopped from outside, it must take its platform along: as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _platform() as client:
        followed: set[str] = set()
        while True:
            before = snapshot(path)
            for endpoint in _publish(client, path, name, workers, read):
                emit(introduction(client.url, endpoint, sample_input(client, endpoint)))
                if endpoint.id not in followed:
                    followed.add(endpoint.id)
                    threading.Thread(target=_follow, args=(client, endpoint.id), daemon=True).start()
            note(f"Watching {path}; Ctrl-C ends it.")
            wait_for_change(path, before, time.sleep)


@contextmanager
def _platform() -> Iterator[Client]:
    """The configured platform where it answers, else a temporary one."""
    from trivet.sdk import Client
    from trivet.sdk.errors import ServiceUnavailableError

    with connect() as client:
        try:
            answers = bool(client.ready())
        except ServiceUnavailableError:
            answers = False
        if answers:
            yield client
            return
        note(f"No platform answers at {client.url}: starting one for this session.")
    with temporary_platform() as profile, Client(profile.url, profile.api_key) as client:
        note("To call it from another terminal:")
        emit(f"export TRIVET_URL={profile.url} TRIVET_API_KEY={profile.api_key}")
        yield client


def _publish(
    client: Client, path: Path, name: str | None, workers: tuple[int, int] | None, read: Callable[[], GivenEnv]
) -> list[DeployedEndpoint]:
    """Deploys; what can't be read or built is explained, and the next change tried."""
    from trivet.sdk.errors import DeploymentError, TooLargeError

    try:
        return publish(client, path, name=name, workers=workers, **read().settings)
    except (DeploymentError, TooLargeError) as error:
        note(explain(error))
    except click.UsageError as error:  # a file with variables that is being written
        note(error.message)
    return []


def _follow(client: Client, reference: str) -> None:
    """Prints what the endpoint's workers and jobs write, until the client is closed."""
    from trivet.sdk.errors import TrivetError

    with suppress(TrivetError):
        for line in client.endpoints.follow_logs(reference):
            written(line.text)
