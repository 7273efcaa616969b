"""The worker runtime for every environment: a copy of the light half of this installation, so that none is downloaded.

An environment sees it through a ``.pth`` file, behind its own packages: what an author installs wins.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from threading import Lock

from trivet.platform.builders.leftovers import leftovers, remove

LIGHT = (
    *("__init__.py", "_version.py", "py.typed"),
    *("algorithmia", "authoring", "models", "protocol", "runpod", "sdk", "worker"),
)
"""What of the package workers may need; the platform and the command line stay behind."""
LIGHT_DISTRIBUTIONS = ("pyreqwest",)
"""What the SDK needs to make requests from within a handler."""


class RuntimeBundle:
    """The copies of the runtime in a folder, each under the hash of its content.

    Args:
        folder: where the copies lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()

    def ensure(self) -> Path:
        """The folder with the runtime of this installation, copied now where it is not there yet. For threads."""
        contents = list(_contents())
        target = self._folder / _digest(contents)
        with self._lock:
            if target.is_dir():
                os.utime(target)  # asked for again: it has to stay until an environment refers to it
            else:
                self._copy(contents, target)
        return target

    def forget_unused(self, keep: AbstractSet[str], before: float) -> int:
        """Removes the copies that are not in ``keep`` and were last asked for before a moment; returns how many."""
        with self._lock:
            return sum(remove(folder, before) for folder in leftovers(self._folder, keep, before))

    def _copy(self, contents: list[tuple[str, Path]], target: Path) -> None:
        new = target.with_name(f"{target.name}.new-{os.urandom(4).hex()}")
        try:
            for name, source in contents:
                copy = new / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)
            new.rename(target)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _contents() -> Iterator[tuple[str, Path]]:
    """Every file of the runtime: its name in the copy, and where it is now."""
    spec = importlib.util.find_spec("trivet")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package `trivet` has no place on disk; run it from files")
    package = Path(spec.origin).parent
    for part in LIGHT:
        path = package / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in (".py", ".typed"):
                yield f"trivet/{file.relative_to(package).as_posix()}", file
    for name in _with_dependencies(LIGHT_DISTRIBUTIONS):
        for recorded in importlib.metadata.distribution(name).files or ():
            # Scripts and the like lie outside of the folder of packages; caches belong to whoever made them.
            if ".." not in recorded.parts and recorded.suffix != ".pyc":
                file = Path(str(recorded.locate()))
                if file.is_file():
                    yield recorded.as_posix(), file


def _with_dependencies(names: tuple[str, ...]) -> list[str]:
    """The installed distributions among ``names`` and what they need, without their extras."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # not needed on this interpreter, or left out on purpose: the SDK says so when it is missed
        found.append(name)
        for line in requires:
            match = re.match(r"[A-Za-z0-9._-]+", line)
            if match and "extra ==" not in line and match[0] not in (*found, *waiting):
                waiting.append(match[0])
    return found


def _digest(contents: list[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, path in contents:
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:32]
