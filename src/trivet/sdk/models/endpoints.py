"""Endpoints, their versions, and the workers that run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class Scaling(Model):
    """How many workers an endpoint may have; ``idle_timeout`` in seconds."""

    min: int | None = None
    max: int | None = None
    idle_timeout: float | None = None
    policy: str | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Share(Model):
    """A version, and how many percent of the calls it gets."""

    version: str
    weight: int


@dataclass(frozen=True, slots=True)
class AliasInfo(Model):
    """A name that stands for a version, or for several that its calls are split among."""

    name: str
    versions: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointInfo(Model):
    """A named thing to call. ``workers`` counts by state; ``version`` is the one that serves, but for the canary's share.

    ``model`` is the description of a predictive model: among others its ``task``, its ``independentFeatures`` and what it
    predicts, its ``dependentFeatures``, each with a ``key``; None where the endpoint is none.
    """

    id: str
    name: str
    model_id: int | None = None
    visibility: str = "private"
    shared_with: tuple[str, ...] = ()
    version: str | None = None
    canary: Share | None = None
    aliases: tuple[AliasInfo, ...] = ()
    versions: int = 0
    scaling: Scaling = field(default_factory=Scaling)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    input_schema: Any = None
    output_schema: Any = None
    description: str | None = None
    kind: str | None = None
    model: Mapping[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    workers: Mapping[str, int] = field(default_factory=dict[str, int])
    queued: int = 0


@dataclass(frozen=True, slots=True)
class VersionInfo(Model):
    """An immutable build of an endpoint; ``state`` is building, ready or failed.

    ``weight`` is how many percent of the calls it gets that name no version.
    """

    id: str
    version: str | None = None
    hash: str | None = None
    state: str = "ready"
    created_at: datetime | None = None
    error: Any = None
    requirements: tuple[str, ...] = ()
    weight: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthInfo(Model):
    """How an endpoint does: jobs by status, workers by state, the age of the oldest queued job."""

    endpoint: str
    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    workers: Mapping[str, int] = field(default_factory=dict[str, int])
    oldest_queued_ms: float | None = None


@dataclass(frozen=True, slots=True)
class VersionHealthInfo(Model):
    """How the jobs of a version do. Those that ended are counted from ``since`` on; durations are the latest successful ones'."""

    endpoint: str
    version: str
    jobs: Mapping[str, int] = field(default_factory=dict[str, int])
    since: datetime | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerInfo(Model):
    """A process that runs handlers; ``last_lines`` are its own."""

    id: str
    state: str
    endpoint: str | None = None
    version: str | None = None
    pid: int | None = None
    started_at: datetime | None = None
    jobs: Any = None
    isolation: str | None = None
    last_lines: tuple[str, ...] = ()
