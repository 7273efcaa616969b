"""The routes of the native API, as data: from this table come the router, the OpenAPI document and the human pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from trivet.platform.dialects.native import deployments, endpoints, files, jobs, models, people, schemas, webhooks
from trivet.platform.dialects.native.context import Call

Handler = Callable[[Call], Awaitable[Any]]
"""Gives a document, a `Reply`, an `EventStream`, or None (204)."""


class Access(StrEnum):
    """Who may use a route: the scope that the key needs. The services decide; this table says what they decide."""

    PUBLIC = "public"
    KEY = "key"
    CALL = "call"
    READ = "read"
    DEPLOY = "deploy"
    DATA = "data"
    ADMIN = "admin"


class Body(Enum):
    """What a body is that is no document of the API."""

    INPUT = "the input of a call: JSON, text or bytes"
    OUTPUT = "the output of a job, as its handler gave it"
    ARCHIVE = "a tar.gz of the folder, or one Python file"
    FILE = "the bytes of a file"
    DATA = "the bytes of a file, or a page of a listing"
    TEXT = "plain text"
    EVENTS = "server-sent events"
    BUNDLE = "a model bundle, a zip file"
    OPENAPI = "an OpenAPI 3.1 document"


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter: what it does, and the JSON type of its value."""

    name: str
    text: str
    type: str = "string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    Attributes:
        name: its name, unique; the OpenAPI ``operationId``.
        method: the verb.
        path: below the API's prefix. ``{endpoint}`` stands for ``{owner}/{name}`` and for ``{endpoint_id}``; ``{path}`` for all
            that follows.
        tag: the chapter it belongs to.
        summary: what it does, a short sentence.
        access: who may use it.
        handler: what answers; None for the public routes and the hot paths, which the application answers itself.
        request: the document or the body that is sent.
        response: the document or the body of the answer; None where there is none.
        status: of the answer where all went well.
        queries: the query parameters.
        detail: more, for the pages.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    access: Access
    handler: Handler | None = None
    request: Any = None
    response: Any = None
    status: int = 200
    queries: tuple[Query, ...] = ()
    detail: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it is reached by: two where it is about an endpoint."""
        if "{endpoint}" not in self.path:
            return (self.path,)
        return self.path.replace("{endpoint}", "{owner}/{name}"), self.path.replace("{endpoint}", "{endpoint_id}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths as the router takes them."""
        return tuple(path.replace("{path}", "{path:path}") or "/" for path in self.paths)

    @property
    def query_names(self) -> tuple[str, ...]:
        """The names of its query parameters."""
        return tuple(query.name for query in self.queries)


_PAGING = (
    Query("limit", "How many items a page may have, up to 500; 50 where nothing is said.", "integer"),
    Query("cursor", "`next` of the page before."),
)
_OPTIONS = (
    Query("version", "Which version: `1.2.0`, `1`, `^1.2.0`, a content hash, an alias, or `latest`."),
    Query("timeout", "Seconds that an attempt may run.", "number"),
    Query("ttl", "Seconds until the job must be final.", "number"),
    Query("priority", "`high`, `normal` or `low`. A low one never makes the endpoint scale up."),
    Query("max_attempts", "How often it is tried at most.", "integer"),
    Query("retry_on", "What is tried again, separated by commas: `worker_lost`, `handler_error`, types of exceptions."),
    Query("backoff", "Seconds before the second attempt; each further one waits twice as long.", "number"),
    Query("retention", "Seconds that the job can be looked up after its end.", "number"),
    Query("webhook", "A URL that is told of the job's end."),
)
_WAIT = Query("wait", "Seconds to hold the answer until the job is final, up to 60.", "number")
_INFO = Query("info", "Tell what is known of it, as a `DataEntry`, in place of its content.", "boolean")
_OWNER = Query("owner", "An account or organization that one manages; one's own account where nothing is said.")

