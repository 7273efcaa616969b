"""What the client tells: frozen values, named and shaped like the API's documents.

Times are aware `datetime`s in UTC; fields that end in ``_ms`` are milliseconds. `Model.to_dict` gives JSON back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Model:
    """Base of every value here."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """This value as what JSON can hold, field by field."""
        from trivet.sdk._decode import encode

        document: dict[str, Any] = encode(self)
        return document


class JobStatus(StrEnum):
    """Where a job stands. A string, so that ``job.status == "queued"`` reads as it should."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


# -- jobs


@dataclass(frozen=True, slots=True)
class Progress(Model):
    """How far a job is: ``fraction`` from 0 to 1 (None where the handler gave none), and what it says."""

    fraction: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class InputFault(Model):
    """One fault of an input: a JSON pointer (empty for the input itself) and a sentence."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class JobFailure(Model):
    """Why a job failed: the handler's exception, its traceback, and the worker's last lines."""

    code: str | None = None
    message: str | None = None
    type: str | None = None
    traceback: str | None = None
    worker_log: Any = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class JobView(Model):
    """A job as it stood when the server was asked.

    ``output`` is there only where it is final, JSON and small; `Job.result` always fetches it.
    """

    id: str
    status: JobStatus
    endpoint: str | None = None
    endpoint_id: str | None = None
    version: str | None = None
    attempts: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    queued_ms: float | None = None
    duration_ms: float | None = None
    progress: Progress | None = None
    pieces: int | None = None
    error: JobFailure | None = None
    output: Any = None
    output_type: str | None = None
    output_size: int | None = None
    max_attempts: int | None = None
    priority: str | None = None
    retry_at: datetime | None = None
    dead_letter: bool = False
    kept_until: datetime | None = None
    idempotency_key: str | None = None
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine(Model):
    """Lines that a handler or a worker wrote; ``stream`` is stdout or stderr."""

    text: str
    stream: str = "stdout"
    time: datetime | None = None
    seq: int | None = None
    attempt: int | None = None
    worker_id: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Piece(Model):
    """One piece of a streamed output; ``sequence`` counts from the start of the stream."""

    value: Any
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StatusChange(Model):
    """The job changed; ``job`` is how it stands now. ``last`` where nothing follows."""

    job: JobView
    last: bool = False


JobEvent = StatusChange | Piece | Progress | LogLine
"""What `Job.events` yields."""


@dataclass(frozen=True, slots=True)
class CancelOutcome(Model):
    """What became of a cancel. True in a condition where the job is cancelled; ``detail`` says what happened."""

    cancelled: bool
    detail: str = ""
    job: JobView | None = None

    def __bool__(self) -> bool:
        return self.cancelled


@dataclass(frozen=True, slots=True)
class Explanation(Model):
    """Why a job stands where it stands, and what to do. ``str()`` is the text for people."""

    job_id: str
    status: JobStatus
    summary: str
    position: int | None = None
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    worker_log: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.job_id}: {self.summary}"]
        lines += [f"  because {reason}" for reason in self.reasons]
        if self.worker_log:
            lines += ["  the worker's last lines:", *(f"    {line}" for line in self.worker_log)]
        lines += [f"  → {step}" for step in self.next_steps]
        return "\n".join(lines)

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(str(self))

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


# -- endpoints


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
    """A process that runs handlers; ``last_lines`` are its own, ``exit`` says how it ended."""

    id: str
    state: str
    endpoint: str | None = None
    version: str | None = None
    pid: int | None = None
    started_at: datetime | None = None
    jobs: Any = None
    isolation: str | None = None
    last_lines: tuple[str, ...] = ()
    exit: Any = None


# -- deployments


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


# -- people


@dataclass(frozen=True, slots=True)
class AccountInfo(Model):
    """A person or a program that owns endpoints and keys.

    ``rate`` (``100/min``) and ``concurrent`` (open jobs) are limits for all its keys together; None where it has none of its own.
    ``email`` is an address that an administrator has vouched for.
    """

    name: str
    id: str | None = None
    administrator: bool = False
    disabled: bool = False
    created_at: datetime | None = None
    rate: str | None = None
    concurrent: int | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class KeyInfo(Model):
    """An API key without its secret; ``state`` is active, rotating, disabled, expired or revoked.

    ``rate`` and ``concurrent`` are its own limits, beside those of its account.
    """

    id: str
    label: str | None = None
    account: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    state: str = "active"
    rate: str | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey(Model):
    """A key just made. ``key`` is the whole token; it is shown this once, and hidden in the repr."""

    id: str
    key: str = field(repr=False)
    label: str | None = None
    account: str | None = None
    scopes: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    rate: str | None = None
    concurrent: int | None = None


@dataclass(frozen=True, slots=True)
class MemberInfo(Model):
    """An account in an organization; ``role`` is owner, admin or member."""

    account: str
    role: str


@dataclass(frozen=True, slots=True)
class OrganizationInfo(Model):
    """A named group of accounts. ``role`` is the asker's own; ``members`` come with `get` only.

    Everybody may know of one that is ``public``, and share endpoints with it. ``number`` is its integer in the Jaqpot dialect.
    """

    name: str
    id: str | None = None
    role: str | None = None
    created_at: datetime | None = None
    members: tuple[MemberInfo, ...] = ()
    number: int | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class WebhookAttempt(Model):
    """One try to deliver a message.

    ``status_code`` is None where no answer came; ``error`` is empty where the receiver took it. ``response`` is the beginning
    of what it answered.
    """

    number: int
    at: datetime
    duration_ms: float = 0.0
    status_code: int | None = None
    error: str = ""
    response: str = ""
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookDelivery(Model):
    """What became of the webhook of a job. ``status`` is pending, delivered or failed; ``attempts`` come with `get` only."""

    id: str
    job_id: str
    url: str
    status: str
    attempt_count: int = 0
    created_at: datetime | None = None
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: tuple[WebhookAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookSecret(Model):
    """The secret that an account's messages are signed with, for `trivet.webhooks.verify`.

    Until ``previous_until`` the one before signs as well.
    """

    secret: str = field(repr=False)
    created_at: datetime | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SecretInfo(Model):
    """A secret's name; its value never comes back."""

    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DataEntry(Model):
    """What lies somewhere in the hosted data. ``type`` is ``owner``, ``collection`` or ``file``.

    A collection has an ``acl``: who may read it. A file has a ``size`` in bytes, and ``md5`` and ``sha256`` in hex.
    """

    type: str
    uri: str
    name: str
    acl: str | None = None
    size: int | None = None
    content_type: str | None = None
    md5: str | None = None
    sha256: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deleted(Model):
    """How many files were deleted."""

    deleted: int


@dataclass(frozen=True, slots=True)
class Me(Model):
    """Who asks: the account, the key in use, the organizations, and what the key may do."""

    account: AccountInfo
    key: KeyInfo | None = None
    organizations: tuple[OrganizationInfo, ...] = ()
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Readiness(Model):
    """Whether the server takes calls (true in a condition); ``checks`` is what it says about itself."""

    ready: bool
    checks: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __bool__(self) -> bool:
        return self.ready


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: documents, and where the next page begins (None at the end)."""

    items: tuple[Any, ...] = ()
    next: str | int | None = None
