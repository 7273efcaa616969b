"""Builders: what an upload becomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trivet.platform.core.endpoints import HandlerKind, VersionSettings
from trivet.platform.core.scaling import ScalingPolicy

Checksum = Callable[[str], Awaitable[str]]
"""The MD5 in hex of the hosted file at a path, as whoever deploys may read it. Raises a `CoreError` where they may not."""
TrialEnv = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""What the workers of the endpoints of these names will find in their environment. Raises a `CoreError` where nobody can tell."""


@dataclass(frozen=True, slots=True)
class BuiltEndpoint:
    """One endpoint that a build found. ``scaling`` is what the author asked for, None where nothing."""

    name: str
    kind: HandlerKind
    host: str
    handler: str
    settings: VersionSettings
    scaling: ScalingPolicy | None
    description: str = ""
    input_schema: dict[str, Any] | None = field(default=None, repr=False)
    output_schema: dict[str, Any] | None = field(default=None, repr=False)
    model: Mapping[str, Any] | None = field(default=None, repr=False)
    """What a predictive model says of itself; None where it is none."""


@dataclass(frozen=True, slots=True)
class Built:
    """A build that succeeded. ``bundle`` and ``environment`` are names that the runtime resolves; ``warnings`` are sentences."""

    bundle: str
    environment: str
    endpoints: tuple[BuiltEndpoint, ...]
    warnings: tuple[str, ...] = ()


class Builder(Protocol):
    """Turns an upload into something that a runtime can start."""

    async def unpack(self, archive: Path, filename: str, digest: str) -> str:
        """Unpacks an upload safely and returns the name of its bundle (the same digest gives the same).

        Raises:
            DeploymentRefused: a path that escapes, a link, a bomb, nothing deployable in it; nothing is kept.
        """

    async def build(
        self,
        bundle: str,
        on_step: Callable[[str], None],
        on_output: Callable[[str], None],
        *,
        filename: str = "",
        is_image: bool = False,
        checksum: Checksum | None = None,
        env: TrialEnv | None = None,
    ) -> Built:
        """Makes the environment and loads the handlers once in it.

        Args:
            bundle: what `unpack` returned.
            on_step: told each step, a sentence for people.
            on_output: told what the tools print.
            filename: what the caller named the upload, which names an endpoint whose code does not.
            is_image: whether it becomes an image, whose variables a template sets: a program that misses one of them now is
                built all the same, with a warning.
            checksum: tells the hashes of the hosted files that its code loads; None: they are not asked for.
            env: tells what the code finds in its environment while it is tried, as its workers will; None: nothing. It is not
                asked for models.

        Raises:
            BuildFailed: with the reason in the author's or the tool's own words.
        """

    async def forget_unused(self, bundles: AbstractSet[str], environments: AbstractSet[str]) -> int:
        """Removes every bundle and environment that is not named, apart from those made or asked for within the last hour,
        which may be on their way to be named. Returns how many folders have gone.
        """
