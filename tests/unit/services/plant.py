"""A town with its plant: jobs, dispatcher, workers and scaling over the fake runtime; links and clock are in the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.unit.services.calling import calling
from tests.unit.services.town import Town, built
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, Version, VersionSettings
from trivet.platform.core.jobs import Job, JobError
from trivet.platform.core.payloads import JSON, Payload
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.ports.builder import Built
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.ports.validator import LargeCheck
from trivet.platform.runtimes.fake import FakeRuntime
from trivet.platform.server.background import Tasks
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.limits import Limits
from trivet.platform.services.recorder import Recorder
from trivet.platform.services.scaling import Scaling
from trivet.platform.services.workers import Workers
from trivet.platform.stores.memory import MemoryBlobs

T = TypeVar("T")

LIMIT = 20.0
"""Seconds that a scene may take before it counts as hanging."""
ALWAYS = ScalingPolicy(minimum=0, maximum=3, idle_timeout=60.0)


def payload(text: str = '"x"') -> Payload:
    return Payload.inline(text.encode())


class Hand:
    """A worker in the test's hand: notes what it is sent, and says what the test wants said."""

    def __init__(self, plant: Plant, worker_id: str) -> None:
        self._attempts = plant.dispatcher.attempts
        self.id = worker_id
        self.orders: list[AttemptOrder] = []
        self.cancels: list[tuple[int, str]] = []
        self.drained = False
        self.closed = False
        self.recalls = 0
        self.listened_to = True

    # -- as the services see it -------------------------------------------------------------------------------------

    def send(self, order: AttemptOrder) -> None:
        self.orders.append(order)

    def cancel(self, number: int, reason: str) -> None:
        self.cancels.append((number, reason))

    def recall(self) -> None:
        self.recalls += 1

    def listen(self, *, on: bool) -> None:
        self.listened_to = on

    def drain(self) -> None:
        self.drained = True

    def close(self) -> None:
        self.closed = True

    # -- as a worker ------------------------------------------------------------------------------------------------

    def ref(self, order: AttemptOrder | None = None) -> AttemptRef:
        order = order or self.orders[-1]
        return AttemptRef(self.id, order.number, order.token)

    def succeed(self, text: str = "1", order: AttemptOrder | None = None, pieces: int = 0) -> None:
        self._attempts.succeed(self.ref(order), JSON, text.encode(), pieces)

    def fail(self, message: str = "it broke", order: AttemptOrder | None = None) -> None:
        self._attempts.fail(self.ref(order), JobError("handler_error", message, type="ValueError"))

    def piece(self, text: str, order: AttemptOrder | None = None) -> None:
        self._attempts.piece(self.ref(order), JSON, text.encode())

    def log(self, text: str, order: AttemptOrder | None = None) -> None:
        self._attempts.log(self.ref(order), "stdout", text.encode())

    def stopped(self, order: AttemptOrder | None = None) -> None:
        self._attempts.stopped(self.ref(order))


class Plant(Town):
    """Workers start in the fake runtime; a test lets them connect with `hand`."""

    check_large: LargeCheck | None = None
    """Who checks large inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = Tasks()
        self.runtime = FakeRuntime()
        self.blobs = MemoryBlobs()
        self.build()

    def build(self) -> None:
        """Makes the services that hold jobs and workers; again for a server that starts anew on the same store."""
        self.recorder = Recorder(self.store, self.tasks.run, self.pause)
        self.dispatcher = Dispatcher(
            recorder=self.recorder,
            blobs=self.blobs,
            clock=self.clock,
            wall=self.clock,
            entropy=self.entropy,
            notifier=self.notifier,
            background=self.tasks.run,
        )
        self.workers = Workers(
            runtime=self.runtime,
            dispatcher=self.dispatcher,
            endpoints=self.endpoints,
            secrets=self.secrets,
            clock=self.clock,
            entropy=self.entropy,
            notifier=self.notifier,
            background=self.tasks.run,
            max_output=1 << 20,
            read_lines={"polling": lambda text: text.removeprefix("polling says: ").replace("; ", "\n")},
        )
        self.runtime.on_exit = self.workers.departed
        self.scaling = Scaling(
            dispatcher=self.dispatcher, workers=self.workers, endpoints=self.endpoints, clock=self.clock
        )
        self.limits = Limits(self.clock, self.dispatcher.open_jobs.jobs)
        self.accounts.on_limits_changed = self.keys.on_limits_changed = self.limits.forget
        self.sight, self.trees, self.intake, self.jobs, self.calls, self.replays = calling(
            self,
            blobs=self.blobs,
            dispatcher=self.dispatcher,
            workers=self.workers,
            limits=self.limits,
            vault=self.vault,
            background=self.tasks.run,
            check_large=self.check_large,
        )
        self.dispatcher.open_jobs.on_end = self._ended

    @staticmethod
    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    # -- endpoints ----------------------------------------------------------------------------------------------------

    def _ended(self, job: Job) -> None:
        self.limits.release(job.id)
        self.trees.ended(job)

    def offer(
        self,
        principal: Principal,
        full_name: str,
        *,
        scaling: ScalingPolicy = ALWAYS,
        schema: dict[str, Any] | None = None,
        **settings: Any,
    ) -> tuple[Endpoint, Version]:
        """Publishes an endpoint; ``settings`` are those of its version."""
        one = built(full_name.rpartition("/")[2], scaling=scaling, settings=VersionSettings(**settings))
        item = one.endpoints[0]
        object.__setattr__(item, "input_schema", schema)
        self.builder.result = Built(one.bundle, one.environment, (item,))
        return self.publish(principal, full_name)

    # -- scenes -------------------------------------------------------------------------------------------------------

    def play(self, scene: Coroutine[Any, Any, T]) -> T:
        """Runs a scene on a loop of its own, and not for ever."""

        async def bounded() -> T:
            try:
                async with asyncio.timeout(LIMIT):
                    return await scene
            finally:
                await self.tasks.close()

        return asyncio.run(bounded())

    async def settle(self) -> None:
        """Lets background work come to its end, and those who were woken go on."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def until(self, holds: Callable[[], object]) -> None:
        """Lets everything go on until something holds."""
        for _ in range(1000):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError("it does not come to hold")

    async def hand(self, version: Version, *, start: bool = True, ready: bool = True) -> Hand:
        """A worker that has connected; ``start``: a new one, else the one that the platform has started."""
        if start:
            worker_id = self.workers.start(version)
        else:
            worker_id = next(
                w for w in self.workers.register.ids_of(version.id) if self.workers.register._entries[w].link is None
            )
        await self.until(lambda: worker_id in self.runtime.started)
        hand = Hand(self, worker_id)
        self.workers.connect(worker_id, self.runtime.started[worker_id].token, hand)
        if ready:
            self.workers.ready(worker_id)
        return hand

    async def stored(self, job_id: str) -> Job | None:
        """The job as it is on disk."""
        return await self.store.read(lambda tx: tx.jobs.get(job_id))
