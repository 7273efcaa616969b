"""An example of every document, as values: checked by the type checker, shown by the OpenAPI document and the pages."""

from __future__ import annotations

from typing import Any

import msgspec

from trivet.platform.dialects.native import schemas
from trivet.platform.wire.problems import FieldProblem, Problem

_AT = "2026-11-21T08:30:00.000Z"
_LATER = "2026-11-21T08:30:00.043Z"
_EXPIRY = "2027-05-22T08:30:00.000Z"

INPUT = {"name": "Bond", "times": 2}
OUTPUT = "Hello Bond Hello Bond"

JOB = schemas.Job(
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
_ALIAS = schemas.Alias(name="prod", versions=[schemas.Share(version="1.0.0", weight=100)])
_ENDPOINT = schemas.Endpoint(
    id="h3x9k2mfa0qz1b",
    name="admin/hello",
    model_id=None,
    visibility="shared",
    shared_with=["acme"],
    version="1.0.0",
    canary=schemas.Share(version="1.1.0", weight=10),
    aliases=[_ALIAS],
    versions=2,
    scaling=schemas.Scaling(min=0, max=3, idle_timeout=60.0, policy="queue_delay", target=1.0),
    settings=schemas.Settings(
        concurrency=1,
        timeout=60.0,
        ttl=86400.0,
        max_attempts=3,
        retry_on=["worker_lost"],
        backoff=0.0,
        max_batch_size=1,
        batch_wait=0.005,
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
    workers=schemas.WorkerCounts(idle=1),
    queued=0,
)
_VERSION = schemas.Version(
    id="ver_019c2f0e4d11aa07c3",
    version="1.0.0",
    hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    state="ready",
    created_at=_AT,
    weight=90,
    aliases=["prod"],
    requirements=["numpy>=2"],
)
_WORKER = schemas.Worker(
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
_ACCOUNT = schemas.Account(
    id="acc_019c2f0d00005f3c9a7b", name="ann", administrator=False, disabled=False, created_at=_AT
)
_KEY = schemas.Key(
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
_NEW_KEY = schemas.NewKey(
    id="5f3c9a7be2d4",
    key="trv_5f3c9a7be2d4_…",
    secret="…",
    label="laptop",
    account="ann",
    scopes=["call", "read"],
    created_at=_AT,
    expires_at=_EXPIRY,
)
_ORGANIZATION = schemas.Organization(
    id="org_019c2f0d11115f3c9a7b",
    name="acme",
    created_at=_AT,
    number=1,
    public=False,
    role="owner",
    members=[schemas.Member(account="ann", role="owner")],
)
_DEPLOYMENT = schemas.Deployment(
    id="dep_019c2f0e40005f3c9a7b",
    state="ready",
    detail="The build succeeded, and its endpoints can be called.",
    steps=[
        schemas.BuildStep(at=_AT, text="Received hello.tar.gz for admin; waiting to be built."),
        schemas.BuildStep(at=_LATER, text="Ready to be called."),
    ],
    endpoints=[
        schemas.PublishedEndpoint(
            id="h3x9k2mfa0qz1b",
            name="admin/hello",
            version="1.0.0",
            model_id=None,
            state="ready",
            url="http://127.0.0.1:8300/api/v1/endpoints/admin/hello/run",
        )
    ],
)

_WEBHOOK = schemas.WebhookDelivery(
    id="msg_019c2f0e5a405f3c9a7be2d41806",
    job_id=JOB.id,
    url="https://example.com/hooks/trivet",
    status="pending",
    attempt_count=1,
    created_at=_LATER,
    next_attempt_at="2026-11-21T08:30:05.301Z",
    attempts=[
        schemas.WebhookAttempt(
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

_IMAGE = schemas.Image(
    id="img_019c2f0e7d305f3c9a7be2d418",
    name="team/worker:1.0",
    owner="admin",
    hash="9f2c41d0a7e35b1884c6f0d2e97a3b5c1d8e6f40a2b7c9d3e5f1a8b6c4d2e0f7",
    host="runpod",
    kind="sync",
    created_at=_AT,
    updated_at=_LATER,
)

_FILE = schemas.DataEntry(
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
    schemas.About: schemas.About("Trivet", "0.1.0", "/api/v1/openapi.json", "/docs"),
    schemas.Job: JOB,
    schemas.Page[schemas.Job]: schemas.Page(items=[JOB], next="am9iXzAxOWM"),
    schemas.Cancellation: schemas.Cancellation(job=JOB, cancelled=True, detail="The job was cancelled."),
    schemas.JobInsights: schemas.JobInsights(items=[schemas.JobInsight(key="risk_score", value=0.08, time=_AT)]),
    schemas.JobLog: schemas.JobLog(
        items=[schemas.JobLogLine(seq=1, time=_AT, stream="stdout", text="working\n", attempt=1)]
    ),
    schemas.Explanation: schemas.Explanation(
        job_id=JOB.id,
        status="queued",
        summary="The job has been waiting in the queue at position 3 for 2.0 s.",
        position=3,
        waiting_for="free_worker",
        reasons=["All 3 ready workers of admin/hello are busy; at most 3 may run."],
        next_steps=["Allow more workers: `trivet endpoints scale admin/hello --workers 0,4`."],
    ),
    schemas.WebhookDelivery: _WEBHOOK,
    schemas.Page[schemas.WebhookDelivery]: schemas.Page(
        items=[msgspec.structs.replace(_WEBHOOK, attempts=msgspec.UNSET)]
    ),
    schemas.WebhookSecret: schemas.WebhookSecret(secret="whsec_…", created_at=_AT, previous_until=_EXPIRY),
    schemas.Endpoint: _ENDPOINT,
    schemas.Page[schemas.Endpoint]: schemas.Page(items=[_ENDPOINT]),
    schemas.EndpointChange: schemas.EndpointChange(
        visibility="shared", shared_with=["acme"], workers=(0, 3), idle_timeout=60.0, policy="queue_delay", target=1.0
    ),
    schemas.Version: _VERSION,
    schemas.Page[schemas.Version]: schemas.Page(items=[_VERSION]),
    schemas.Alias: _ALIAS,
    schemas.Page[schemas.Alias]: schemas.Page(items=[_ALIAS]),
    schemas.AliasRequest: schemas.AliasRequest(versions=[schemas.ShareRequest(version="1.0.0")]),
    schemas.CanaryRequest: schemas.CanaryRequest(version="1.1.0", weight=10),
    schemas.Promotion: schemas.Promotion(version="1.1.0"),
    schemas.VersionHealth: schemas.VersionHealth(
        endpoint="admin/hello",
        version="1.1.0",
        jobs=schemas.JobCounts(running=1, succeeded=12, failed=1),
        since=_AT,
        p50_ms=41.377,
        p95_ms=48.021,
    ),
    schemas.Rollback: schemas.Rollback(to="1.0.0"),
    schemas.Purged: schemas.Purged(cancelled=7),
    schemas.Health: schemas.Health(
        endpoint="admin/hello", jobs=schemas.JobCounts(succeeded=12), workers=schemas.WorkerCounts(idle=1)
    ),
    schemas.Worker: _WORKER,
    schemas.Page[schemas.Worker]: schemas.Page(items=[_WORKER]),
    schemas.Log: schemas.Log(
        items=[schemas.LogLine(time=_AT, worker_id=_WORKER.id, job_id=JOB.id, stream="stdout", text="working")]
    ),
    schemas.Deployment: _DEPLOYMENT,
    schemas.Image: _IMAGE,
    schemas.Page[schemas.Image]: schemas.Page(items=[_IMAGE]),
    schemas.Account: _ACCOUNT,
    schemas.Page[schemas.Account]: schemas.Page(items=[_ACCOUNT]),
    schemas.AccountRequest: schemas.AccountRequest(name="ann"),
    schemas.AccountChange: schemas.AccountChange(disabled=False, rate="1000/min", concurrent=100),
    schemas.Key: _KEY,
    schemas.Page[schemas.Key]: schemas.Page(items=[_KEY]),
    schemas.NewKey: _NEW_KEY,
    schemas.KeyRequest: schemas.KeyRequest(label="laptop", scopes=["call", "read"], expires_days=90.0, rate="100/min"),
    schemas.KeyChange: schemas.KeyChange(rate="100/min", concurrent=None),
    schemas.Rotation: schemas.Rotation(overlap_hours=24.0),
    schemas.Me: schemas.Me(
        account=_ACCOUNT,
        key=_KEY,
        organizations=[schemas.Membership(name="acme", role="owner")],
        scopes=["call", "read"],
    ),
    schemas.Organization: _ORGANIZATION,
    schemas.Page[schemas.Organization]: schemas.Page(items=[_ORGANIZATION]),
    schemas.OrganizationRequest: schemas.OrganizationRequest(name="acme"),
    schemas.MemberRequest: schemas.MemberRequest(role="member"),
    schemas.Page[schemas.Secret]: schemas.Page(items=[schemas.Secret(name="HF_TOKEN")]),
    schemas.SecretRequest: schemas.SecretRequest(value="…"),
    schemas.DataEntry: _FILE,
    schemas.Page[schemas.DataEntry]: schemas.Page(items=[_FILE], next="cGhvdG8uanBn"),
    schemas.CollectionRequest: schemas.CollectionRequest(name="photos", acl="public"),
    schemas.CollectionChange: schemas.CollectionChange(acl="public"),
    schemas.Deleted: schemas.Deleted(deleted=1),
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