_CALLING = (
    Route(
        name="run",
        method="POST",
        path="/endpoints/{endpoint}/run",
        tag="Calling",
        summary="Call, and wait for the output",
        access=Access.CALL,
        request=Body.INPUT,
        response=Body.OUTPUT,
        queries=(*_OPTIONS, Query("wait", "Seconds to wait, up to 300; 50 where nothing is said.", "number")),
        detail=(
            "The body is the input itself: JSON, text, or any bytes under their content type. The answer's body is the "
            "output itself. A job that is not final in time goes on: the answer is 202 with the job and its `Location`."
        ),
    ),
    Route(
        name="submit",
        method="POST",
        path="/endpoints/{endpoint}/submit",
        tag="Calling",
        summary="Call, and come back for the output later",
        access=Access.CALL,
        request=Body.INPUT,
        response=schemas.Job,
        status=202,
        queries=_OPTIONS,
        detail="Answered once the job is on disk. `Location` is where it can be looked up.",
    ),
    Route(
        name="stream",
        method="POST",
        path="/endpoints/{endpoint}/stream",
        tag="Calling",
        summary="Call, and read the output piece by piece",
        access=Access.CALL,
        request=Body.INPUT,
        response=Body.EVENTS,
        queries=_OPTIONS,
        detail=(
            "Events: `job` (the job, at the start and at every change), `piece`, `progress`, `log`, then `end`. After a "
            "dropped connection go on with `/jobs/{job}/events` and `Last-Event-ID`. Leaving does not stop the job."
        ),
    ),
)

_JOBS = (
    Route(
        name="list_jobs",
        method="GET",
        path="/jobs",
        tag="Jobs",
        summary="List jobs, newest first",
        access=Access.READ,
        handler=jobs.jobs,
        response=schemas.Page[schemas.Job],
        queries=(
            Query("endpoint", "Only those of one endpoint: `owner/name` or an id."),
            Query("status", "Only those in these states, separated by commas."),
            Query("dead_letters", "Only jobs that used up their attempts.", "boolean"),
            *_PAGING,
        ),
        detail="One's own jobs, and those of endpoints that one manages.",
    ),
    Route(
        name="get_job",
        method="GET",
        path="/jobs/{job}",
        tag="Jobs",
        summary="Look at a job",
        access=Access.READ,
        response=schemas.Job,
        queries=(_WAIT,),
        detail="A key with the scope `call` may look at the jobs of its own account.",
    ),
    Route(
        name="get_job_result",
        method="GET",
        path="/jobs/{job}/result",
        tag="Jobs",
        summary="Get a job's output",
        access=Access.READ,
        response=Body.OUTPUT,
        queries=(_WAIT,),
        detail="Answered as `run` would have answered: 202 with the job while it is not final.",
    ),
    Route(
        name="get_job_input",
        method="GET",
        path="/jobs/{job}/input",
        tag="Jobs",
        summary="Get a job's input",
        access=Access.READ,
        handler=jobs.job_input,
        response=Body.OUTPUT,
    ),
    Route(
        name="get_job_events",
        method="GET",
        path="/jobs/{job}/events",
        tag="Jobs",
        summary="Follow a job",
        access=Access.READ,
        handler=jobs.job_events,
        response=Body.EVENTS,
        detail="`Last-Event-ID` says where to go on. A comment comes every 10 seconds in which nothing else does.",
    ),
    Route(
        name="cancel_job",
        method="POST",
        path="/jobs/{job}/cancel",
        tag="Jobs",
        summary="Cancel a job",
        access=Access.CALL,
        handler=jobs.cancel,
        response=schemas.Cancellation,
        detail="Waits up to 5 seconds for a running job's worker to confirm.",
    ),
    Route(
        name="get_job_logs",
        method="GET",
        path="/jobs/{job}/logs",
        tag="Jobs",
        summary="Read what a job printed",
        access=Access.READ,
        handler=jobs.job_logs,
        response=schemas.JobLog,
        queries=(Query("after", "Only lines behind this `seq`.", "integer"),),
        detail="Plain text where `Accept` begins with `text/plain`.",
    ),
    Route(
        name="get_job_insights",
        method="GET",
        path="/jobs/{job}/insights",
        tag="Jobs",
        summary="Read what a job has reported about its own work",
        access=Access.READ,
        handler=jobs.job_insights,
        response=schemas.JobInsights,
        detail="In the order in which it was reported. Kept as long as the job.",
    ),
    Route(
        name="explain_job",
        method="GET",
        path="/jobs/{job}/explain",
        tag="Jobs",
        summary="Ask why a job is where it is",
        access=Access.READ,
        handler=jobs.explain,
        response=schemas.Explanation,
    ),
    Route(
        name="replay_job",
        method="POST",
        path="/jobs/{job}/replay",
        tag="Jobs",
        summary="Submit a job again",
        access=Access.CALL,
        handler=jobs.replay,
        request=Body.INPUT,
        response=schemas.Job,
        status=202,
        queries=(Query("version", "Which version it goes to; the one that a call gets now where nothing is said."),),
        detail="A new job under the same policy. Without a body it gets the same input, otherwise the body.",
    ),
)

