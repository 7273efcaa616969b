"""Repositories of Algorithmia's algorithms: told by their ``algorithmia.conf``, without running anything."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from trivet.platform.builders.conda import read_conda
from trivet.platform.builders.manifests import manifest_in
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core import ids
from trivet.platform.core.errors import DeploymentRefused

CONFIGURATION = "algorithmia.conf"
_LARGEST_CONFIGURATION = 64 * 1024
_ANY_NAME = "Algorithm"
"""The module's name in those templates that don't name it after the algorithm."""


class Algorithm:
    """The kind of bundle that has an ``algorithmia.conf`` at its top and the algorithm's module in ``src``."""

    host = "algorithm"
    looked_for = f"{CONFIGURATION} beside src/NAME.py"
    usual: tuple[str, ...] = ()

    def recognises(self, source: SourceTree) -> bool:
        """Whether there is a configuration at the top."""
        return (source.folder / CONFIGURATION).is_file()

    def requirements(self, source: SourceTree) -> tuple[str, ...]:
        """The packages of conda in ``environment.yml`` that pip can install.

        Raises:
            DeploymentRefused: that file can't be read.
        """
        return read_conda(source.folder).requirements

    def requirement_lines(self, source: SourceTree) -> tuple[str, ...]:
        """The section ``pip:`` of ``environment.yml``."""
        return read_conda(source.folder).pip

    def warnings(self, source: SourceTree, given: Collection[str] = ()) -> tuple[str, ...]:
        """What ``environment.yml`` asks for that only conda could install."""
        return read_conda(source.folder).warnings

    def manifest(self, source: SourceTree) -> dict[str, Any] | None:
        """Its ``model_manifest.json``, unless the author has frozen that.

        Raises:
            DeploymentRefused: it is no manifest.
        """
        return manifest_in(source.folder)

    def program(self, source: SourceTree) -> str:
        """The file with the algorithm: ``src/NAME.py``, else ``src/Algorithm.py``.

        Raises:
            DeploymentRefused: there is neither, or the configuration names no algorithm.
        """
        name = self.name(source)
        for path in (f"src/{name}.py", f"src/{_ANY_NAME}.py"):
            if (source.folder / path).is_file():
                return path
        raise DeploymentRefused(
            f"{CONFIGURATION} names the algorithm {name}, but there is neither src/{name}.py nor src/{_ANY_NAME}.py.",
            hint="The file is named after the algorithm, with the same capital letters.",
        )

    def name(self, source: SourceTree) -> str:
        """The algorithm's name, as the configuration has it. Whose it is, is for who deploys it to say.

        Raises:
            DeploymentRefused: the configuration can't be read, or what it has can't be a name.
        """
        name = _configured(source.folder).get("algoname")
        if not isinstance(name, str) or not ids.is_name(name) or not name.isidentifier():
            raise DeploymentRefused(
                f"{CONFIGURATION}: {name!r} can't be an algorithm's name: up to 63 letters, digits and '_', with a letter first.",
                hint=f'Write for example {{"algoname": "Hello"}} into {CONFIGURATION}.',
            )
        return name


def _configured(folder: Path) -> dict[str, object]:
    try:
        with (folder / CONFIGURATION).open(encoding="utf-8-sig") as file:
            found = json.loads(file.read(_LARGEST_CONFIGURATION))
    except (ValueError, RecursionError) as error:
        raise DeploymentRefused(
            f"{CONFIGURATION} can't be read: {error}.", hint='It is JSON: {"username": "…", "algoname": "…"}.'
        ) from error
    if not isinstance(found, dict):
        raise DeploymentRefused(f"{CONFIGURATION} is no JSON object.", hint='Write for example {"algoname": "Hello"}.')
    return found
