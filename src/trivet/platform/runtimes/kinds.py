"""Kinds of warm parent: which one a version's workers can be forked from."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from trivet.platform.core.endpoints import Version
from trivet.platform.runtimes import algorithms, programs
from trivet.platform.runtimes.imports import BundleImports, Import, imports_of
from trivet.platform.runtimes.surroundings import private_names
from trivet.protocol import shares

UNFORKED = programs.HOSTS | {algorithms.HOST, shares.HOST, "model"}
"""The kinds of host whose workers import nothing of their author's themselves: a parent that has done so is no use to them."""
_MOST = 1024
"""Of how many bundles it is remembered what they import."""


class Kind(NamedTuple):
    """What one parent can be a parent for: an environment, what is imported in it, and the variables that workers have of
    their own, whose names the parent's imports must not ask for.
    """

    environment: str
    imports: tuple[Import, ...]
    private: tuple[str, ...]


class Kinds:
    """What is known of bundles, whose source is read once.

    Args:
        bundles: the folder with all of them.
    """

    def __init__(self, bundles: Path) -> None:
        self._bundles = bundles
        self._known: OrderedDict[tuple[str, str], BundleImports] = OrderedDict()

    def of(self, version: Version, custom: Mapping[str, str]) -> tuple[Kind, frozenset[str]] | None:
        """The kind for a version, and the top-level names of its own modules.

        Args:
            version: the version.
            custom: the variables that people have set for its workers; only their names matter.

        Returns:
            None where its workers have to be started plainly, or nobody has called `read` for it.
        """
        private = private_names(custom)
        found = self._known.get((version.bundle, _module(version)))
        # Whoever wants a GPU imports what looks for one, and that must not happen before a fork.
        if private is None or found is None or version.settings.gpu is not None or version.host in UNFORKED:
            return None
        return Kind(version.environment, found.imports, private), found.own

    async def read(self, version: Version) -> None:
        """Reads what a version's bundle imports, where that was not done yet."""
        key = (version.bundle, _module(version))
        if key in self._known or version.host in UNFORKED:
            return
        with contextlib.suppress(OSError):  # it was removed meanwhile
            self._known[key] = await asyncio.to_thread(imports_of, self._bundles / version.bundle, key[1])
        while len(self._known) > _MOST:
            self._known.popitem(last=False)


def _module(version: Version) -> str:
    return version.handler.partition(":")[0]
