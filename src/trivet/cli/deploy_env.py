"""What ``trivet deploy`` gives the workers in their environment: ``--env``, ``--env-file``, ``--secret`` and ``--no-env``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click

LARGEST_FILE = 1024 * 1024
"""Bytes of a file with variables, at most: more is another kind of file."""
_IGNORE_FILE = ".trivetignore"
_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([^\s=#'\"]+)[ \t]*=")
_SINGLE = re.compile(r"[ \t]*'([^']*)'")
_DOUBLE = re.compile(r'[ \t]*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_COMMENT = re.compile(r"(?<=\s)#.*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANS = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class GivenEnv:
    """What was given on the command line: None for both where nothing was said, so that what was given before is kept."""

    env: Mapping[str, str] | None = field(default=None, repr=False)
    secrets: Sequence[str] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """As `trivet.sdk.Client.deploy` takes them."""
        return {} if self.env is None and self.secrets is None else {"env": self.env, "secrets": self.secrets}


def env_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options to a command, which gets them as ``env``, ``env_files``, ``secrets`` and ``no_env``."""
    for option in reversed(
        (
            click.option(
                "--env",
                multiple=True,
                metavar="NAME=VALUE",
                help="A variable that the workers find in their environment. Can be given again; counts over a file's.",
            ),
            click.option(
                "--env-file",
                "env_files",
                multiple=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                metavar="FILE",
                help="A file with lines NAME=VALUE, of which all are given. Can be given again; the last one counts.",
            ),
            click.option(
                "--secret",
                "secrets",
                multiple=True,
                metavar="NAME",
                help="A stored secret (trivet secrets set NAME) that the workers find likewise. Can be given again.",
            ),
            click.option(
                "--no-env",
                is_flag=True,
                help="No variable and no secret; without any of these options, a version keeps what the one before was given.",
            ),
        )
    ):
        command = option(command)
    return command


def given_env(env: Sequence[str], env_files: Sequence[Path], secrets: Sequence[str], *, no_env: bool) -> GivenEnv:
    """What the options say together: all that the workers find, or nothing at all.

    Args:
        env: each ``NAME=VALUE``.
        env_files: the files with more of them.
        secrets: names.
        no_env: whether there shall be none.

    Raises:
        click.UsageError: one can't be read, or ``--no-env`` stands beside others. No value is ever repeated.
    """
    if no_env:
        if env or env_files or secrets:
            raise click.UsageError(
                "--no-env says that there is no variable and no secret: leave it out, or the others."
            )
        return GivenEnv({}, ())
    if not (env or env_files or secrets):
        return GivenEnv()
    found: dict[str, str] = {}
    for file in env_files:
        found.update(read_env_file(file))
    for pair in env:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(
                "One --env has no name or no value. Write --env NAME=VALUE, with nothing after = for an empty one."
            )
        found[name] = value
    return GivenEnv(found, tuple(secrets))


def read_env_file(file: Path) -> dict[str, str]:
    """The variables in a file: lines ``NAME=VALUE``, perhaps with ``export`` before them; ``#`` begins a comment.

    A value in single quotes is taken as it is; in double quotes ``\\n``, ``\\r``, ``\\t``, ``\\"`` and ``\\\\`` mean what they do
    in Python. Either may go over several lines. Nothing is put in for ``$NAME``. Of the same name the last one counts.

    Raises:
        click.UsageError: it can't be read; says which line, and not what stands there.
    """
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise click.UsageError(f"{file} is larger than {LARGEST_FILE} bytes: is it the file with the variables?")
        text = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.UsageError(f"Cannot read {file}: {reason}.") from None
    return dict(_pairs(text, str(file)))


def _pairs(text: str, file: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        blank = _REST.match(text, place)
        if blank is not None:
            place = blank.end()
            continue
        named = _NAME.match(text, place)
        if named is None:
            raise _unreadable(text, place, file, "Write NAME=VALUE, or begin a comment with #.")
        value, end = _value(text, named.end(), file)
        yield named[1], value
        place = end


def _value(text: str, place: int, file: str) -> tuple[str, int]:
    """The value that begins at a place, and where the next line begins."""
    quoted = _SINGLE.match(text, place)
    if quoted is not None:
        value = quoted[1]
    else:
        quoted = _DOUBLE.match(text, place)
        value = "" if quoted is None else _ESCAPED.sub(lambda found: _MEANS.get(found[1], found[1]), quoted[1])
    if quoted is not None:
        rest = _REST.match(text, quoted.end())
        if rest is None:
            raise _unreadable(text, quoted.end(), file, "Something stands behind the closing quote.")
        return value, rest.end()
    line = text[place:].partition("\n")[0]
    plain = _COMMENT.sub("", line).strip()
    if plain.startswith(("'", '"')):
        raise _unreadable(text, place, file, "The quote that opens its value is not closed.")
    return plain, place + len(line) + 1


def _unreadable(text: str, place: int, file: str, advice: str) -> click.UsageError:
    return click.UsageError(f"{file}, line {text.count(chr(10), 0, place) + 1} can't be read. {advice}")


def uploaded_too(path: Path, env_files: Sequence[Path]) -> list[Path]:
    """Those files with variables that lie in the folder that is deployed, and that its ``.trivetignore`` does not name.

    Args:
        path: what is deployed.
        env_files: the files.
    """
    if not path.is_dir():
        return []
    listed = path / _IGNORE_FILE
    try:
        patterns = (
            [line.strip() for line in listed.read_text(encoding="utf-8").splitlines()] if listed.is_file() else []
        )
    except (OSError, UnicodeDecodeError):
        patterns = []
    inside = [file for file in env_files if file.resolve().is_relative_to(path.resolve())]
    return [file for file in inside if not any(fnmatch(file.name, pattern) for pattern in patterns)]
