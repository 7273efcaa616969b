"""``trivet up``: a platform in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from trivet.cli.extra import server_extra
from trivet.cli.output import emit

if TYPE_CHECKING:
    from trivet.platform.server.bootstrap import Platform
    from trivet.sdk._config import Profile


@click.command()
@click.option("--host", metavar="HOST", help="The address to listen on; 127.0.0.1 unless TRIVET_HOST says otherwise.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="The port to listen on, 0 for a free one; 8300 unless TRIVET_PORT says otherwise.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder that holds everything; TRIVET_DATA, else this system's usual place.",
)
@click.pass_context
def up(ctx: click.Context, host: str | None, port: int | None, data: Path | None) -> None:
    """Run the platform here, until Ctrl-C.

    On an empty data folder it creates the first account, admin, and its API key. The key is shown this once, and stored
    in your profile, so that the other commands work at once. The same happens at a start where no administrator has a
    key that counts any more. Running jobs get some time to finish when it is stopped; waiting ones stay on disk for the
    next start.
    """
    with server_extra():
        from trivet.platform.server.main import serve
    ctx.exit(serve(host, port, data, echo=emit, on_ready=_welcome))


def _welcome(url: str, platform: Platform) -> None:
    local = reachable_url(url)
    emit(f"URL          {url}")
    emit(f"API pages    {local}/docs")
    emit(f"Data folder  {platform.settings.data}")
    if platform.first is not None:
        account, token = platform.first
        emit(f"Account      {account.name}")
        emit(f"API key      {token}   (shown this once)")
        for line in store_profile(local, str(token)):
            emit(line)
    else:
        for line in compare_profile(local):
            emit(line)
    emit("Ready. Ctrl-C stops it.")


def reachable_url(url: str) -> str:
    """``url`` as this machine can reach it: a platform that listens everywhere is called on the loopback address."""
    host = urlsplit(url).hostname
    if host == "0.0.0.0":  # noqa: S104 - compared with, not listened on
        return url.replace("0.0.0.0", "127.0.0.1", 1)  # noqa: S104 - taken away, not listened on
    return url.replace("[::]", "[::1]", 1) if host == "::" else url


def store_profile(url: str, api_key: str) -> list[str]:
    """Stores the first key in the profile; another server's key that it held is kept beside it.

    Returns:
        What to tell people, line by line. A profile that can't be read or written does not stop the platform.
    """
    from trivet.sdk._config import Profile, profile_path, read_profile, write_profile
    from trivet.sdk.errors import ConfigurationError

    path = profile_path()
    lines = []
    try:
        before = read_profile(path)
        if before.api_key is not None:
            kept = _spare(path, before)
            write_profile(before, kept)
            lines.append(f"Profile      the one before, for {before.url or 'the usual URL'}, is kept in {kept}")
        write_profile(Profile(url, api_key), path)
    except ConfigurationError as error:
        return [
            *lines,
            f"Profile      not stored: {error.message}",
            "             Set TRIVET_URL and TRIVET_API_KEY instead.",
        ]
    return [*lines, f"Profile      {path}"]


def _spare(path: Path, profile: Profile) -> Path:
    """Where ``profile`` is kept: beside ``path``, and in the place of no other, whose key may be written nowhere else."""
    from trivet.sdk._config import read_profile

    number = 1
    while True:
        kept = path.with_name(f"{path.name}.old{number if number > 1 else ''}")
        if not kept.exists() or read_profile(kept) == profile:
            return kept
        number += 1


def compare_profile(url: str) -> list[str]:
    """What to tell people whose profile names another server than the one that has just started at ``url``."""
    from trivet.sdk._config import resolve
    from trivet.sdk._http import origin
    from trivet.sdk.errors import ConfigurationError

    try:
        settings = resolve()
    except ConfigurationError as error:
        return [f"Profile      {error.message}"]
    if origin(settings.url) == origin(url):
        return []
    return [f"Profile      it names {settings.url}; for this platform, set TRIVET_URL={url} and TRIVET_API_KEY"]
