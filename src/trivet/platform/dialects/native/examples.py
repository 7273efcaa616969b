"""An example of every document, as values: checked by the type checker, shown by the OpenAPI document and the pages."""

from __future__ import annotations

from typing import Any

import msgspec

from trivet.platform.dialects.native.schemas import about, deployments, endpoints, files, jobs, people, webhooks
from trivet.platform.dialects.native.schemas.document import Page
from trivet.platform.wire.problems import FieldProblem, Problem

_AT = "2026-11-21T08:30:00.000Z"
_LATER = "2026-11-21T08:30:00.043Z"
_EXPIRY = "2027-05-22T08:30:00.000Z"

INPUT = {"name": "Bond", "times": 2}
OUTPUT = "Hello Bond Hello Bond"

JOB = jobs.Job(
    id="job_019c2f0e5a405f3c9a7be2d41806",
    status="succeeded",
    endpoint="admin/hello",
    endpoint_id="h3x9k2mfa0qz1b",
    version="1.0.0",
    attempts=1,
    max_attempts=3,
    priority="normal",
    created_at=_AT,
    started_at="2026-11-21T08:30:00.001Z",
    finished_at=_LATER,
    queued_ms=1.204,
    duration_ms=41.377,
    output=msgspec.Raw(msgspec.json.encode(OUTPUT)),
    output_type="application/json",
    output_size=23,
    kept_until="2026-11-28T08:30:00.042Z",
)
_ALIAS = endpoints.Alias(name="prod", versions=[endpoints.Share(version="1.0.0", weight=100)])
_ENDPOINT = endpoints.Endpoint(
    id="h3x9k2mfa0qz1b",
    name="admin/hello",
    model_id=None,
    visibility="shared",
    shared_with=["acme"],
    version="1.0.0",
    canary=endpoints.Share(version="1.1.0", weight=10),
    aliases=[_ALIAS],
    versions=2,
    scaling=endpoints.Scaling(min=0, max=3, idle_timeout=60.0, policy="queue_delay", target=1.0),
    settings=endpoints.Settings(
        concurrency=1,
        timeout=60.0,
        ttl=86400.0,
        max_attempts=3,
        retry_on=["worker_lost"],
        backoff=0.0,
        max_batch_size=1,
        batch_wait=0.005,
        env=["MODEL_NAME"],
    ),
    input_schema={
        "type": "object",
        "properties": {"name": {"type": "string"}, "times": {"type": "integer", "default": 1}},
        "required": ["name"],
        "additionalProperties": False,
    },
    output_schema={"type": "string"},
    model=None,
    description="Greets somebody.",
    kind="sync",
    created_at=_AT,
    updated_at=_AT,
    workers=endpoints.WorkerCounts(idle=1),
    queued=0,
)
_VERSION = endpoints.Version(
    id="ver_019c2f0e4d11aa07c3",
    version="1.0.0",
    hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    state="ready",
    created_at=_AT,
    weight=90,
    aliases=["prod"],
    requirements=["numpy>=2"],
)
_WORKER = endpoints.Worker(
    id="wrk_019c2f0e58215f3c9a7b",
    endpoint="admin/hello",
    version="1.0.0",
    state="idle",
    pid=4711,
    started_at=_AT,
    jobs=12,
    isolation="process-group",
    last_lines=["loaded in 0.4 s"],
)
_ACCOUNT = people.Account(
    id="acc_019c2f0d00005f3c9a7b", name="ann", administrator=False, disabled=False, created_at=_AT
)
_KEY = people.Key(
    id="5f3c9a7be2d4",
    label="laptop",
    account="ann",
    scopes=["call", "read"],
    created_at=_AT,
    expires_at=_EXPIRY,
    last_used_at=_LATER,
    revoked_at=None,
    state="active",
)
_NEW_KEY = people.NewKey(
    id="5f3c9a7be2d4",
    key="trv_5f3c9a7be2d4_…",
    secret="…",
    label="laptop",
    account="ann",
    scopes=["call", "read"],
    created_at=_AT,
    expires_at=_EXPIRY,
)
_ORGANIZATION = people.Organization(
    id="org_019c2f0d11115f3c9a7b",
    name="acme",
    created_at=_AT,
    number=1,
    public=False,
    role="owner",
    members=[people.Member(account="ann", role="owner")],
)
_DEPLOYMENT = deployments.Deployment(
    id="dep_019c2f0e40005f3c9a7b",
    state="ready",
    detail="The build succeeded, and its endpoints can be called.",
    steps=[
        deployments.BuildStep(at=_AT, text="Received hello.tar.gz for admin; waiting to be built."),
        deployments.BuildStep(at=_LATER, text="Ready to be called."),
    ],
    endpoints=[
        deployments.PublishedEndpoint(
            id="h3x9k2mfa0qz1b",
            name="admin/hello",
            version="1.0.0",
            model_id=None,
            state="ready",
            url="http://127.0.0.1:8300/api/v1/endpoints/admin/hello/run",
        )
    ],
)

