"""The documents of the native API, as they stand on the wire. Times are RFC 3339, fields that end in ``_ms`` milliseconds."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

T = TypeVar("T")


class Document(msgspec.Struct):
    """Base of what the API tells."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """Base of what the API is told: a field that nobody knows is a mistake, and said to be one."""


class Page(Document, Generic[T]):
    """One page of a listing; `next` is the cursor of the page behind it, null at the end."""

    items: list[T]
    next: str | None = None


# -- jobs ---------------------------------------------------------------------------------------------------------------

Status = Literal["queued", "running", "succeeded", "failed", "cancelled", "timed_out"]
Priority = Literal["high", "normal", "low"]


class Progress(Document):
    """How far the handler says it is: `fraction` from 0 to 1, or null, and its own words."""

    fraction: float | None
    message: str


class JobError(Document):
    """Why a job did not succeed. `worker_log` is told to those who manage the endpoint."""

    code: str
    message: str
    type: str | None = None
    traceback: str | None = None
    worker_log: list[str] = []
    hint: str = ""


class Job(Document):
    """One call, from submit to result.

    `output` is there where the job has succeeded with JSON of up to 64 KiB. `retry_at` is when a queued job may be tried
    again. A `dead_letter` has failed though its policy would have tried it again. `kept_until` is when it will be forgotten.
    `retry_of` is the first job, where this one tries it again by hand.
    """

    id: str
    status: Status
    endpoint: str
    endpoint_id: str
    version: str
    attempts: int
    max_attempts: int
    priority: Priority
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    queued_ms: float | None = None
    duration_ms: float | None = None
    progress: Progress | None = None
    pieces: int = 0
    error: JobError | None = None
    output: msgspec.Raw | UnsetType = UNSET
    output_type: str | None = None
    output_size: int | None = None
    retry_at: str | None = None
    dead_letter: bool = False
    kept_until: str | None = None
    idempotency_key: str | None = None
    retry_of: str | None = None


class Cancellation(Document):
    """Whether a cancel took, and the job as it stands now."""

    job: Job
    cancelled: bool
    detail: str


class JobLogLine(Document):
    """What a handler printed."""

    seq: int
    time: str
    stream: str
    text: str
    attempt: int


class JobLog(Document):
    """Lines of a job's log; send `next` back as `after` to go on."""

    items: list[JobLogLine]
    next: int | None = None


class JobInsight(Document):
    """A metric that a job has reported: a number, a text, true, false or null."""

    key: str
    value: float | int | str | bool | None
    time: str


class JobInsights(Document):
    """What a job has reported about its own work."""

    items: list[JobInsight]


class Explanation(Document):
    """Why a job is where it is, and what to do next."""

    job_id: str
    status: Status
    summary: str
    position: int | None = None
    waiting_for: str | None = None
    reasons: list[str] = []
    next_steps: list[str] = []
    worker_log: list[str] = []


# -- webhooks -----------------------------------------------------------------------------------------------------------


class WebhookMessage(Document, omit_defaults=True):
    """What a webhook is sent: `type` is `job.` and the status, `data` the job as it ended.

    `result` is the path of its output on this server, for one that is too large for `data`, or no JSON.
    """

    type: str
    timestamp: str
    data: Job
    result: str | None = None


class WebhookAttempt(Document):
    """One try to deliver a message. `status_code` is null where no answer came; `error` is empty where it was taken.

    `response` is the beginning of what the receiver answered.
    """

    number: int
    at: str
    duration_ms: float
    status_code: int | None
    error: str
    response: str
    next_attempt_at: str | None = None


class WebhookDelivery(Document):
    """What became of the webhook of a job. `id` is the message's; `attempts` come with a single delivery."""

    id: str
    job_id: str
    url: str
    status: Literal["pending", "delivered", "failed"]
    attempt_count: int
    created_at: str
    next_attempt_at: str | None = None
    finished_at: str | None = None
    attempts: list[WebhookAttempt] | UnsetType = UNSET


class WebhookSecret(Document):
    """The secret that an account's messages are signed with. Until `previous_until` the one before signs as well."""

    secret: str
    created_at: str
    previous_until: str | None = None


# -- endpoints ----------------------------------------------------------------------------------------------------------


class Scaling(Document):
    """How many workers an endpoint may have. `idle_timeout` in seconds; `target` belongs to the policy."""

    min: int
    max: int
    idle_timeout: float
    policy: Literal["queue_delay", "request_count"]
    target: float


class Settings(Document):
    """What the author set beside the handler: seconds and bytes. `secrets` are names, told to those who manage it.

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
    requirements: list[str] = []
    secrets: list[str] = []
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
    requirements: list[str] = []


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
    exit: str | None = None


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


# -- deployments --------------------------------------------------------------------------------------------------------


class BuildStep(Document):
    """One line of a deployment's story."""

    at: str
    text: str


class DeploymentError(Document):
    """Why a deployment failed."""

    code: str
    message: str
    hint: str = ""


class PublishedEndpoint(Document):
    """An endpoint that a deployment published; `url` is where to send a call."""

    id: str
    name: str
    version: str
    model_id: int | None
    state: str
    url: str


class PublishedImage(Document):
    """The image that a deployment published; it may have moved to another build since."""

    id: str
    name: str


