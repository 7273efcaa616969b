"""Where the server is and which key opens it: arguments, else the environment, else the profile.

The profile is a small TOML file (``url``, ``api_key``) in the user's config folder; ``TRIVET_CONFIG`` names another.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trivet.sdk._http import base_url, origin
from trivet.sdk.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8300"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the profile says; None where it is silent."""

    url: str | None = None
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's base URL and the key, as they are in force. ``withheld`` says why a known key is not used."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    withheld: str = ""


def profile_path(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The profile's file: ``TRIVET_CONFIG``, else ``trivet/config.toml`` in the platform's folder for configuration."""
    if named := environ.get("TRIVET_CONFIG"):
        return Path(named).expanduser()
    if platform == "win32":
        folder = Path(environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif platform == "darwin" and "XDG_CONFIG_HOME" not in environ:
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return folder / "trivet" / "config.toml"


def read_profile(path: Path) -> Profile:
    """The profile in ``path``; an empty one where there is no such file.

    Raises:
        ConfigurationError: it can't be read, or is not what a profile looks like.
    """
    import tomllib

    hint = f"Mend or delete {path}; `trivet up` and `trivet doctor` help to make a new one."
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Profile()
    except OSError as error:
        raise ConfigurationError(f"The profile {path} can't be read: {error.strerror}.", hint=hint) from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigurationError(f"The profile {path} is not valid TOML: {error}.", hint=hint) from error
    values = {name: document.get(name) for name in ("url", "api_key")}
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"`{name}` in the profile {path} should be text.", hint=hint)
    return Profile(**values)


def write_profile(profile: Profile, path: Path) -> None:
    """Store ``profile`` in ``path``, readable by its owner alone; at no moment is there half a file.

    Raises:
        ConfigurationError: it can't be written.
    """
    import tempfile

    lines = ["# Trivet's profile: which server, and the key that opens it. Keep it to yourself."]
    lines += [
        f"{name} = {_toml_text(value)}"
        for name, value in (("url", profile.url), ("api_key", profile.api_key))
        if value is not None
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".config-")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(draft).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"The profile {path} can't be written: {error.strerror}.",
            hint="Make its folder writable, or name another file in TRIVET_CONFIG.",
        ) from error


def resolve(
    url: str | None = None,
    api_key: str | None = None,
    profile: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """What is in force: each of ``url`` and ``api_key`` from the argument, else the environment, else the profile.

    The profile's key is for the profile's server. Where another server is named, the key stays at home: a mistyped or
    borrowed URL must not be told a secret.

    In a worker, where no key is given, the job that runs speaks for itself: it may call and read data on behalf of who called it.

    Args:
        url: the server's URL.
        api_key: the key.
        profile: the profile's file, in place of the usual one.
        environ: the environment.

    Raises:
        ConfigurationError: the URL is none, one of the two is no text, or the profile can't be read.
    """
    _check_texts(url=url, api_key=api_key)
    asked_url = url or environ.get("TRIVET_URL")
    asked_key = api_key or environ.get("TRIVET_API_KEY")
    if "TRIVET_WORKER_ID" in environ and asked_url and not asked_key:
        return _within_a_job(base_url(asked_url))
    if asked_url and asked_key:
        return Settings(base_url(asked_url), asked_key.strip())
    path = Path(profile).expanduser() if profile is not None else profile_path(environ)
    stored = read_profile(path)
    home = base_url(stored.url or DEFAULT_URL)
    used = base_url(asked_url) if asked_url else home
    if asked_key or stored.api_key is None:
        return Settings(used, asked_key.strip() if asked_key else None)
    if origin(used) != origin(home):
        return Settings(used, None, f"The key in {path} belongs to {home} and is not sent to {used}.")
    return Settings(used, stored.api_key.strip())


def _check_texts(**given: object) -> None:
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(
                f"`{name}` is a text, and not of the type {type(value).__name__}.",
                hint="Both can be left out: `trivet up` stores them in your profile.",
            )


def _within_a_job(url: str) -> Settings:
    from trivet.authoring.reporting import current

    credential = getattr(current(), "credential", None)
    if credential is None:
        why = "No job runs here now, and outside of one a worker has no key. Make the client inside the handler."
        return Settings(url, None, why)
    return Settings(url, credential)


def _toml_text(value: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(escapes.get(c, c if c.isprintable() else f"\\U{ord(c):08x}") for c in value) + '"'
