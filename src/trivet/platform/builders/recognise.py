"""What a bundle is: the table of the kinds that can be deployed, asked in turn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from trivet.platform.builders.algorithm import Algorithm
from trivet.platform.builders.decorated import Decorated
from trivet.platform.builders.model import Model
from trivet.platform.builders.runpod import DropInWorker, RunPodWorker
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.errors import DeploymentRefused


class Kind(Protocol):
    """A kind of bundle."""

    @property
    def host(self) -> str:
        """The kind of program that runs it in a worker."""

    @property
    def looked_for(self) -> str:
        """What makes a bundle one of this kind, in words for who missed it."""

    @property
    def usual(self) -> tuple[str, ...]:
        """What is installed where the bundle's requirements do not name it."""

    def recognises(self, source: SourceTree) -> bool:
        """Whether the bundle is one of this kind."""

    def requirements(self, source: SourceTree) -> tuple[str, ...]:
        """What this kind asks for beside ``requirements.txt``."""

    def requirement_lines(self, source: SourceTree) -> tuple[str, ...]:
        """What it has beside ``requirements.txt`` of what may stand there: requirements, options, and ``-r`` with a file."""

    def warnings(self, source: SourceTree, given: Collection[str] = ()) -> tuple[str, ...]:
        """Sentences on what it asks for that is not to be had here, but for the variables whose names are ``given``."""

    def manifest(self, source: SourceTree) -> dict[str, Any] | None:
        """The manifest of the models that it loads, where that has to be frozen; None where there is none to be."""

    def program(self, source: SourceTree) -> str | None:
        """The file that is run, as a path in the bundle; None where its endpoints are imported."""

    def name(self, source: SourceTree) -> str | None:
        """The name of its one endpoint, where the bundle itself says it."""


KINDS: tuple[Kind, ...] = (Decorated(), Algorithm(), RunPodWorker(), DropInWorker(), Model())
"""Every kind that can be deployed, our own first: who has decorated a function in a foreign program wants that one. Models come
last, as a program may bring one along.
"""


def recognise(source: SourceTree, kinds: Sequence[Kind] = KINDS) -> Kind:
    """The first kind that a bundle is.

    Raises:
        DeploymentRefused: it is none of them; says what was looked for, and what it looks like instead.
    """
    for kind in kinds:
        if kind.recognises(source):
            return kind
    if source.faults:
        raise DeploymentRefused(f"Nothing to deploy was found. {source.faults[0]}", hint="Correct it and deploy again.")
    wanted = "; or ".join(kind.looked_for for kind in kinds)
    seen = ", ".join(file.path for file in source.python[:5]) or "no Python file"
    more = f" and {len(source.python) - 5} more" if len(source.python) > 5 else ""
    raise DeploymentRefused(
        f"Nothing to deploy was found. Looked for {wanted}; looked at {seen}{more}.",
        hint="Put @trivet.endpoint above the function to deploy, with `import trivet` at the top of its file.",
    )
