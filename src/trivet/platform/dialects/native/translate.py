"""From the core's values to the API's documents. Nothing is decided here, and no payload is decoded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from trivet.platform.core import accounts, data, deployments, endpoints, images, jobs, views, webhooks
from trivet.platform.core.accounts import KeyState, Role, Token
from trivet.platform.core.jobs import JobEvent
from trivet.platform.core.limits import CallLimits
from trivet.platform.core.payloads import Payload
from trivet.platform.core.workers import WorkerState
from trivet.platform.dialects.native import schemas
from trivet.platform.services.accounts import Me
from trivet.platform.services.journals import LogLine
from trivet.platform.services.organizations import OrganizationView
from trivet.platform.services.signing import SecretView
from trivet.platform.services.workers import WorkerView
from trivet.platform.wire.times import milliseconds, rfc3339

INLINE_OUTPUT = 64 * 1024
"""An output of JSON up to so many bytes stands in the job's document."""

# -- jobs ---------------------------------------------------------------------------------------------------------------


PRIORITIES: dict[jobs.Priority, schemas.Priority] = {
    jobs.Priority.HIGH: "high",
    jobs.Priority.NORMAL: "normal",
    jobs.Priority.LOW: "low",
}


def job(view: views.JobView) -> schemas.Job:
    """A job's document."""
    value = view.job
    output = value.output
    return schemas.Job(
        id=value.id,
        status=value.status.value,
        endpoint=view.endpoint_name,
        endpoint_id=value.endpoint_id,
        version=view.version_number,
        attempts=value.attempt,
        max_attempts=value.policy.max_attempts,
        priority=PRIORITIES[value.policy.priority],
        created_at=rfc3339(value.created_at),
        started_at=rfc3339(value.started_at),
        finished_at=rfc3339(value.finished_at),
        queued_ms=milliseconds(value.queued_ms),
        duration_ms=milliseconds(value.duration_ms),
        progress=None if value.progress is None else progress(value.progress),
        pieces=value.pieces,
        error=None if value.error is None else job_error(value.error),
        output=_inline(output),
        output_type=None if output is None else output.content_type,
        output_size=None if output is None else output.size,
        retry_at=rfc3339(value.retry_at),
        dead_letter=value.is_dead_letter,
        kept_until=rfc3339(value.forget_at),
        idempotency_key=value.idempotency_key,
        retry_of=value.retry_of,
    )


def _inline(output: Payload | None) -> msgspec.Raw | UnsetType:
    if output is None or output.data is None or not output.is_json or output.size > INLINE_OUTPUT:
        return UNSET
    return msgspec.Raw(output.data or b"null")


def job_error(error: jobs.JobError) -> schemas.JobError:
    """Why a job did not succeed."""
    return schemas.JobError(
        code=error.code,
        message=error.message,
        type=error.type,
        traceback=error.traceback,
        worker_log=list(error.worker_log),
        hint=error.hint,
    )


def progress(value: jobs.Progress) -> schemas.Progress:
    """How far a job is."""
    return schemas.Progress(fraction=value.fraction, message=value.message)


def cancellation(outcome: views.CancelOutcome) -> schemas.Cancellation:
    """What became of a cancel."""
    return schemas.Cancellation(job=job(outcome.view), cancelled=outcome.cancelled, detail=outcome.detail)


def job_insight(event: JobEvent) -> schemas.JobInsight:
    """A metric that a job has reported."""
    return schemas.JobInsight(key=event.label, value=json.loads(event.data), time=rfc3339(event.at))


def job_log_line(event: JobEvent) -> schemas.JobLogLine:
    """An entry of a job's log."""
    return schemas.JobLogLine(
        seq=event.seq,
        time=rfc3339(event.at),
        stream=event.label or "stdout",
        text=event.data.decode("utf-8", "replace"),
        attempt=event.attempt,
    )


def explanation(value: views.Explanation) -> schemas.Explanation:
    """Why a job is where it is."""
    return schemas.Explanation(
        job_id=value.job_id,
        status=value.status.value,
        summary=value.summary,
        position=value.position,
        waiting_for=value.waiting_for,
        reasons=list(value.reasons),
        next_steps=list(value.next_steps),
        worker_log=list(value.worker_log),
    )


