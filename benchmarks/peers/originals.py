"""The published client packages whose names our drop-in modules have: in environments of their own, as the other peers are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.venvs import python_of, version_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A published package, and the module of ours that takes its place.

    Args:
        name: for the command line; also the name of its environment.
        distribution: as it is installed.
        requirements: what is installed.
        module: what a program imports of it.
        ours: what it imports instead.
    """

    name: str
    distribution: str
    requirements: Sequence[str]
    module: str
    ours: str


RUNPOD = Original(
    name="runpod",
    distribution="runpod",
    requirements=("runpod==1.12.*",),
    module="runpod",
    ours="trivet.runpod",
)
ALGORITHMIA = Original(
    name="algorithmia",
    distribution="algorithmia",
    requirements=("algorithmia==2.0.*",),
    module="Algorithmia",
    ours="trivet.algorithmia",
)
JAQPOT = Original(
    name="jaqpot",
    distribution="jaqpot-python-sdk",
    requirements=("jaqpot-python-sdk==6.2.*",),
    module="jaqpot_python_sdk.jaqpot_api_client",
    ours="trivet.jaqpot",
)
ORIGINALS = (RUNPOD, ALGORITHMIA, JAQPOT)


@dataclass(frozen=True, slots=True)
class Package:
    """One of the two that a program may import, where it is installed.

    Args:
        title: for people.
        python: the interpreter that has it.
        module: what a program imports.
        distribution: what was installed.
    """

    title: str
    python: Path
    module: str
    distribution: str

    @classmethod
    def ours(cls, original: Original) -> Self:
        """Our module, in the environment of the benchmark."""
        return cls(original.ours, Path(sys.executable), original.ours, "trivet")

    @classmethod
    def theirs(cls, original: Original, *, install: bool, tell: Callable[[str], None]) -> Self:
        """The published package.

        Raises:
            NotInstalledError: it is not there, or can't be installed.
        """
        python = python_of(original.name, original.requirements, install=install, tell=tell)
        version = version_of(python, original.distribution)
        return cls(f"{original.distribution} {version}", python, original.module, original.distribution)