_WEBHOOK = webhooks.WebhookDelivery(
    id="msg_019c2f0e5a405f3c9a7be2d41806",
    job_id=JOB.id,
    url="https://example.com/hooks/trivet",
    status="pending",
    attempt_count=1,
    created_at=_LATER,
    next_attempt_at="2026-11-21T08:30:05.301Z",
    attempts=[
        webhooks.WebhookAttempt(
            number=1,
            at=_LATER,
            duration_ms=121.5,
            status_code=503,
            error="The receiver answered 503.",
            response="try later",
            next_attempt_at="2026-11-21T08:30:05.301Z",
        )
    ],
)

_IMAGE = deployments.Image(
    id="img_019c2f0e7d305f3c9a7be2d418",
    name="team/worker:1.0",
    owner="admin",
    hash="9f2c41d0a7e35b1884c6f0d2e97a3b5c1d8e6f40a2b7c9d3e5f1a8b6c4d2e0f7",
    host="runpod",
    kind="sync",
    created_at=_AT,
    updated_at=_LATER,
)

_FILE = files.DataEntry(
    type="file",
    uri="data://admin/photos/photo.jpg",
    name="photo.jpg",
    size=48_211,
    content_type="image/jpeg",
    md5="0f343b0931126a20f133d67c2b018a3b",
    sha256="5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    created_at=_AT,
    modified_at=_AT,
)

