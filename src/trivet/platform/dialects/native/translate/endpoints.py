"""Endpoints, their versions and workers as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trivet.platform.core import endpoints, views
from trivet.platform.core.workers import WorkerState
from trivet.platform.dialects.native.schemas import endpoints as schemas
from trivet.platform.services.journals import LogLine
from trivet.platform.services.roster import WorkerView
from trivet.platform.wire.times import milliseconds, rfc3339


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
        settings=None if current is None else _settings(current.settings, view.env),
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


def _settings(value: endpoints.VersionSettings, env: Sequence[str] | None) -> schemas.Settings:
    return schemas.Settings(
        concurrency=value.concurrency,
        timeout=value.timeout,
        ttl=value.ttl,
        max_attempts=value.max_attempts,
        memory=value.memory,
        gpu=value.gpu,
        requirements=list(value.requirements),
        secrets=list(value.secrets),
        env=None if env is None else list(env),
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
        state=view.state.value,
        pid=value.pid,
        started_at=rfc3339(value.started_at),
        jobs=view.jobs_done,
        isolation=value.isolation,
        last_lines=list(view.last_lines),
    )


def log_line(line: LogLine) -> schemas.LogLine:
    """A line of an endpoint's log."""
    return schemas.LogLine(
        time=rfc3339(line.time), worker_id=line.worker_id, job_id=line.job_id, stream=line.stream, text=line.text
    )
