"""Probes and metrics: whether the platform lives, whether it can be used, and what it is doing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trivet.platform.core.errors import CoreError
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.workers import WorkerState
from trivet.platform.server.bootstrap import Platform
from trivet.platform.wire.credentials import token_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Probes:
    """``/livez`` and ``/readyz`` for anybody; ``/metrics`` for administrators, or for anybody where the operator says so."""

    def __init__(self, platform: Platform, *, metrics_public: bool) -> None:
        self._platform = platform
        self._metrics_public = metrics_public
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_PlatformCollector(platform))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["path"].rstrip("/")
        if path == "/livez":
            await _answer(send, 200, {"status": "alive"})
        elif path == "/readyz":
            trouble = self._platform.trouble()
            if trouble is None:
                await _answer(send, 200, {"status": "ready"})
            else:
                await _answer(send, 503, {"status": "not ready", "detail": trouble})
        elif await self._may_read_metrics(scope):
            body = generate_latest(self._registry)
            await _raw(send, 200, "text/plain; version=0.0.4; charset=utf-8", body)
        else:
            problem = {
                "type": "urn:trivet:error:unauthenticated",
                "title": "Metrics are for administrators",
                "status": 401,
                "code": "unauthenticated",
                "detail": "Send an administrator's API key, or set TRIVET_METRICS_PUBLIC=1.",
            }
            await _raw(send, 401, "application/problem+json", json.dumps(problem).encode())

    async def _may_read_metrics(self, scope: Scope) -> bool:
        if self._metrics_public:
            return True
        token = token_of(scope["headers"])
        if token is None:
            return False
        try:
            principal = await self._platform.accounts.resolve(token)
        except CoreError:
            return False
        return principal.administers()


class _PlatformCollector(Collector):
    """Reads the figures when they are asked for; nothing is counted on the hot paths."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def collect(self) -> Iterable[Metric]:
        platform = self._platform
        jobs = GaugeMetricFamily("trivet_jobs", "Open jobs.", labels=["endpoint", "status"])
        workers = GaugeMetricFamily("trivet_workers", "Workers.", labels=["endpoint", "state"])
        for endpoint in platform.endpoints.all():
            counts = platform.jobs.counts(endpoint.id)
            for status in (JobStatus.QUEUED, JobStatus.RUNNING):
                jobs.add_metric([endpoint.full_name, status.value], counts[status])
            for state, count in platform.workers.counts(endpoint.id).items():
                if count or state is WorkerState.IDLE:
                    workers.add_metric([endpoint.full_name, state.value], count)
        yield jobs
        yield workers
        yield GaugeMetricFamily("trivet_endpoints", "Endpoints.", value=len(platform.endpoints.all()))


async def _answer(send: Send, status: int, document: dict[str, str]) -> None:
    await _raw(send, status, "application/json", json.dumps(document).encode())


async def _raw(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
