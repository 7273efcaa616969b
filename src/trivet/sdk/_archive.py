"""What lies at a path becomes an archive to upload: the same bytes for the same files, whoever packs them and when."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from trivet.sdk.errors import DeploymentError, TooLargeError

MAX_ARCHIVE = 50 * 1024 * 1024
"""Bytes, packed. The server has its own limit and says so; this one spares an upload that can't succeed."""
IGNORE_FILE = ".trivetignore"
ALWAYS_IGNORED = (
    *(".git", ".hg", ".svn", "__pycache__", "*.pyc", "*.pyo", ".venv", "venv", "node_modules", ".mypy_cache"),
    *(".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".DS_Store"),
)

_ENVIRONMENT = "pyvenv.cfg"
"""The file that makes a folder a virtual environment, whatever its name is: it belongs to this machine, and holds links."""


class Archive(NamedTuple):
    """A gzip-packed tar, and the name of what it was made from."""

    filename: str
    data: bytes


class _Entry(NamedTuple):
    name: str
    path: Path
    size: int
    executable: bool


def pack(path: Path, *, limit: int = MAX_ARCHIVE) -> Archive:
    """Pack the file or the folder at ``path``.

    Left out: version control, caches (`ALWAYS_IGNORED`), virtual environments, and what a ``.trivetignore`` in the folder lists:
    one pattern a line, ``#`` begins a comment. A pattern without a slash matches a name anywhere, one with a slash a path
    from the folder, and one that ends in a slash only folders.

    Args:
        path: a file or a folder.
        limit: the most bytes that the packed archive may have.

    Raises:
        DeploymentError: there is nothing to pack, or something that can't be: a link, a socket, an unreadable file.
        TooLargeError: the archive is over ``limit``.
    """
    path = Path(path).expanduser()
    try:
        path = path.resolve(strict=True)
        entries = list(_walk(path, _patterns(path))) if path.is_dir() else [_entry(path, path.name)]
        if not entries:
            raise DeploymentError(f"There is no file to deploy in {path}.", hint=f"Check the path and {IGNORE_FILE}.")
        data = _write(entries, limit)
    except OSError as error:
        raise DeploymentError(
            f"{error.filename or path} can't be read: {error.strerror}.", hint="Check the path and its permissions."
        ) from error
    return Archive(path.name, data)


def _write(entries: Iterable[_Entry], limit: int) -> bytes:
    entries = sorted(entries)
    buffer = io.BytesIO()
    # No name and no time in the head: the same files give the same bytes. Level 6 is within 1 % of 9, and far faster.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            # A file may shrink or grow while it is read: what was read now is what is packed.
            content = entry.path.read_bytes()
            info.size = len(content)
            info.mode = 0o755 if entry.executable else 0o644
            tar.addfile(info, io.BytesIO(content))
            if buffer.tell() > limit:
                raise _too_large(entries, limit)
    if buffer.tell() > limit:
        raise _too_large(entries, limit)
    return buffer.getvalue()


def _too_large(entries: list[_Entry], limit: int) -> TooLargeError:
    largest = sorted(entries, key=lambda entry: -entry.size)[:3]
    listing = ", ".join(f"{entry.name} ({entry.size / 1e6:.1f} MB)" for entry in largest)
    return TooLargeError(
        f"What lies there packs to more than {limit / 2**20:.0f} MiB, the most that an upload may have.",
        limit=limit,
        hint=f"The largest files: {listing}. List what the endpoint does not need in {IGNORE_FILE}.",
    )


def leaves_out(folder: Path, file: Path) -> bool:
    """Whether `pack` of a folder leaves a file in it out because of its name, or of that of a folder around it.

    Args:
        folder: what is packed.
        file: a file somewhere below it.
    """
    patterns, parts = _patterns(folder), file.relative_to(folder).parts
    names = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return any(_ignored(name, patterns, is_folder=count < len(parts)) for count, name in enumerate(names, 1))


def _walk(folder: Path, patterns: tuple[str, ...], below: str = "") -> Iterator[_Entry]:
    with os.scandir(folder) as found:
        for item in sorted(found, key=lambda each: each.name):
            name = f"{below}{item.name}"
            is_folder = item.is_dir(follow_symlinks=False)
            if _ignored(name, patterns, is_folder=is_folder):
                continue
            if is_folder:
                if Path(item.path, _ENVIRONMENT).exists():
                    continue
                yield from _walk(Path(item.path), patterns, f"{name}/")
            else:
                yield _entry(Path(item.path), name)


def _entry(path: Path, name: str) -> _Entry:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        kind = "a symbolic link, which an upload can't carry"
    elif not stat.S_ISREG(status.st_mode):
        kind = "neither a file nor a folder"
    else:
        return _Entry(name, path, status.st_size, bool(status.st_mode & stat.S_IXUSR))
    raise DeploymentError(
        f"{path} is {kind}.", hint=f"Put the file itself there, or list {name} in {IGNORE_FILE} if it is not needed."
    )


def _patterns(folder: Path) -> tuple[str, ...]:
    try:
        lines = (folder / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    return (*ALWAYS_IGNORED, *(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")))


def _ignored(name: str, patterns: Iterable[str], *, is_folder: bool) -> bool:
    for pattern in patterns:
        if pattern.endswith("/") and not is_folder:
            continue
        wanted = pattern.rstrip("/")
        subject = name if "/" in wanted else name.rpartition("/")[2]
        if fnmatchcase(subject, wanted.removeprefix("/")):
            return True
    return False
