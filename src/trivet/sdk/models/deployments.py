"""Deployments, and what they publish: endpoints and images."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class BuildStep(Model):
    """One step of a build, as it happened."""

    text: str
    at: Any = None


@dataclass(frozen=True, slots=True)
class DeployedEndpoint(Model):
    """An endpoint that a deployment published."""

    id: str
    name: str
    version: str
    model_id: int | None = None
    state: str = "ready"
    url: str | None = None


@dataclass(frozen=True, slots=True)
class DeploymentFault(Model):
    """Why a deployment failed."""

    message: str
    code: str = "build_failed"
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class DeployedImage(Model):
    """An image that a deployment published."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ImageInfo(Model):
    """A build under a name, that endpoints can be made of.

    ``hash`` is the SHA-256 of what was uploaded, ``host`` the kind of program, ``updated_at`` when the name came to stand for
    this build.
    """

    id: str
    name: str
    owner: str | None = None
    hash: str | None = None
    host: str | None = None
    kind: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class DeploymentInfo(Model):
    """A deployment as it stands; ``state`` is building, ready or failed, ``log`` the build's own words."""

    id: str
    state: str
    detail: str | None = None
    steps: tuple[BuildStep, ...] = ()
    log: str | None = None
    error: DeploymentFault | None = None
    endpoints: tuple[DeployedEndpoint, ...] = ()
    image: DeployedImage | None = None
