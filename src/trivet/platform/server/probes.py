"""Probes and metrics: whether the platform lives, whether it can be used, and what it is doing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trivet.platform.core.errors import CoreError, Forbidden
from trivet.platform.core.jobs import JobStatus
from trivet.platform.core.workers import WorkerState
from trivet.platform.dialects.native.errors import send_error
from trivet.platform.server.bootstrap import Platform
from trivet.platform.server.traffic import Traffic
from trivet.platform.wire.credentials import token_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Probes:
    """``/livez`` and ``/readyz`` for anybody; ``/metrics`` for administrators, or for anybody where the operator says so.

    Args:
        platform: what they tell of.
        traffic: the requests that were answered.
        metrics_public: whether anybody may read the metrics.
    """

    def __init__(self, platform: Platform, traffic: Traffic, *, metrics_public: bool) -> None:
        self._platform = platform
        self._metrics_public = metrics_public
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_PlatformCollector(platform, traffic))

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
        else:
            try:
                await self._check_metrics(scope)
            except CoreError as error:
                await send_error(send, error)
                return
            await _raw(send, 200, "text/plain; version=0.0.4; charset=utf-8", generate_latest(self._registry))

    async def _check_metrics(self, scope: Scope) -> None:
        if self._metrics_public:
            return
        principal = await self._platform.accounts.resolve(token_of(scope["headers"]) or "")
        if not principal.administers():
            raise Forbidden(
                "Metrics tell of every account's endpoints; this key is not an administrator's with the scope 'admin'.",
                hint="Use such a key, or set TRIVET_METRICS_PUBLIC=1 where everybody may know.",
            )


class _PlatformCollector(Collector):
    """Reads the figures when they are asked for; on the hot paths nothing is counted but answers."""

    def __init__(self, platform: Platform, traffic: Traffic) -> None:
        self._platform = platform
        self._traffic = traffic

    def collect(self) -> Iterable[Metric]:
        platform = self._platform
        jobs = GaugeMetricFamily("trivet_jobs", "Open jobs.", labels=["endpoint", "status"])
        workers = GaugeMetricFamily("trivet_workers", "Workers.", labels=["endpoint", "state"])
        for endpoint in platform.endpoints.all():
            counts = platform.jobs.counts(endpoint.id)
            for status in (JobStatus.QUEUED, JobStatus.RUNNING):
                jobs.add_metric([endpoint.full_name, status.value], counts[status])
            for state, count in platform.workers.roster.counts(endpoint.id).items():
                if count or state is WorkerState.IDLE:
                    workers.add_metric([endpoint.full_name, state.value], count)
        yield jobs
        yield workers
        yield GaugeMetricFamily("trivet_endpoints", "Endpoints.", value=len(platform.endpoints.all()))
        requests = CounterMetricFamily("trivet_requests", "Requests that were answered.", labels=["dialect", "status"])
        for answered in self._traffic.answered():
            requests.add_metric([answered.dialect, str(answered.status)], answered.requests)
        yield requests


async def _answer(send: Send, status: int, document: dict[str, str]) -> None:
    await _raw(send, status, "application/json", json.dumps(document).encode())


async def _raw(send: Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