_WEBHOOKS = (
    Route(
        name="list_webhooks",
        method="GET",
        path="/webhooks",
        tag="Webhooks",
        summary="List deliveries, newest first",
        access=Access.READ,
        handler=webhooks.webhooks,
        response=schemas.Page[schemas.WebhookDelivery],
        queries=(Query("status", "Only those in these states, separated by commas."), *_PAGING),
        detail="Those of one's own account; everybody's for administrators.",
    ),
    Route(
        name="get_webhook",
        method="GET",
        path="/jobs/{job}/webhook",
        tag="Webhooks",
        summary="Look at a job's webhook and its attempts",
        access=Access.READ,
        handler=webhooks.webhook,
        response=schemas.WebhookDelivery,
        detail="For all who may look at the job; the whole URL is told to its account.",
    ),
    Route(
        name="redeliver_webhook",
        method="POST",
        path="/jobs/{job}/webhook/redeliver",
        tag="Webhooks",
        summary="Send a job's message again",
        access=Access.CALL,
        handler=webhooks.redeliver,
        response=schemas.WebhookDelivery,
        status=202,
        detail="Now, whatever became of it before, and with a whole schedule of retries. The message keeps its id.",
    ),
    Route(
        name="get_webhook_secret",
        method="GET",
        path="/webhooks/secret",
        tag="Webhooks",
        summary="Get the secret that one's messages are signed with",
        access=Access.DEPLOY,
        handler=webhooks.secret,
        response=schemas.WebhookSecret,
        detail="One for an account, made when it is first needed.",
    ),
    Route(
        name="rotate_webhook_secret",
        method="POST",
        path="/webhooks/secret/rotate",
        tag="Webhooks",
        summary="Make a new signing secret",
        access=Access.DEPLOY,
        handler=webhooks.rotate_secret,
        response=schemas.WebhookSecret,
        detail="For 24 hours messages carry a signature by the old one too.",
    ),
)

