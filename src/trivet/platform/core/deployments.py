"""Deployments: an upload on its way to being versions, and the secrets that versions may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from trivet.platform.core.endpoints import VersionState


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """One line of a deployment's story; ``at`` in seconds since the epoch."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """What the caller asked for beside the upload. All optional; they apply where the upload holds one endpoint, except the
    owner half of ``name``, ``workers`` and ``canary``: the percent of unpinned calls that a new version gets, 0 for none;
    None makes it current. With ``image`` no endpoint is published, but the build under that name, for endpoints to be made of.
    ``held``: the new version gets no calls but those that name it, even where nothing else could answer.
    """

    filename: str
    name: str | None = None
    number: str | None = None
    endpoint_id: str | None = None
    model_id: int | None = None
    workers: tuple[int, int] | None = None
    canary: int | None = None
    image: str | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """An upload and what became of it. ``log`` is what the build printed; ``version_ids`` what it published, or ``image_id``."""

    id: str
    account_id: str
    owner_id: str
    owner_name: str
    request: DeploymentRequest
    state: VersionState
    created_at: float
    hash: str
    finished_at: float | None = None
    steps: tuple[DeploymentStep, ...] = ()
    log: str = field(default="", repr=False)
    error: tuple[str, str, str] | None = None
    """Code, message and hint of what went wrong."""
    version_ids: tuple[str, ...] = ()
    image_id: str | None = None

    def step(self, text: str, now: float) -> Deployment:
        """With one more line to its story."""
        return replace(self, steps=(*self.steps, DeploymentStep(now, text)))


@dataclass(frozen=True, slots=True)
class Secret:
    """A named value that its owner's workers may have. ``sealed`` is encrypted."""

    owner_id: str
    name: str
    sealed: bytes = field(repr=False)
    updated_at: float = 0.0
