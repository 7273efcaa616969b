"""What ``trivet deploy`` gives the workers in their environment: ``--env``, ``--env-file``, ``--secret`` and ``--no-env``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

LARGEST_FILE = 1024 * 1024
"""Bytes of a file with variables, at most: more is another kind of file."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMED = re.compile(rf"[ \t]*(?:export[ \t]+)?({_NAME.pattern})[ \t]*=")
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
        click.UsageError: one can't be read, or ``--no-env`` stands beside others. Nothing of what was given is repeated: what
            stands where a name should may be a value.
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
        if not equals or _NAME.fullmatch(name) is None:
            raise click.UsageError(
                "One --env has no name that can be one, or no value. Write --env NAME=VALUE, with letters, digits and _ in the "
                "name, and nothing after = for an empty value."
            )
        found[name] = value
    if any(_NAME.fullmatch(name) is None for name in secrets):
        raise click.UsageError(
            "One --secret is no name. It takes the name of a stored secret, and never a value: "
            "trivet secrets set NAME stores one."
        )
    return GivenEnv(found, tuple(secrets))


def read_env_file(file: Path) -> dict[str, str]:
    """The variables in a file: lines ``NAME=VALUE``, perhaps with ``export`` before them; ``#`` begins a comment.

    A value in single quotes is taken as it is; in double quotes ``\\n``, ``\\r``, ``\\t``, ``\\"`` and ``\\\\`` mean what they do
    in Python. Either may go over several lines. Nothing is put in for ``$NAME``. Of the same name the last one counts.

    Raises:
        click.UsageError: it can't be read; says which line, and not what stands there.
    """
    try:
        with file.open("rb") as opened:  # it may be a pipe, which has no size
            data = opened.read(LARGEST_FILE + 1)
        text = data.decode("utf-8-sig") if len(data) <= LARGEST_FILE else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8; save it in that encoding"
        raise click.UsageError(f"Cannot read {file}: {reason}.") from None
    if len(data) > LARGEST_FILE:
        raise click.UsageError(f"{file} is larger than {LARGEST_FILE} bytes: is it the file with the variables?")
    return dict(_pairs(text.replace("\r\n", "\n").replace("\r", "\n"), str(file)))


def _pairs(text: str, file: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        blank = _REST.match(text, place)
        if blank is not None:
            place = blank.end()
            continue
        named = _NAMED.match(text, place)
        if named is None:
            advice = "Write NAME=VALUE, with letters, digits and _ in the name, or begin a comment with #."
            raise _unreadable(text, place, file, advice)
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
    # never `text[place:]`: a copy of the rest for every line makes minutes of a large file
    end = text.find("\n", place)
    line = text[place:] if end < 0 else text[place:end]
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
    from trivet.sdk._archive import leaves_out

    if not path.is_dir():
        return []
    folder = path.resolve()
    inside = [file for file in env_files if file.resolve().is_relative_to(folder)]
    try:
        return [file for file in inside if not leaves_out(folder, file.resolve())]
    except (OSError, UnicodeDecodeError):  # packing will say that the list can't be read
        return inside