_ENDPOINTS = (
    Route(
        name="list_endpoints",
        method="GET",
        path="/endpoints",
        tag="Endpoints",
        summary="List the endpoints that one may see",
        access=Access.READ,
        handler=endpoints.endpoints,
        response=schemas.Page[schemas.Endpoint],
        queries=(Query("models", "Only those that are predictive models.", "boolean"), *_PAGING),
    ),
    Route(
        name="list_versions",
        method="GET",
        path="/endpoints/{endpoint}/versions",
        tag="Endpoints",
        summary="List versions, newest first",
        access=Access.READ,
        handler=endpoints.versions,
        response=schemas.Page[schemas.Version],
        queries=_PAGING,
    ),
    Route(
        name="get_version",
        method="GET",
        path="/endpoints/{endpoint}/versions/{version}",
        tag="Endpoints",
        summary="Look at a version",
        access=Access.READ,
        handler=endpoints.version,
        response=schemas.Version,
    ),
    Route(
        name="get_build_log",
        method="GET",
        path="/endpoints/{endpoint}/versions/{version}/log",
        tag="Endpoints",
        summary="Read a version's build log",
        access=Access.READ,
        handler=endpoints.build_log,
        response=Body.TEXT,
        detail="For those who manage the endpoint.",
    ),
    Route(
        name="get_bundle",
        method="GET",
        path="/endpoints/{endpoint}/bundle",
        tag="Endpoints",
        summary="Download a predictive model as one file",
        access=Access.CALL,
        handler=models.bundle_of,
        response=Body.BUNDLE,
        queries=(
            Query(
                "version", "Which version: `1.2.0`, `1`, an alias, or `latest`; the current one where nothing is said."
            ),
        ),
        detail=(
            "A zip of the graphs and the description, with a checksum of each, which `trivet.load` opens and predicts with where "
            "no platform is. For those who may call the model. An endpoint that is no model has none."
        ),
    ),
    Route(
        name="get_version_health",
        method="GET",
        path="/endpoints/{endpoint}/versions/{version}/health",
        tag="Endpoints",
        summary="Count a version's jobs, and see how long they take",
        access=Access.READ,
        handler=endpoints.version_health,
        response=schemas.VersionHealth,
    ),
    Route(
        name="roll_back",
        method="POST",
        path="/endpoints/{endpoint}/rollback",
        tag="Endpoints",
        summary="End the canary, or make an earlier version current",
        access=Access.DEPLOY,
        handler=endpoints.rollback,
        request=schemas.Rollback,
        response=schemas.Endpoint,
    ),
    Route(
        name="promote",
        method="POST",
        path="/endpoints/{endpoint}/promote",
        tag="Endpoints",
        summary="Make the canary, or a certain version, current",
        access=Access.DEPLOY,
        handler=endpoints.promote,
        request=schemas.Promotion,
        response=schemas.Endpoint,
        detail="Unpinned calls all go to it from then on.",
    ),
    Route(
        name="set_canary",
        method="PUT",
        path="/endpoints/{endpoint}/canary",
        tag="Endpoints",
        summary="Give a version a share of the unpinned calls",
        access=Access.DEPLOY,
        handler=endpoints.set_canary,
        request=schemas.CanaryRequest,
        response=schemas.Endpoint,
        detail=(
            "The rest goes to the current version. Each call is drawn by chance; those with the same `Trivet-Affinity` "
            "header all get the same version while the shares stand."
        ),
    ),
    Route(
        name="end_canary",
        method="DELETE",
        path="/endpoints/{endpoint}/canary",
        tag="Endpoints",
        summary="Give all unpinned calls to the current version again",
        access=Access.DEPLOY,
        handler=endpoints.end_canary,
        response=schemas.Endpoint,
    ),
    Route(
        name="list_aliases",
        method="GET",
        path="/endpoints/{endpoint}/aliases",
        tag="Endpoints",
        summary="List aliases, by name",
        access=Access.READ,
        handler=endpoints.aliases,
        response=schemas.Page[schemas.Alias],
        queries=_PAGING,
    ),
    Route(
        name="get_alias",
        method="GET",
        path="/endpoints/{endpoint}/aliases/{alias}",
        tag="Endpoints",
        summary="Look at an alias",
        access=Access.READ,
        handler=endpoints.alias,
        response=schemas.Alias,
    ),
    Route(
        name="set_alias",
        method="PUT",
        path="/endpoints/{endpoint}/aliases/{alias}",
        tag="Endpoints",
        summary="Let an alias stand for a version, or for several",
        access=Access.DEPLOY,
        handler=endpoints.set_alias,
        request=schemas.AliasRequest,
        response=schemas.Alias,
        detail="A call names it in place of a version: `?version=prod`.",
    ),
    Route(
        name="delete_alias",
        method="DELETE",
        path="/endpoints/{endpoint}/aliases/{alias}",
        tag="Endpoints",
        summary="End an alias",
        access=Access.DEPLOY,
        handler=endpoints.delete_alias,
        status=204,
    ),
    Route(
        name="purge",
        method="POST",
        path="/endpoints/{endpoint}/purge",
        tag="Endpoints",
        summary="Cancel all queued jobs",
        access=Access.DEPLOY,
        handler=endpoints.purge,
        response=schemas.Purged,
    ),
    Route(
        name="get_health",
        method="GET",
        path="/endpoints/{endpoint}/health",
        tag="Endpoints",
        summary="Count jobs and workers",
        access=Access.READ,
        handler=endpoints.health,
        response=schemas.Health,
    ),
    Route(
        name="list_endpoint_workers",
        method="GET",
        path="/endpoints/{endpoint}/workers",
        tag="Endpoints",
        summary="List an endpoint's workers",
        access=Access.READ,
        handler=endpoints.workers,
        response=schemas.Page[schemas.Worker],
        queries=_PAGING,
        detail="Empty for those who do not manage the endpoint.",
    ),
    Route(
        name="get_endpoint_logs",
        method="GET",
        path="/endpoints/{endpoint}/logs",
        tag="Endpoints",
        summary="Read the newest lines of workers and jobs",
        access=Access.READ,
        handler=endpoints.logs,
        response=schemas.Log,
        queries=(Query("follow", "Whether to go on with events `log` as lines come.", "boolean"),),
        detail="Empty for those who do not manage the endpoint.",
    ),
    # behind the words above: an endpoint may be named like one of them
    Route(
        name="get_endpoint",
        method="GET",
        path="/endpoints/{endpoint}",
        tag="Endpoints",
        summary="Look at an endpoint",
        access=Access.READ,
        handler=endpoints.endpoint,
        response=schemas.Endpoint,
    ),
    Route(
        name="change_endpoint",
        method="PATCH",
        path="/endpoints/{endpoint}",
        tag="Endpoints",
        summary="Change who may call it, how it scales, its description",
        access=Access.DEPLOY,
        handler=endpoints.change_endpoint,
        request=schemas.EndpointChange,
        response=schemas.Endpoint,
    ),
    Route(
        name="delete_endpoint",
        method="DELETE",
        path="/endpoints/{endpoint}",
        tag="Endpoints",
        summary="Delete an endpoint",
        access=Access.DEPLOY,
        handler=endpoints.delete_endpoint,
        status=204,
        detail="Queued jobs end, running ones are stopped; what is final can still be looked up.",
    ),
    Route(
        name="list_workers",
        method="GET",
        path="/workers",
        tag="Endpoints",
        summary="List the workers of all endpoints that one manages",
        access=Access.READ,
        handler=endpoints.all_workers,
        response=schemas.Page[schemas.Worker],
        queries=_PAGING,
    ),
)

