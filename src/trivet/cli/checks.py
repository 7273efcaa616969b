"""What ``trivet doctor`` looks at. Each check gives a verdict and, where something is amiss, what mends it."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from trivet.cli.extra import INSTALL
from trivet.cli.output import ago

if TYPE_CHECKING:
    from trivet.sdk import Client

OLDEST_PYTHON = (3, 11)
SCARCE = 1024**3
"""Bytes free on a disk below which it is worth a word."""
DEFAULT_PORT = "8300"
SOON = timedelta(days=14)
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+)[^;]*;\s*extra == ['"]server['"]""")


class Verdict(StrEnum):
    """How a check went; only a failure changes the exit status."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what, in a word.
        verdict: how it went.
        detail: what was found.
        mend: what to do about it; empty where there is nothing to do.
        remote: it is about the server, not about this machine.
    """

    name: str
    verdict: Verdict
    detail: str
    mend: str = ""
    remote: bool = False


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Whether this Python is new enough."""
    text = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Check("python", Verdict.OK, f"{text} ({sys.executable})")
    return Check("python", Verdict.FAILED, f"{text} is too old.", "Install Python 3.11 or newer.")


def server_extra() -> Check:
    """Whether everything is installed that running a platform takes."""
    try:
        stated = metadata.requires("trivet") or []
    except metadata.PackageNotFoundError:
        return Check("server extra", Verdict.WARNING, "Trivet is not installed as a package.", INSTALL)
    missing = [name for name in needed_by_extra(stated) if not _installed(name)]
    if not missing:
        return Check("server extra", Verdict.OK, "installed")
    detail = f"Missing: {', '.join(missing)}. Calling and deploying work, running a platform does not."
    return Check("server extra", Verdict.WARNING, detail, INSTALL)


def needed_by_extra(stated: Iterable[str]) -> list[str]:
    """The distributions that the server extra needs on every system.

    Args:
        stated: the requirements of the distribution, as its metadata states them.
    """
    return [match[1] for line in stated if (match := _REQUIREMENT.fullmatch(line))]


def uv() -> Check:
    """Whether the tool is there that builds environments."""
    where = shutil.which("uv")
    if where is not None or find_spec("uv") is not None:
        return Check("uv", Verdict.OK, where or "installed as a package")
    return Check("uv", Verdict.WARNING, "Not found; a platform on this machine can't build environments.", INSTALL)


def profile(path: Path) -> Check:
    """Whether the profile can be read, and by its owner alone."""
    from trivet.sdk._config import read_profile
    from trivet.sdk.errors import ConfigurationError

    try:
        mode = path.stat().st_mode
        stored = read_profile(path)
    except FileNotFoundError:
        return Check("profile", Verdict.OK, f"None yet at {path}; `trivet up` stores one on its first start.")
    except OSError as error:
        return Check("profile", Verdict.FAILED, f"{path} can't be read: {error.strerror}.", f"Make {path} readable.")
    except ConfigurationError as error:
        return Check("profile", Verdict.FAILED, error.message, error.hint)
    if stored.api_key is not None and mode & (stat.S_IRWXG | stat.S_IRWXO) and os.name == "posix":
        return Check("profile", Verdict.FAILED, f"{path} holds a key that others may read.", f"chmod 600 {path}")
    return Check("profile", Verdict.OK, str(path))


def data_folder(environ: Mapping[str, str] = os.environ) -> Check:
    """Whether a platform on this machine could keep its data."""
    folder = _data_folder(environ)
    if folder is None:
        return Check("data folder", Verdict.OK, "The usual place; nothing is installed here that would use it.")
    existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    choose = "Choose another folder: trivet up --data DIR, or set TRIVET_DATA."
    if not existing.is_dir():
        return Check("data folder", Verdict.FAILED, f"{existing} is not a folder.", choose)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check("data folder", Verdict.FAILED, f"{existing} can't be written to by you.", choose)
    free = shutil.disk_usage(existing).free
    there = f"{folder}{'' if folder.exists() else ' (made on the first start)'}, {free / 1024**3:.1f} GiB free"
    if free < SCARCE:
        return Check("data folder", Verdict.WARNING, there, f"Free some space there. Or: {choose}")
    return Check("data folder", Verdict.OK, there)


def port(environ: Mapping[str, str] = os.environ) -> Check:
    """Whether a platform could listen on its port; one that is in use may be the platform's own."""
    host, text = environ.get("TRIVET_HOST") or "127.0.0.1", environ.get("TRIVET_PORT") or DEFAULT_PORT
    if not text.isdecimal() or int(text) > 65535:
        return Check("port", Verdict.FAILED, f"TRIVET_PORT is {text!r}, which is no port.", "Set it to 1 to 65535.")
    number = int(text)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, number))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Check("port", Verdict.OK, f"{number} is in use; see below whether by a platform.")
        detail = f"{host}:{number} can't be listened on: {error.strerror}."
        return Check("port", Verdict.WARNING, detail, "Choose another: trivet up --port PORT")
    return Check("port", Verdict.OK, f"{number} is free.")


def server(client: Client, *, configured: bool) -> Check:
    """Whether a platform answers at the client's URL.

    Args:
        client: asks.
        configured: somebody has said that there should be one.
    """
    from trivet.sdk.errors import TrivetError, UnexpectedAnswerError

    try:
        readiness = client.ready()
    except UnexpectedAnswerError as error:
        return Check("server", Verdict.FAILED, error.message, error.hint, remote=True)
    except TrivetError as error:
        verdict = Verdict.FAILED if configured else Verdict.WARNING
        return Check("server", verdict, error.message, error.hint or "Start one: trivet up", remote=True)
    if not readiness:
        detail = f"{client.url} answers, but takes no calls now."
        return Check("server", Verdict.FAILED, detail, "Its log says why; it may still be starting.", remote=True)
    return Check("server", Verdict.OK, f"{client.url} is ready.", remote=True)


def key(client: Client) -> Check:
    """Whether the key counts, and for how long. Ask only where a server answers."""
    from trivet.sdk.errors import TrivetError

    try:
        me = client.me()
    except TrivetError as error:
        return Check("key", Verdict.FAILED, error.message, error.hint, remote=True)
    expires = me.key.expires_at if me.key is not None else None
    who = f"Account {me.account.name}; may {', '.join(me.scopes)}; "
    if expires is None:
        return Check("key", Verdict.OK, f"{who}never expires.", remote=True)
    detail = f"{who}expires {ago(expires)}."
    if expires - datetime.now(UTC) < SOON and me.key is not None:
        return Check("key", Verdict.WARNING, detail, f"trivet keys rotate {me.key.id}", remote=True)
    return Check("key", Verdict.OK, detail, remote=True)


def _installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _data_folder(environ: Mapping[str, str]) -> Path | None:
    if named := environ.get("TRIVET_DATA"):
        return Path(named).expanduser().absolute()
    if find_spec("platformdirs") is None:
        return None
    from platformdirs import user_data_path

    return user_data_path("trivet", appauthor=False)