# -- webhooks -----------------------------------------------------------------------------------------------------------


def webhook_delivery(
    value: webhooks.Delivery, attempts: Sequence[webhooks.DeliveryAttempt] | None = None
) -> schemas.WebhookDelivery:
    """A delivery's document; ``attempts`` is None in a listing."""
    return schemas.WebhookDelivery(
        id=value.id,
        job_id=value.job_id,
        url=value.url,
        status=value.status.value,
        attempt_count=value.attempts,
        created_at=rfc3339(value.created_at),
        next_attempt_at=rfc3339(value.next_at),
        finished_at=rfc3339(value.finished_at),
        attempts=UNSET if attempts is None else [_webhook_attempt(attempt) for attempt in attempts],
    )


def _webhook_attempt(value: webhooks.DeliveryAttempt) -> schemas.WebhookAttempt:
    return schemas.WebhookAttempt(
        number=value.number,
        at=rfc3339(value.at),
        duration_ms=round(value.duration_ms, 3),
        status_code=value.status,
        error=value.error,
        response=value.response.decode("utf-8", "replace"),
        next_attempt_at=rfc3339(value.next_at),
    )


def webhook_secret(value: SecretView) -> schemas.WebhookSecret:
    """A signing secret, in clear."""
    return schemas.WebhookSecret(
        secret=value.secret, created_at=rfc3339(value.created_at), previous_until=rfc3339(value.previous_until)
    )


# -- endpoints ----------------------------------------------------------------------------------------------------------


def endpoint(view: views.EndpointView) -> schemas.Endpoint:
    """An endpoint's document."""
    value, current, scaling = view.endpoint, view.current, view.endpoint.scaling
    return schemas.Endpoint(
        id=value.id,
        name=value.full_name,
        model_id=value.model_id,
        visibility=value.visibility.value,
        shared_with=list(view.shared_with),
        version=None if current is None else current.number,
        canary=None if view.canary is None else _share(view.canary),
        aliases=[alias(item) for item in view.aliases],
        versions=view.versions,
        scaling=schemas.Scaling(
            min=scaling.minimum,
            max=scaling.maximum,
            idle_timeout=scaling.idle_timeout,
            policy=scaling.rule.value,
            target=scaling.target,
        ),
        settings=None if current is None else _settings(current.settings),
        input_schema=None if current is None else current.input_schema,
        output_schema=None if current is None else current.output_schema,
        model=None if current is None or current.model is None else dict(current.model),
        description=value.description or ("" if current is None else current.description),
        kind=None if current is None else current.kind.value,
        created_at=rfc3339(value.created_at),
        updated_at=rfc3339(value.updated_at),
        workers=worker_counts(view.workers),
        queued=view.queued,
    )


def _settings(value: endpoints.VersionSettings) -> schemas.Settings:
    return schemas.Settings(
        concurrency=value.concurrency,
        timeout=value.timeout,
        ttl=value.ttl,
        max_attempts=value.max_attempts,
        memory=value.memory,
        gpu=value.gpu,
        requirements=list(value.requirements),
        secrets=list(value.secrets),
        retry_on=list(value.retry_on),
        backoff=value.backoff,
        retention=value.retention,
        max_batch_size=value.max_batch_size,
        batch_wait=value.batch_wait,
    )


def worker_counts(counts: Mapping[WorkerState, int]) -> schemas.WorkerCounts:
    """Workers by state; those that are leaving count nowhere."""
    known = schemas.WorkerCounts.__struct_fields__
    return schemas.WorkerCounts(**{state.value: count for state, count in counts.items() if state.value in known})


def alias(view: views.AliasView) -> schemas.Alias:
    """An alias's document."""
    return schemas.Alias(name=view.name, versions=[_share(share) for share in view.shares])


def _share(view: views.ShareView) -> schemas.Share:
    return schemas.Share(version=view.version_number, weight=view.weight)