_DEPLOYMENTS = (
    Route(
        name="deploy",
        method="POST",
        path="/deployments",
        tag="Deployments",
        summary="Upload code to be built and published",
        access=Access.DEPLOY,
        handler=deployments.deploy,
        request=Body.ARCHIVE,
        response=schemas.Deployment,
        status=202,
        queries=(
            Query("filename", "The plain name of the folder or file, with its suffix."),
            Query("name", "`owner/name`, `name`, or `owner/` to publish under."),
            Query("version", "The semantic version; counted up where nothing is said."),
            Query("id", "The opaque id that the endpoint shall have."),
            Query("model_id", "The integer id that the endpoint shall have.", "integer"),
            Query("workers", "Minimum and maximum: `0,3`."),
            Query(
                "canary",
                "Percent of the unpinned calls that the version gets beside the current one, 0 to 99.",
                "integer",
            ),
            Query(
                "held",
                "Build a version that gets no calls: its number and its hash lead to it, for those who manage the endpoint.",
                "boolean",
            ),
            Query(
                "image", "Publish the build as an image of this name, for endpoints to be made of, not as an endpoint."
            ),
        ),
        detail="An upload that can't be taken is refused before anything is stored. Building goes on behind the answer.",
    ),
    Route(
        name="get_deployment",
        method="GET",
        path="/deployments/{deployment}",
        tag="Deployments",
        summary="Look at a deployment",
        access=Access.DEPLOY,
        handler=deployments.deployment,
        response=schemas.Deployment,
        queries=(
            Query("wait", "Seconds to hold the answer until it is ready or failed, up to 60.", "number"),
            Query("seen_steps", "With `wait`: answer as soon as there are more steps than these.", "integer"),
        ),
    ),
    Route(
        name="list_images",
        method="GET",
        path="/images",
        tag="Deployments",
        summary="List the images that one can use",
        access=Access.READ,
        handler=deployments.images,
        response=schemas.Page[schemas.Image],
        queries=(*_PAGING, Query("name", "Only those of exactly this name.")),
        detail=(
            "One's own, those of one's organizations, and those of the platform's first administrator. Where a name stands "
            "for several, the first one counts."
        ),
    ),
    Route(
        name="get_image",
        method="GET",
        path="/images/{image}",
        tag="Deployments",
        summary="Look at an image",
        access=Access.READ,
        handler=deployments.image,
        response=schemas.Image,
    ),
    Route(
        name="delete_image",
        method="DELETE",
        path="/images/{image}",
        tag="Deployments",
        summary="Delete an image",
        access=Access.DEPLOY,
        handler=deployments.delete_image,
        status=204,
        detail="Endpoints that were made of it keep what they have.",
    ),
)