class Deployment(Document):
    """An upload and what became of it: `endpoints` that it published, or an `image`."""

    id: str
    state: Literal["building", "ready", "failed"]
    detail: str
    steps: list[BuildStep] = []
    log: str = ""
    error: DeploymentError | None = None
    endpoints: list[PublishedEndpoint] = []
    image: PublishedImage | None = None


class Image(Document):
    """A build under a name, that endpoints can be made of. `hash` is the SHA-256 of what was uploaded; `host` is the kind of
    program: `decorated` or `runpod`. `updated_at` is when the name came to stand for this build.
    """

    id: str
    name: str
    owner: str
    hash: str
    host: str
    kind: str
    created_at: str
    updated_at: str
    description: str = ""


# -- people -------------------------------------------------------------------------------------------------------------


class Account(Document):
    """A person or a program that owns endpoints and keys. `rate` (`100/min`) and `concurrent` (open jobs) are limits for all its
    keys together; null: as the platform's default is. `email` is an address that an administrator has vouched for.
    """

    id: str
    name: str
    administrator: bool
    disabled: bool
    created_at: str
    rate: str | None = None
    concurrent: int | None = None
    email: str | None = None


class AccountRequest(Request):
    """The account to make. `email` is an address that you vouch for: invitations to organizations reach the account under it."""

    name: str
    email: str = ""


class AccountChange(Request):
    """What to change; a field that is not there stays as it is. `disabled`: whether the account's keys stop to count. `rate` and
    `concurrent` are limits for all its keys together; null takes a limit away. `email` is an address that you vouch for; an empty
    text takes it away.
    """

    disabled: bool | UnsetType = UNSET
    rate: str | UnsetType | None = UNSET
    concurrent: int | UnsetType | None = UNSET
    email: str | UnsetType = UNSET


class Key(Document):
    """An API key, without its secret. `rate` and `concurrent` are its own limits, beside those of its account."""

    id: str
    label: str
    account: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    state: Literal["active", "disabled", "expired", "revoked", "rotating"]
    rate: str | None = None
    concurrent: int | None = None


class NewKey(Document):
    """A key just made. `key` is the whole token and `secret` its secret half: shown this once, kept only as a hash."""

    id: str
    key: str
    secret: str
    label: str
    account: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    rate: str | None = None
    concurrent: int | None = None


class KeyRequest(Request):
    """The key to make. Left out, `scopes` are the usual ones and `expires_days` is 182.

    A key that never expires has to be asked for in so many words. `account` is for administrators. `rate` (`100/min`) says how
    often it may call, `concurrent` how many jobs it may have open.
    """

    label: str = ""
    scopes: list[str] | None = None
    expires_days: float | None = None
    never_expires: bool = False
    account: str | None = None
    rate: str | None = None
    concurrent: int | None = None


class KeyChange(Request):
    """What to change; a field that is not there stays as it is. Null takes a limit away. `disabled`: whether the key stops to
    count, until it is enabled again.
    """

    rate: str | UnsetType | None = UNSET
    concurrent: int | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class Rotation(Request):
    """How long the old secret goes on counting."""

    overlap_hours: float = 24.0


class Membership(Document):
    """An organization, and what one is in it."""

    name: str
    role: str


class Me(Document):
    """Who asks, and what the key may do."""

    account: Account
    key: Key
    organizations: list[Membership]
    scopes: list[str]


class Member(Document):
    """An account in an organization."""

    account: str
    role: Literal["owner", "admin", "member"]


class Organization(Document):
    """A group of accounts that can own endpoints. `role` is one's own; `members` come with a single organization. Everybody may
    know of one that is `public`, and share endpoints with it; what is shared with it is for its members alone. `number` is its
    integer, for callers of the Jaqpot dialect.
    """

    id: str
    name: str
    created_at: str
    number: int
    public: bool
    role: str | None = None
    members: list[Member] | UnsetType = UNSET


class OrganizationRequest(Request):
    """The organization to make. `public`: whether everybody may know of it, and share endpoints with it."""

    name: str
    public: bool = False


class MemberRequest(Request):
    """The role to give."""

    role: Literal["owner", "admin", "member"]


class Secret(Document):
    """A secret's name. Its value never comes back."""

    name: str


class SecretRequest(Request):
    """The value to keep, encrypted."""

    value: str


# -- hosted data --------------------------------------------------------------------------------------------------------

ReadAcl = Literal["private", "owners_endpoints", "organization", "public"]


class DataEntry(Document):
    """What lies somewhere in the hosted data: the root, an owner, a collection or a file.

    `acl` is who may read a collection: the owner, also the owner's endpoints, also members of the owner's organizations, or every
    account. What an endpoint keeps for an account, and what the jobs of one call share, has none. `size` is in bytes, `md5` and
    `sha256` are in hex; `md5` is the file's `ETag`, too.
    """

    type: Literal["root", "owner", "collection", "file"]
    uri: str
    name: str
    acl: ReadAcl | None = None
    size: int | None = None
    content_type: str | None = None
    md5: str | None = None
    sha256: str | None = None
    created_at: str | None = None
    modified_at: str | None = None
    expires_at: str | None = None


class CollectionRequest(Request):
    """The collection to make."""

    name: str
    acl: ReadAcl = "owners_endpoints"


class CollectionChange(Request):
    """Who may read the collection from now on."""

    acl: ReadAcl


class Deleted(Document):
    """How many files were deleted."""

    deleted: int


# -- the API itself -----------------------------------------------------------------------------------------------------


class About(Document):
    """What answers here."""

    name: str
    version: str
    openapi: str
    docs: str