def version(view: views.VersionView) -> schemas.Version:
    """A version's document."""
    value = view.version
    return schemas.Version(
        id=value.id,
        version=value.number,
        hash=value.hash,
        state=value.state.value,
        created_at=rfc3339(value.created_at),
        weight=view.weight,
        aliases=list(view.aliases),
        error=f"See deployment {value.deployment_id}." if value.state is endpoints.VersionState.FAILED else None,
        requirements=list(value.settings.requirements),
    )


def health(value: views.Health) -> schemas.Health:
    """How an endpoint does."""
    return schemas.Health(
        endpoint=value.endpoint_name,
        jobs=schemas.JobCounts(**{status.value: count for status, count in value.jobs.items()}),
        workers=worker_counts(value.workers),
        oldest_queued_ms=milliseconds(value.oldest_queued_ms),
    )


def version_health(value: views.VersionHealth) -> schemas.VersionHealth:
    """How one version does."""
    return schemas.VersionHealth(
        endpoint=value.endpoint_name,
        version=value.version_number,
        jobs=schemas.JobCounts(**{status.value: count for status, count in value.jobs.items()}),
        since=rfc3339(value.tally.since),
        p50_ms=milliseconds(value.tally.quantile(0.5)),
        p95_ms=milliseconds(value.tally.quantile(0.95)),
    )


def worker(view: WorkerView) -> schemas.Worker:
    """A worker's document."""
    value = view.worker
    return schemas.Worker(
        id=value.id,
        endpoint=view.endpoint_name,
        version=view.version_number,
        state=value.state.value,
        pid=value.pid,
        started_at=rfc3339(value.started_at),
        jobs=value.jobs_done,
        isolation=value.isolation,
        last_lines=list(view.last_lines),
        exit=value.exit or None,
    )


def log_line(line: LogLine) -> schemas.LogLine:
    """A line of an endpoint's log."""
    return schemas.LogLine(
        time=rfc3339(line.time), worker_id=line.worker_id, job_id=line.job_id, stream=line.stream, text=line.text
    )


# -- deployments --------------------------------------------------------------------------------------------------------

_DETAIL = {
    endpoints.VersionState.BUILDING: "The upload was taken and is being built; what serves now goes on serving.",
    endpoints.VersionState.READY: "The build succeeded, and its endpoints can be called.",
    endpoints.VersionState.FAILED: "The build failed; what served before goes on serving.",
}

_IMAGE_DETAIL = "The build succeeded, and endpoints can be made of the image."


def deployment(
    value: deployments.Deployment, published: list[tuple[endpoints.Endpoint, endpoints.Version]], base_url: str
) -> schemas.Deployment:
    """A deployment's document. ``base_url`` is the API's, as the caller reached it."""
    return schemas.Deployment(
        id=value.id,
        state=value.state.value,
        detail=_DETAIL[value.state] if value.image_id is None else _IMAGE_DETAIL,
        steps=[schemas.BuildStep(at=rfc3339(step.at), text=step.text) for step in value.steps],
        log=value.log,
        error=None if value.error is None else _deployment_error(*value.error),
        endpoints=[
            schemas.PublishedEndpoint(
                id=target.id,
                name=target.full_name,
                version=build.number,
                model_id=target.model_id,
                state=build.state.value,
                url=f"{base_url}/endpoints/{target.full_name}/run",
            )
            for target, build in published
        ],
        image=(
            None
            if value.image_id is None
            else schemas.PublishedImage(id=value.image_id, name=value.request.image or "")
        ),
    )


def image(value: images.Image) -> schemas.Image:
    """An image's document."""
    return schemas.Image(
        id=value.id,
        name=value.name,
        owner=value.owner_name,
        hash=value.hash,
        host=value.host,
        kind=value.kind.value,
        created_at=rfc3339(value.created_at),
        updated_at=rfc3339(value.updated_at),
        description=value.description,
    )


def _deployment_error(code: str, message: str, hint: str) -> schemas.DeploymentError:
    return schemas.DeploymentError(code=code, message=message, hint=hint)


# -- people -------------------------------------------------------------------------------------------------------------


def account(value: accounts.Account) -> schemas.Account:
    """An account's document."""
    return schemas.Account(
        id=value.id,
        name=value.name,
        administrator=value.administrator,
        disabled=value.disabled,
        created_at=rfc3339(value.created_at),
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
        email=value.email or None,
    )


