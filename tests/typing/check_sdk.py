"""Types of the client, as users meet them through `import trivet`. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, assert_type

import trivet
from trivet.sdk.models import (
    AccountInfo,
    AliasInfo,
    CancelOutcome,
    DataEntry,
    DeployedEndpoint,
    EndpointInfo,
    Explanation,
    JobStatus,
    JobView,
    KeyInfo,
    LogLine,
    Me,
    NewKey,
    Progress,
    Readiness,
    Share,
    VersionHealthInfo,
    WebhookAttempt,
    WebhookDelivery,
    WebhookSecret,
)


def waiting(client: trivet.Client) -> None:
    endpoint = client.endpoint("admin/hello")
    assert_type(endpoint, trivet.Endpoint)
    assert_type(client.endpoint(42, version="1.0.0"), trivet.Endpoint)
    assert_type(endpoint.run({"name": "Bond"}, timeout=3), Any)
    assert_type(endpoint.stream(), trivet.Stream)
    assert_type(next(endpoint.stream()), Any)
    assert_type(endpoint.map([1, 2], concurrency=2), Iterator[Any])
    assert_type(endpoint.info(), EndpointInfo)
    job = endpoint.submit()
    assert_type(job, trivet.Job)
    assert_type(client.job("job_1"), trivet.Job)
    assert_type(job.status, JobStatus | None)
    assert_type(job.progress, Progress | None)
    assert_type(job.wait(), JobStatus)
    assert_type(job.refresh(), JobView)
    assert_type(job.cancel(), CancelOutcome)
    assert_type(job.logs(), list[LogLine])
    assert_type(job.explain(), Explanation)
    assert_type(job.replayed, bool)
    assert_type(job.replay(), trivet.Job)
    assert_type(job.replay({"name": "M"}, version="1.0.0"), trivet.Job)
    assert_type(client.jobs.list(status="queued"), Iterator[JobView])
    assert_type(client.jobs.list(dead_letters=True), Iterator[JobView])
    assert_type(client.files.upload("photo.jpg", "data://.my/photos/photo.jpg"), DataEntry)
    assert_type(client.files.write("data://.my/photos/x", client.files.stream("data://.my/photos/y")), DataEntry)
    assert_type(client.files.download("data://.my/photos/photo.jpg", "."), Path)
    assert_type(client.files.read("data://.my/photos/photo.jpg"), bytes)
    assert_type(client.files.list(), Iterator[DataEntry])
    assert_type(client.files.delete("data://.my/photos", force=True), int)
    assert_type(client.endpoints.list(), Iterator[EndpointInfo])
    assert_type(client.deploy("hello.py"), list[DeployedEndpoint])
    assert_type(client.keys.create(), NewKey)
    assert_type(client.keys.create(rate="100/min", concurrent=10), NewKey)
    assert_type(client.keys.limit("k1", concurrent="none"), KeyInfo)
    assert_type(client.accounts.update("ada", rate="none"), AccountInfo)
    assert_type(client.me(), Me)
    assert_type(client.ready(), Readiness)
    with client as entered, endpoint.stream() as stream:
        assert_type(entered, trivet.Client)
        assert_type(stream, trivet.Stream)
        assert_type(stream.job, trivet.Job | None)


async def awaiting(client: trivet.AsyncClient) -> None:
    endpoint = client.endpoint("admin/hello")
    assert_type(endpoint, trivet.AsyncEndpoint)
    assert_type(await endpoint.run(b"bytes"), Any)
    assert_type(endpoint.stream(), trivet.AsyncStream)
    assert_type(endpoint.map([1, 2]), AsyncIterator[Any])
    assert_type(client.files.list(), AsyncIterator[DataEntry])
    assert_type(await client.files.read("data://.my/photos/photo.jpg"), bytes)
    job = await endpoint.submit()
    assert_type(job, trivet.AsyncJob)
    assert_type(await job.wait(), JobStatus)
    assert_type(await job.cancel(), CancelOutcome)
    assert_type(await endpoint.run(1, priority="low", retry_on=("worker_lost",)), Any)
    assert_type(await endpoint.submit(1, idempotency_key="order-7"), trivet.AsyncJob)
    assert_type(endpoint.stream(1, webhook="https://example.org"), trivet.AsyncStream)
    assert_type(await job.replay(), trivet.AsyncJob)
    assert_type(await client.webhooks.get("job_1"), WebhookDelivery)
    assert_type(client.webhooks.list(), AsyncIterator[WebhookDelivery])
    assert_type(await client.endpoints.set_alias("a/b", "prod", "1.2.0"), AliasInfo)
    assert_type(client.jobs.list(), AsyncIterator[JobView])
    assert_type(await client.deploy("hello.py"), list[DeployedEndpoint])
    async for piece in endpoint.stream():
        assert_type(piece, Any)
    async with client as entered:
        assert_type(entered, trivet.AsyncClient)


def saying_more_about_a_call(client: trivet.Client) -> None:
    endpoint = client.endpoint("admin/hello", affinity="user-7")
    assert_type(
        endpoint.run(1, timeout=3, job_timeout=60, ttl=600, priority="high", version="^1.2", affinity="user-8"), Any
    )
    assert_type(
        endpoint.submit(
            1,
            max_attempts=5,
            retry_on=["worker_lost", "TimeoutError"],
            backoff=0.5,
            retention=3600,
            webhook="https://example.org/hook",
            idempotency_key="order-7",
        ),
        trivet.Job,
    )
    assert_type(endpoint.submit(retry_on="handler_error", priority=None), trivet.Job)
    assert_type(endpoint.stream(1, on_progress=print, priority="low"), trivet.Stream)
    assert_type(endpoint.map([1], timeout=3, priority="low", max_attempts=2), Iterator[Any])


def rolling_out(client: trivet.Client) -> None:
    assert_type(client.deploy("hello.py", canary=10), list[DeployedEndpoint])
    assert_type(client.endpoints.canary("a/b", "1.3.0", 10), EndpointInfo)
    assert_type(client.endpoints.end_canary("a/b"), EndpointInfo)
    assert_type(client.endpoints.promote("a/b"), EndpointInfo)
    assert_type(client.endpoints.set_alias("a/b", "prod", "1.2.0"), AliasInfo)
    assert_type(client.endpoints.set_alias("a/b", "prod", {"1.2.0": None, "1.3.0": 10}), AliasInfo)
    assert_type(client.endpoints.aliases("a/b"), list[AliasInfo])
    assert_type(client.endpoints.version_health("a/b", "1.3.0"), VersionHealthInfo)
    assert_type(client.endpoints.get("a/b").canary, Share | None)


def being_told(client: trivet.Client) -> None:
    assert_type(client.webhooks.list(status=["failed", "pending"]), Iterator[WebhookDelivery])
    assert_type(client.webhooks.get("job_1").attempts, tuple[WebhookAttempt, ...])
    assert_type(client.webhooks.redeliver("job_1"), WebhookDelivery)
    assert_type(client.webhooks.secret(), WebhookSecret)
    assert_type(client.webhooks.rotate_secret().secret, str)


def failing(error: trivet.JobFailedError, ended: trivet.TimedOutError) -> None:
    assert_type(error.job_id, str | None)
    assert_type(error.code, str)
    as_any_of_ours: trivet.TrivetError = error
    as_any_of_jobs: trivet.JobError = error
    as_pythons_own: TimeoutError = ended
    print(as_any_of_ours, as_any_of_jobs, as_pythons_own)


def mistakes_are_found(client: trivet.Client) -> None:
    client.endpoint(1.5)  # type: ignore[arg-type]
    client.endpoint("a/b").run(1, 2)  # type: ignore[call-arg]
    client.endpoint("a/b").map(3)  # type: ignore[arg-type]
    client.endpoint("a/b").run(1, priority="urgent")  # type: ignore[arg-type]
    client.endpoint("a/b").submit(1, max_attempts="3")  # type: ignore[arg-type]
    client.endpoint("a/b").submit(1, tiemout=3)  # type: ignore[call-arg]
    client.endpoint("a/b").submit(1, timeout=3)  # type: ignore[call-arg]
    client.endpoint("a/b").stream(1, None, priority="low")  # type: ignore[call-arg]
    client.nothing  # type: ignore[attr-defined]  # noqa: B018