_FILES = (
    Route(
        name="list_owners",
        method="GET",
        path="/files",
        tag="Files",
        summary="List whose hosted data one may look for",
        access=Access.DATA,
        handler=files.get,
        response=schemas.Page[schemas.DataEntry],
        queries=(_INFO, *_PAGING),
        detail="One's own account first, then the organizations that one belongs to.",
    ),
    Route(
        name="get_data",
        method="GET",
        path="/files/{path}",
        tag="Files",
        summary="Get a file, or list what lies at a place",
        access=Access.DATA,
        handler=files.get,
        response=Body.DATA,
        queries=(_INFO, *_PAGING),
        detail=(
            "`OWNER/COLLECTION/FILE` is a file, a shorter path an owner or a collection; `.my` stands for one's own account. "
            "`X-Data-Type` says which it is: `file` or `directory`. A file comes with `ETag` (its MD5) and `Last-Modified`, and "
            "answers to `Range` (one at a time), `If-Range`, `If-Match`, `If-None-Match`, `If-Modified-Since` and "
            "`If-Unmodified-Since`. HEAD gives the headers alone."
        ),
    ),
    Route(
        name="put_file",
        method="PUT",
        path="/files/{path}",
        tag="Files",
        summary="Write a file",
        access=Access.DATA,
        handler=files.put,
        request=Body.FILE,
        response=schemas.DataEntry,
        detail=(
            "The body is kept as it comes, with its `Content-Type`. What was there is replaced when all of it has come, and not "
            "before: an upload that breaks off changes nothing. `If-Match` with an `ETag` replaces only that version, "
            "`If-None-Match: *` writes only where there is no file. The collection must be there."
        ),
    ),
    Route(
        name="delete_data",
        method="DELETE",
        path="/files/{path}",
        tag="Files",
        summary="Delete a file or a collection",
        access=Access.DATA,
        handler=files.delete,
        response=schemas.Deleted,
        queries=(Query("force", "Delete a collection that is not empty, with all its files.", "boolean"),),
    ),
    Route(
        name="create_collection",
        method="POST",
        path="/files/{owner}",
        tag="Files",
        summary="Make a collection",
        access=Access.DATA,
        handler=files.create,
        request=schemas.CollectionRequest,
        response=schemas.DataEntry,
        status=201,
        detail="The owner is one's own account (`.my`), or an organization that one manages.",
    ),
    Route(
        name="change_collection",
        method="PATCH",
        path="/files/{owner}/{collection}",
        tag="Files",
        summary="Say who may read a collection",
        access=Access.DATA,
        handler=files.change,
        request=schemas.CollectionChange,
        response=schemas.DataEntry,
    ),
)