def _rate(limits: CallLimits) -> str | None:
    return None if limits.rate is None else str(limits.rate)


def key(value: accounts.ApiKey, account_name: str, now: float) -> schemas.Key:
    """A key's document."""
    state: KeyState = value.state(now)
    return schemas.Key(
        id=value.id,
        label=value.label,
        account=account_name,
        scopes=sorted(value.scopes),
        created_at=rfc3339(value.created_at),
        expires_at=rfc3339(value.expires_at),
        last_used_at=rfc3339(value.last_used_at),
        revoked_at=rfc3339(value.revoked_at),
        state=state.value,
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
    )


def new_key(value: accounts.ApiKey, token: Token, account_name: str) -> schemas.NewKey:
    """A key just made, with its secret."""
    return schemas.NewKey(
        id=value.id,
        key=str(token),
        secret=token.secret,
        label=value.label,
        account=account_name,
        scopes=sorted(value.scopes),
        created_at=rfc3339(value.created_at),
        expires_at=rfc3339(value.expires_at),
        rate=_rate(value.limits),
        concurrent=value.limits.concurrent,
    )


# -- hosted data --------------------------------------------------------------------------------------------------------


def place(path: data.DataPath, account_name: str) -> schemas.DataEntry:
    """The root, or an owner."""
    uri = path.spelled_out(account_name)
    return schemas.DataEntry(
        type="root" if path.owner is None else "owner", uri=uri, name=uri.removeprefix(data.SCHEME)
    )


def collection(value: data.Collection, path: data.DataPath, account_name: str) -> schemas.DataEntry:
    """A collection at the place where somebody has asked for it."""
    uri = path.spelled_out(account_name)
    return schemas.DataEntry(
        type="collection",
        uri=uri,
        name=uri.rpartition("/")[2],
        acl=value.acl.value if value.space is data.Space.HOSTED else None,
        created_at=rfc3339(value.created_at),
        modified_at=rfc3339(value.updated_at),
    )


def file(value: data.File, path: data.DataPath, account_name: str) -> schemas.DataEntry:
    """A file at the place where somebody has asked for it."""
    return schemas.DataEntry(
        type="file",
        uri=path.spelled_out(account_name),
        name=value.name,
        size=value.size,
        content_type=value.content_type,
        md5=value.md5,
        sha256=value.sha256,
        created_at=rfc3339(value.created_at),
        modified_at=rfc3339(value.modified_at),
        expires_at=rfc3339(value.expires_at),
    )


def listing(value: data.Listing, path: data.DataPath, account_name: str) -> schemas.Page[schemas.DataEntry]:
    """A page of what lies at a place: owners, collections, files."""
    items = [place(path.child(owner), account_name) for owner in value.owners]
    items += [collection(each, path.child(each.name), account_name) for each in value.collections]
    items += [file(each, path.child(each.name), account_name) for each in value.files]
    return schemas.Page(items=items, next=value.marker)


# -- who asks -----------------------------------------------------------------------------------------------------------


def me(value: Me, scopes: frozenset[accounts.Scope], now: float) -> schemas.Me:
    """Who asks."""
    return schemas.Me(
        account=account(value.account),
        key=key(value.key, value.account.name, now),
        organizations=[schemas.Membership(name=org.name, role=role.value) for org, role in value.memberships],
        scopes=sorted(scopes),
    )


def organization(value: accounts.Organization, role: Role | None) -> schemas.Organization:
    """An organization in a listing."""
    return schemas.Organization(
        id=value.id,
        name=value.name,
        created_at=rfc3339(value.created_at),
        number=value.number,
        public=value.public,
        role=None if role is None else role.value,
    )


def organization_with_members(view: OrganizationView, account_id: str) -> schemas.Organization:
    """An organization with its members, as the account ``account_id`` sees it."""
    return schemas.Organization(
        id=view.organization.id,
        name=view.organization.name,
        created_at=rfc3339(view.organization.created_at),
        number=view.organization.number,
        public=view.organization.public,
        role=next((role.value for member, role in view.members if member.id == account_id), None),
        members=[schemas.Member(account=member.name, role=role.value) for member, role in view.members],
    )
