"""The keys that are kept in ``~/.runpod/config.toml``, one for each profile."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from trivet.runpod.error import CredentialsError
from trivet.sdk._shapes import is_object

__all__ = ["check_credentials", "get_credentials", "set_credentials"]

_SHOWN = "~/.runpod/config.toml"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TABLE = re.compile(r"(?m)^[ \t]*\[.*$")


def credentials_file() -> Path:
    """Where the keys are; by the home of whoever runs this, now."""
    return Path("~/.runpod/config.toml").expanduser()


def set_credentials(api_key: str, profile: str = "default", overwrite: bool = False) -> None:
    """Keeps a key, readable for its owner alone. What else is in the file stays as it is.

    Args:
        api_key: the key.
        profile: what it is kept under.
        overwrite: whether a key that is there already is replaced.

    Raises:
        CredentialsError: there is one already, or the file is no TOML or can't be written (it is a ValueError, too).
    """
    file = credentials_file()
    text = _read(file) if file.exists() else ""
    try:
        known = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CredentialsError(f"{_SHOWN} is not valid TOML: {error}", hint="Mend it, or remove it.") from None
    if profile in known and not overwrite:
        raise CredentialsError(
            f"There is a key for the profile {profile!r} already.", hint="Replace it by overwrite=True."
        )
    entry = f"[{_name(profile)}]\napi_key = {json.dumps(api_key)}\n"
    new = _with(text, profile, entry)
    if tomllib.loads(new) != {**known, profile: {"api_key": api_key}}:
        raise CredentialsError(f"{_SHOWN} is written in a way that can't be changed safely.", hint="Change it by hand.")
    _write(file, new)


def check_credentials(profile: str = "default") -> tuple[bool, str | None]:
    """Whether there is a key for a profile, and if not, why.

    Args:
        profile: what it is kept under.
    """
    file = credentials_file()
    if not file.exists():
        return False, f"{_SHOWN} does not exist."
    try:
        known = tomllib.loads(_read(file))
    except (tomllib.TOMLDecodeError, CredentialsError):
        return False, f"{_SHOWN} is not a valid TOML file."
    entry = known.get(profile)
    if entry is None:
        return False, f"{_SHOWN} is missing {profile} profile."
    if not isinstance(entry, dict) or "api_key" not in entry:
        return False, f"{_SHOWN} is missing api_key for {profile} profile."
    return True, None


def get_credentials(profile: str = "default") -> dict[str, Any] | None:
    """What is kept for a profile; None where there is nothing, or the file is no TOML.

    Args:
        profile: what it is kept under.
    """
    file = credentials_file()
    if not file.exists():
        return None
    try:
        entry = tomllib.loads(_read(file)).get(profile)
    except (tomllib.TOMLDecodeError, CredentialsError):
        return None
    return entry if is_object(entry) else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"{_SHOWN} can't be read: {error}", hint="Check its permissions.") from None


def _name(profile: str) -> str:
    return profile if _BARE.fullmatch(profile) else json.dumps(profile)


def _with(text: str, profile: str, entry: str) -> str:
    """The file's text with an entry in place of the profile's, or at its end."""
    heads = list(_TABLE.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):  # without any, there is still the end of the text
        if _is(head[0], profile):
            rest = text[end:]
            return f"{text[: head.start()]}{entry}{chr(10) if rest else ''}{rest}"
    return f"{text.rstrip()}\n\n{entry}" if text.strip() else entry


def _is(head: str, profile: str) -> bool:
    try:
        return list(tomllib.loads(head)) == [profile]
    except tomllib.TOMLDecodeError:  # a line of a list, or of a text
        return False


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, suffix=".toml")  # readable for its owner alone
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                new.write(text)
            Path(draft).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(draft).unlink()
            raise
    except OSError as error:
        raise CredentialsError(
            f"{_SHOWN} can't be written: {error.strerror}.", hint="Check its permissions."
        ) from error