_PEOPLE = (
    Route(
        name="get_me",
        method="GET",
        path="/me",
        tag="People",
        summary="Ask who one is, and what the key may do",
        access=Access.KEY,
        handler=people.me,
        response=schemas.Me,
    ),
    Route(
        name="list_accounts",
        method="GET",
        path="/accounts",
        tag="People",
        summary="List accounts",
        access=Access.ADMIN,
        handler=people.accounts,
        response=schemas.Page[schemas.Account],
        queries=_PAGING,
    ),
    Route(
        name="create_account",
        method="POST",
        path="/accounts",
        tag="People",
        summary="Make an account",
        access=Access.ADMIN,
        handler=people.create_account,
        request=schemas.AccountRequest,
        response=schemas.Account,
        status=201,
    ),
    Route(
        name="get_account",
        method="GET",
        path="/accounts/{account}",
        tag="People",
        summary="Look at an account",
        access=Access.READ,
        handler=people.account,
        response=schemas.Account,
        detail="One's own; anybody's for administrators.",
    ),
    Route(
        name="change_account",
        method="PATCH",
        path="/accounts/{account}",
        tag="People",
        summary="Disable or enable an account, or limit its calls",
        access=Access.ADMIN,
        handler=people.change_account,
        request=schemas.AccountChange,
        response=schemas.Account,
    ),
    Route(
        name="delete_account",
        method="DELETE",
        path="/accounts/{account}",
        tag="People",
        summary="Delete an account",
        access=Access.ADMIN,
        handler=people.delete_account,
        status=204,
    ),
    Route(
        name="list_keys",
        method="GET",
        path="/keys",
        tag="People",
        summary="List keys, newest first",
        access=Access.READ,
        handler=people.keys,
        response=schemas.Page[schemas.Key],
        queries=(Query("account", "Whose, for administrators; one's own where nothing is said."), *_PAGING),
    ),
    Route(
        name="create_key",
        method="POST",
        path="/keys",
        tag="People",
        summary="Make a key",
        access=Access.DEPLOY,
        handler=people.create_key,
        request=schemas.KeyRequest,
        response=schemas.NewKey,
        status=201,
        detail="The whole token stands in the answer and is never shown again.",
    ),
    Route(
        name="limit_key",
        method="PATCH",
        path="/keys/{key}",
        tag="People",
        summary="Limit the calls of a key, disable or enable it",
        access=Access.DEPLOY,
        handler=people.limit_key,
        request=schemas.KeyChange,
        response=schemas.Key,
        detail="A key that has limits of its own changes no limits, and enables none.",
    ),
    Route(
        name="rotate_key",
        method="POST",
        path="/keys/{key}/rotate",
        tag="People",
        summary="Give a key a new secret",
        access=Access.DEPLOY,
        handler=people.rotate_key,
        request=schemas.Rotation,
        response=schemas.NewKey,
        detail="The old secret counts for the overlap. A key may always rotate itself.",
    ),
    Route(
        name="revoke_key",
        method="DELETE",
        path="/keys/{key}",
        tag="People",
        summary="Revoke a key",
        access=Access.DEPLOY,
        handler=people.revoke_key,
        status=204,
        detail="A key may always revoke itself.",
    ),
    Route(
        name="list_organizations",
        method="GET",
        path="/orgs",
        tag="People",
        summary="List organizations",
        access=Access.READ,
        handler=people.organizations,
        response=schemas.Page[schemas.Organization],
        queries=_PAGING,
    ),
    Route(
        name="create_organization",
        method="POST",
        path="/orgs",
        tag="People",
        summary="Make an organization",
        access=Access.DEPLOY,
        handler=people.create_organization,
        request=schemas.OrganizationRequest,
        response=schemas.Organization,
        status=201,
    ),
    Route(
        name="get_organization",
        method="GET",
        path="/orgs/{organization}",
        tag="People",
        summary="Look at an organization and its members",
        access=Access.READ,
        handler=people.organization,
        response=schemas.Organization,
    ),
    Route(
        name="delete_organization",
        method="DELETE",
        path="/orgs/{organization}",
        tag="People",
        summary="Delete an organization",
        access=Access.DEPLOY,
        handler=people.delete_organization,
        status=204,
        detail="For its owners.",
    ),
    Route(
        name="put_member",
        method="PUT",
        path="/orgs/{organization}/members/{account}",
        tag="People",
        summary="Give an account a role",
        access=Access.DEPLOY,
        handler=people.put_member,
        request=schemas.MemberRequest,
        response=schemas.Organization,
        detail="Owners may give any role; admins may add plain members.",
    ),
    Route(
        name="remove_member",
        method="DELETE",
        path="/orgs/{organization}/members/{account}",
        tag="People",
        summary="Take an account out",
        access=Access.DEPLOY,
        handler=people.remove_member,
        status=204,
        detail="Everybody may leave; the last owner stays.",
    ),
    Route(
        name="list_secrets",
        method="GET",
        path="/secrets",
        tag="People",
        summary="List the names of secrets",
        access=Access.DEPLOY,
        handler=people.secrets,
        response=schemas.Page[schemas.Secret],
        queries=(_OWNER, *_PAGING),
    ),
    Route(
        name="put_secret",
        method="PUT",
        path="/secrets/{secret}",
        tag="People",
        summary="Set a secret",
        access=Access.DEPLOY,
        handler=people.put_secret,
        request=schemas.SecretRequest,
        status=204,
        queries=(_OWNER,),
        detail="Kept encrypted; given to workers of endpoints whose settings name it.",
    ),
    Route(
        name="delete_secret",
        method="DELETE",
        path="/secrets/{secret}",
        tag="People",
        summary="Delete a secret",
        access=Access.DEPLOY,
        handler=people.delete_secret,
        status=204,
        queries=(_OWNER,),
    ),
)

_API = (
    Route(
        name="about",
        method="GET",
        path="",
        tag="The API",
        summary="Ask what answers here",
        access=Access.PUBLIC,
        response=schemas.About,
    ),
    Route(
        name="openapi",
        method="GET",
        path="/openapi.json",
        tag="The API",
        summary="Get this document",
        access=Access.PUBLIC,
        response=Body.OPENAPI,
    ),
)

ROUTES: tuple[Route, ...] = (*_CALLING, *_JOBS, *_WEBHOOKS, *_ENDPOINTS, *_DEPLOYMENTS, *_FILES, *_PEOPLE, *_API)
"""Every route of the API, in the order in which they are tried."""
