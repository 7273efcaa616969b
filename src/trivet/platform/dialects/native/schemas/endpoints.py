"""Documents of endpoints, their versions and workers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from trivet.platform.dialects.native.schemas.document import Document, Request


class Scaling(Document):
    """How many workers an endpoint may have. `idle_timeout` in seconds; `target` belongs to the policy."""

    min: int
    max: int
    idle_timeout: float
    policy: Literal["queue_delay", "request_count"]
    target: float


class Settings(Document):
    """What the author set beside the handler: seconds and bytes. `secrets` are names, told to those who manage it.

    So are the names in `env`: the variables that came with the deployment, or from a template. It is null where they can't be
    told, because the platform's key is not the one that they were encrypted with.

    `retry_on` lists what is tried again: `worker_lost`, `handler_error`, `execution_timeout` or types of exceptions. `retention`
    is null where the platform's own applies. A handler with a `max_batch_size` above 1 takes several inputs at a time.
    """

    concurrency: int
    timeout: float
    ttl: float
    max_attempts: int
    retry_on: list[str]
    backoff: float
    max_batch_size: int
    batch_wait: float
    memory: int | None = None
    gpu: str | None = None
    requirements: list[str] = msgspec.field(default_factory=list)
    secrets: list[str] = msgspec.field(default_factory=list)
    env: list[str] | None = msgspec.field(default_factory=list)
    retention: float | None = None


class WorkerCounts(Document):
    """How many workers are in which state."""

    initializing: int = 0
    idle: int = 0
    running: int = 0
    throttled: int = 0
    unhealthy: int = 0


class Share(Document):
    """A version, and how many percent of the calls it gets."""

    version: str
    weight: int


class Alias(Document):
    """A name that stands for a version, or for several that its calls are split among."""

    name: str
    versions: list[Share]


class Endpoint(Document):
    """A named thing to call. `version` is the current one: an unpinned call gets it, or the `canary` where there is one."""

    id: str
    name: str
    model_id: int | None
    visibility: Literal["private", "shared", "public"]
    shared_with: list[str]
    version: str | None
    canary: Share | None
    aliases: list[Alias]
    versions: int
    scaling: Scaling
    settings: Settings | None
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    model: dict[str, Any] | None
    description: str
    kind: Literal["sync", "async", "generator", "async_generator"] | None
    created_at: str
    updated_at: str
    workers: WorkerCounts
    queued: int


class EndpointChange(Request):
    """What to change; a field that is not there stays as it is. `workers` is minimum and maximum."""

    visibility: Literal["private", "shared", "public"] | None = None
    shared_with: list[str] | None = None
    workers: tuple[int, int] | None = None
    idle_timeout: float | None = None
    policy: Literal["queue_delay", "request_count"] | None = None
    target: float | None = None
    description: str | None = None


class ShareRequest(Request):
    """A version by any reference, and how many percent of the calls it shall get; null: what the others leave."""

    version: str
    weight: int | None = None


class AliasRequest(Request):
    """What an alias shall stand for: up to 10 versions, whose weights add up to 100."""

    versions: list[ShareRequest]


class CanaryRequest(Request):
    """The version that shall get `weight` percent of the unpinned calls, from 1 to 99."""

    version: str
    weight: int


class Promotion(Request):
    """Which version to make current; null or nothing: the canary."""

    version: str | None = None


class Version(Document):
    """An immutable build of an endpoint. `hash` is the SHA-256 of what was uploaded.

    `weight` is how many percent of the unpinned calls it gets, `aliases` are those that it stands behind.
    """

    id: str
    version: str
    hash: str
    state: Literal["building", "ready", "failed"]
    created_at: str
    weight: int
    aliases: list[str]
    error: str | None = None
    requirements: list[str] = msgspec.field(default_factory=list)


class Rollback(Request):
    """Which version to go back to; null or nothing: ends the canary where there is one, else the one that was current before."""

    to: str | None = None


class Purged(Document):
    """How many queued jobs were cancelled."""

    cancelled: int


class JobCounts(Document):
    """How many jobs are in which state."""

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    timed_out: int = 0


class Health(Document):
    """How an endpoint does. `oldest_queued_ms` is null where nothing waits."""

    endpoint: str
    jobs: JobCounts
    workers: WorkerCounts
    oldest_queued_ms: float | None = None


class VersionHealth(Document):
    """How the jobs of one version do. Ends count from `since` on, in memory: since the platform started or the first of them.

    `p50_ms` and `p95_ms` are durations that half of the latest 500 successful ones, and 95 percent of them, did not exceed.
    """

    endpoint: str
    version: str
    jobs: JobCounts
    since: str | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None


class Worker(Document):
    """A process that runs handlers. `jobs` counts those it has done; `last_lines` are its own."""

    id: str
    endpoint: str
    version: str
    state: str
    pid: int | None
    started_at: str
    jobs: int
    isolation: str
    last_lines: list[str]


class LogLine(Document):
    """A line that a worker or a handler wrote."""

    time: str
    worker_id: str
    job_id: str | None
    stream: str
    text: str


class Log(Document):
    """The newest lines of an endpoint, oldest first."""

    items: list[LogLine]