EXAMPLES: dict[Any, Any] = {
    about.About: about.About("Trivet", "0.1.0", "/api/v1/openapi.json", "/docs"),
    jobs.Job: JOB,
    Page[jobs.Job]: Page(items=[JOB], next="am9iXzAxOWM"),
    jobs.Cancellation: jobs.Cancellation(job=JOB, cancelled=True, detail="The job was cancelled."),
    jobs.JobInsights: jobs.JobInsights(items=[jobs.JobInsight(key="risk_score", value=0.08, time=_AT)]),
    jobs.JobLog: jobs.JobLog(items=[jobs.JobLogLine(seq=1, time=_AT, stream="stdout", text="working\n", attempt=1)]),
    jobs.Explanation: jobs.Explanation(
        job_id=JOB.id,
        status="queued",
        summary="The job has been waiting in the queue at position 3 for 2.0 s.",
        position=3,
        waiting_for="free_worker",
        reasons=["All 3 ready workers of admin/hello are busy; at most 3 may run."],
        next_steps=["Allow more workers: `trivet endpoints scale admin/hello --workers 0,4`."],
    ),
    webhooks.WebhookDelivery: _WEBHOOK,
    Page[webhooks.WebhookDelivery]: Page(items=[msgspec.structs.replace(_WEBHOOK, attempts=msgspec.UNSET)]),
    webhooks.WebhookSecret: webhooks.WebhookSecret(secret="whsec_…", created_at=_AT, previous_until=_EXPIRY),
    endpoints.Endpoint: _ENDPOINT,
    Page[endpoints.Endpoint]: Page(items=[_ENDPOINT]),
    endpoints.EndpointChange: endpoints.EndpointChange(
        visibility="shared", shared_with=["acme"], workers=(0, 3), idle_timeout=60.0, policy="queue_delay", target=1.0
    ),
    endpoints.Version: _VERSION,
    Page[endpoints.Version]: Page(items=[_VERSION]),
    endpoints.Alias: _ALIAS,
    Page[endpoints.Alias]: Page(items=[_ALIAS]),
    endpoints.AliasRequest: endpoints.AliasRequest(versions=[endpoints.ShareRequest(version="1.0.0")]),
    endpoints.CanaryRequest: endpoints.CanaryRequest(version="1.1.0", weight=10),
    endpoints.Promotion: endpoints.Promotion(version="1.1.0"),
    endpoints.VersionHealth: endpoints.VersionHealth(
        endpoint="admin/hello",
        version="1.1.0",
        jobs=endpoints.JobCounts(running=1, succeeded=12, failed=1),
        since=_AT,
        p50_ms=41.377,
        p95_ms=48.021,
    ),
    endpoints.Rollback: endpoints.Rollback(to="1.0.0"),
    endpoints.Purged: endpoints.Purged(cancelled=7),
    endpoints.Health: endpoints.Health(
        endpoint="admin/hello", jobs=endpoints.JobCounts(succeeded=12), workers=endpoints.WorkerCounts(idle=1)
    ),
    endpoints.Worker: _WORKER,
    Page[endpoints.Worker]: Page(items=[_WORKER]),
    endpoints.Log: endpoints.Log(
        items=[endpoints.LogLine(time=_AT, worker_id=_WORKER.id, job_id=JOB.id, stream="stdout", text="working")]
    ),
    deployments.Deployment: _DEPLOYMENT,
    deployments.Image: _IMAGE,
    Page[deployments.Image]: Page(items=[_IMAGE]),
    people.Account: _ACCOUNT,
    Page[people.Account]: Page(items=[_ACCOUNT]),
    people.AccountRequest: people.AccountRequest(name="ann"),
    people.AccountChange: people.AccountChange(disabled=False, rate="1000/min", concurrent=100),
    people.Key: _KEY,
    Page[people.Key]: Page(items=[_KEY]),
    people.NewKey: _NEW_KEY,
    people.KeyRequest: people.KeyRequest(label="laptop", scopes=["call", "read"], expires_days=90.0, rate="100/min"),
    people.KeyChange: people.KeyChange(rate="100/min", concurrent=None),
    people.Rotation: people.Rotation(overlap_hours=24.0),
    people.Me: people.Me(
        account=_ACCOUNT,
        key=_KEY,
        organizations=[people.Membership(name="acme", role="owner")],
        scopes=["call", "read"],
    ),
    people.Organization: _ORGANIZATION,
    Page[people.Organization]: Page(items=[_ORGANIZATION]),
    people.OrganizationRequest: people.OrganizationRequest(name="acme"),
    people.MemberRequest: people.MemberRequest(role="member"),
    Page[people.Secret]: Page(items=[people.Secret(name="HF_TOKEN")]),
    people.SecretRequest: people.SecretRequest(value="…"),
    files.DataEntry: _FILE,
    Page[files.DataEntry]: Page(items=[_FILE], next="cGhvdG8uanBn"),
    files.CollectionRequest: files.CollectionRequest(name="photos", acl="public"),
    files.CollectionChange: files.CollectionChange(acl="public"),
    files.Deleted: files.Deleted(deleted=1),
    Problem: Problem(
        type="urn:trivet:error:invalid_input",
        title="The input does not fit the endpoint's schema",
        status=422,
        code="invalid_input",
        detail="The input does not fit the endpoint's schema: /times: Must be 1 or more, not 0.",
        hint="`trivet endpoints show NAME` prints the schema.",
        errors=(FieldProblem("/times", "Must be 1 or more, not 0."),),
    ),
}
"""By the type of the document."""

EVENTS = (
    f'event: job\ndata: {{"id":"{JOB.id}","status":"running",…}}\n\n'
    'event: piece\nid: 1\ndata: "Hello"\n\n'
    'event: progress\nid: 2\ndata: {"fraction":0.5,"message":"half way"}\n\n'
    'event: log\nid: 3\ndata: {"stream":"stdout","text":"working\\n"}\n\n'
    f'event: end\ndata: {{"id":"{JOB.id}","status":"succeeded",…}}\n\n'
)
"""A stream of a job's events."""
