"""The shape of every document, held against files: whoever changes one sees it here, and so does every client.

``TRIVET_WRITE_GOLDEN=1`` writes the files anew; the diff is then for a person to judge.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trivet.platform.core.accounts import Account, Organization, Role, Scope
from trivet.platform.core.deployments import Deployment, DeploymentRequest, DeploymentStep
from trivet.platform.core.endpoints import Endpoint, HandlerKind, Version, VersionSettings, VersionState, Visibility
from trivet.platform.core.errors import FieldError, InvalidInput, NotFound, TooLarge
from trivet.platform.core.images import Image
from trivet.platform.core.jobs import EventKind, Job, JobError, JobEvent, JobPolicy, JobStatus, Progress
from trivet.platform.core.keys import ApiKey, Token
from trivet.platform.core.limits import CallLimits, RateLimit
from trivet.platform.core.payloads import Payload
from trivet.platform.core.views import (
    AliasView,
    CancelOutcome,
    EndpointView,
    Explanation,
    Health,
    JobView,
    ShareView,
    Tally,
    VersionHealth,
    VersionView,
)
from trivet.platform.core.webhooks import Delivery, DeliveryAttempt
from trivet.platform.core.workers import Worker, WorkerState
from trivet.platform.dialects.native import errors, webhooks
from trivet.platform.dialects.native.translate import deployments as of_deployments
from trivet.platform.dialects.native.translate import endpoints as of_endpoints
from trivet.platform.dialects.native.translate import jobs as of_jobs
from trivet.platform.dialects.native.translate import people as of_people
from trivet.platform.dialects.native.translate import webhooks as of_webhooks
from trivet.platform.services.accounts import Me
from trivet.platform.services.journals import LogLine
from trivet.platform.services.organizations import OrganizationView
from trivet.platform.services.roster import WorkerView
from trivet.platform.services.signing import SecretView
from trivet.platform.wire.problems import problem_of

GOLDEN = Path(__file__).parent / "golden"
T = 1_790_000_000.25

QUEUED = Job(
    "job_1", "endpoint1", "ver_1", "acc_1", Payload.inline(b"1"), JobPolicy(), created_at=T, status=JobStatus.QUEUED
)
RUNNING = replace(
    QUEUED, status=JobStatus.RUNNING, attempt=1, started_at=T + 0.0125, progress=Progress(0.4, "nearly"), pieces=2
)
SUCCEEDED = replace(
    RUNNING,
    status=JobStatus.SUCCEEDED,
    finished_at=T + 1.5,
    progress=None,
    output=Payload.inline(b'{ "kept" : [1, 2.50] }'),
)
FAILED = replace(
    RUNNING,
    status=JobStatus.FAILED,
    finished_at=T + 1.5,
    error=JobError("handler_error", "no", "ValueError", "Traceback…", ("last line",), "Mend it."),
)
CANCELLED = replace(QUEUED, status=JobStatus.CANCELLED, error=JobError("cancelled", "The job was cancelled."))
LARGE = replace(SUCCEEDED, output=Payload.stored("blob", 300_000, "application/json"))
BINARY = replace(SUCCEEDED, output=Payload.inline(b"\x89PNG", "image/png"))

VERSION = Version(
    "ver_1",
    "endpoint1",
    "1.2.0",
    "ab" * 32,
    VersionState.READY,
    T,
    "acc_1",
    kind=HandlerKind.GENERATOR,
    settings=VersionSettings(memory=2**30, gpu="A100", requirements=("numpy>=2",), secrets=("TOKEN",)),
    description="Sings.",
    input_schema={"type": "object"},
    deployment_id="dep_1",
)
ENDPOINT = Endpoint(
    "endpoint1",
    "acc_1",
    "ann",
    "song",
    T,
    T + 60,
    model_id=7,
    visibility=Visibility.SHARED,
    history=("ver_1",),
)
PROD = AliasView("prod", (ShareView("1.2.0", 75), ShareView("1.1.0", 25)))
ENDPOINT_VIEW = EndpointView(
    ENDPOINT,
    VERSION,
    3,
    {WorkerState.IDLE: 1, WorkerState.DRAINING: 2},
    4,
    ("acme",),
    canary=ShareView("1.3.0", 10),
    aliases=[PROD],
    env=["MODEL_NAME"],
)
DEPLOYMENT = Deployment(
    "dep_1",
    "acc_1",
    "acc_1",
    "ann",
    DeploymentRequest("song.tar.gz"),
    VersionState.READY,
    T,
    "ab" * 32,
    steps=(DeploymentStep(T, "Received."), DeploymentStep(T + 1, "Ready.")),
    log="Resolved.\n",
    version_ids=("ver_1",),
)
ACCOUNT = Account("acc_1", "ann", T, administrator=True, limits=CallLimits(RateLimit(1000, 3600), 50))
KEY = ApiKey(
    "0123456789ab",
    "acc_1",
    "laptop",
    frozenset({Scope.READ, Scope.CALL}),
    "hash",
    T,
    expires_at=T + 100,
    last_used_at=T,
    limits=CallLimits(RateLimit(100, 60)),
)
ORGANIZATION = Organization("org_1", "acme", T)
IMAGE = Image(
    "img_1",
    "acc_1",
    "ann",
    "team/worker:1.0",
    "ab" * 32,
    HandlerKind.ASYNC,
    "runpod",
    "worker.py",
    "bundle",
    "environment",
    VersionSettings(secrets=("TOKEN",)),
    created_at=T,
    updated_at=T + 60,
    description="It works.",
    deployment_id="dep_1",
)


def view(job: Job) -> JobView:
    return JobView(job, "ann/song", "1.2.0")


DELIVERY = Delivery(
    "msg_1", "job_1", "acc_1", "https://hooks.example/x", "hooks.example", T, T + 5, attempts=1, tries=1
)

DOCUMENTS: dict[str, Any] = {
    "job_queued": of_jobs.job(view(QUEUED)),
    "job_running": of_jobs.job(view(RUNNING)),
    "job_succeeded": of_jobs.job(view(SUCCEEDED)),
    "job_succeeded_large": of_jobs.job(view(LARGE)),
    "job_succeeded_binary": of_jobs.job(view(BINARY)),
    "job_failed": of_jobs.job(view(FAILED)),
    "cancellation": of_jobs.cancellation(CancelOutcome(view(CANCELLED), True, "Cancelled.")),
    "job_log_line": of_jobs.job_log_line(JobEvent("job_1", 3, 1, EventKind.LOG, T, "lá\n".encode(), "stderr")),
    "explanation": of_jobs.explanation(
        Explanation("job_1", JobStatus.QUEUED, "It waits.", 2, "crash_loop", ("Because.",), ("Mend it.",), ("oops",))
    ),
    "webhook_message": msgspec.Raw(webhooks.message(view(SUCCEEDED))),
    "webhook_message_without_output": msgspec.Raw(webhooks.message(view(FAILED))),
    "webhook_delivery": of_webhooks.webhook_delivery(DELIVERY),
    "webhook_delivery_with_attempts": of_webhooks.webhook_delivery(
        DELIVERY, [DeliveryAttempt("msg_1", 1, T, 12.5, 503, "The receiver answered 503.", b"\xff", T + 5)]
    ),
    "webhook_secret": of_webhooks.webhook_secret(SecretView("whsec_AAAA", T, T + 86_400)),
    "endpoint": of_endpoints.endpoint(ENDPOINT_VIEW),
    "endpoint_without_a_version": of_endpoints.endpoint(EndpointView(ENDPOINT, None, 0, {}, 0)),
    "version": of_endpoints.version(VersionView(VERSION, 90, ("prod",))),
    "version_failed": of_endpoints.version(VersionView(replace(VERSION, state=VersionState.FAILED))),
    "version_health": of_endpoints.version_health(
        VersionHealth(
            "ann/song", "1.2.0", dict.fromkeys(JobStatus, 1), Tally(T, {JobStatus.SUCCEEDED: 1}, (12.5, 20.0, 40.25))
        )
    ),
    "alias": of_endpoints.alias(PROD),
    "health": of_endpoints.health(
        Health("ann/song", dict.fromkeys(JobStatus, 1), {WorkerState.RUNNING: 2}, oldest_queued_ms=12.3456)
    ),
    "worker": of_endpoints.worker(
        WorkerView(
            Worker("wrk_1", "endpoint1", "ver_1", T, pid=4711, isolation="group"),
            "ann/song",
            "1.2.0",
            WorkerState.DRAINING,
            5,
            ("ready",),
        )
    ),
    "log_line": of_endpoints.log_line(LogLine(1, T, "wrk_1", None, "worker", "ready")),
    "deployment": of_deployments.deployment(DEPLOYMENT, [(ENDPOINT, VERSION)], "http://host/api/v1"),
    "deployment_failed": of_deployments.deployment(
        replace(DEPLOYMENT, state=VersionState.FAILED, error=("build_failed", "No.", "Mend it.")), [], ""
    ),
    "deployment_of_an_image": of_deployments.deployment(
        replace(DEPLOYMENT, image_id="img_1", request=DeploymentRequest("worker.tar.gz", image="team/worker:1.0")),
        [],
        "",
    ),
    "image": of_deployments.image(IMAGE),
    "account": of_people.account(ACCOUNT),
    "key": of_people.key(KEY, "ann", T),
    "key_expired": of_people.key(KEY, "ann", T + 100),
    "new_key": of_people.new_key(KEY, Token("0123456789ab", "secret"), "ann"),
    "me": of_people.me(Me(ACCOUNT, KEY, ((ORGANIZATION, Role.OWNER),)), KEY.scopes, T),
    "organization": of_people.organization(ORGANIZATION, None),
    "organization_with_members": of_people.organization_with_members(
        OrganizationView(ORGANIZATION, ((ACCOUNT, Role.OWNER),)), "acc_1"
    ),
    "problem": problem_of(NotFound.of("job", "job_9")),
    "problem_invalid_input": problem_of(InvalidInput("No.", errors=(FieldError("/a", "Must be a text."),))),
    "problem_too_large": problem_of(TooLarge("Too large.", limit=10)),
    "problem_job_failed": errors.of_job(view(FAILED)),
    "problem_job_cancelled": errors.of_job(view(CANCELLED)),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_has_the_shape_that_clients_know(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    document = json.loads(msgspec.json.encode(DOCUMENTS[name]))
    if os.environ.get("TRIVET_WRITE_GOLDEN"):
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    assert document == json.loads(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(DOCUMENTS)


def test_an_output_is_spliced_into_its_document_as_it_came() -> None:
    assert b'"output":{ "kept" : [1, 2.50] },' in msgspec.json.encode(DOCUMENTS["job_succeeded"])
