"""Jobs through the real services: called, followed, stopped and told of, by everybody who may and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.unit.services.plant import Hand, Plant, payload
from tests.unit.services.town import check_hidden, ref, run
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Visibility
from trivet.platform.core.errors import BadRequest, Forbidden, InvalidInput, NotFound, StorageFull
from trivet.platform.core.jobs import EventKind, JobEvent, JobPolicy, JobStatus, Progress
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.core.views import JobView
from trivet.platform.core.workers import Departure
from trivet.platform.services import dispatch
from trivet.platform.services import jobs as service
from trivet.platform.services.endpoints import EndpointChange

HELLO = ref("ada/hello")
BIG = Payload.inline(b'"' + b"x" * dispatch.INLINE_LIMIT + b'"')


class Studio(Plant):
    """Ada's private ``ada/hello``; Sam, who has nothing to do with it; workers come when a test asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = self.account("ada")
        self.sam = self.account("sam")
        self.endpoint, self.version = self.offer(self.ada, "ada/hello", concurrency=4)

    def open_up(self, name: str = "ada/hello") -> None:
        """Everybody may call it."""
        run(self.endpoints.update(self.ada, ref(name), EndpointChange(visibility=Visibility.PUBLIC)))

    async def up(self) -> Hand:
        return await self.hand(self.version, start=not self.workers.starting(self.version.id))

    async def submit(self, principal: Principal | None = None, given: Payload | None = None, **limits: float) -> str:
        view = await self.jobs.submit(principal or self.ada, HELLO, given or payload(), **limits)
        return view.job.id

    async def status(self, job_id: str) -> JobStatus:
        return (await self.jobs.get(self.ada, job_id)).job.status

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.dispatcher.tick()


# a studio has `submit` of its own; the town's, which submits deployments, is reached through `offer`
Studio.deploy = lambda self, principal, digest="a" * 64, **request: _deploy(self, principal, digest, **request)  # type: ignore[method-assign]
