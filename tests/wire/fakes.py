"""The native API over real services: a store in memory, a clock in hand, and a worker that does what the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.unit.services.calling import calling
from tests.unit.services.receiver import FakeEgress
from tests.unit.services.town import FakeVault, Town, built
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, Version, VersionSettings
from trivet.platform.core.jobs import NATIVE, Job
from trivet.platform.core.keys import Token
from trivet.platform.core.payloads import JSON
from trivet.platform.dialects.native.app import NativeServices, NativeSettings, create_app
from trivet.platform.dialects.native.webhooks import FORMAT
from trivet.platform.dialects.runpod.context import FORMAT as RUNPOD
from trivet.platform.dialects.runpod.jobs import RUNPOD_FORMAT
from trivet.platform.ports.builder import Built
from trivet.platform.ports.runtime import AttemptOrder, AttemptRef
from trivet.platform.runtimes.fake import FakeRuntime
from trivet.platform.server.background import Tasks
from trivet.platform.services.dispatch import Dispatcher
from trivet.platform.services.files import Files
from trivet.platform.services.limits import Limits
from trivet.platform.services.recorder import Recorder
from trivet.platform.services.rollouts import Rollouts
from trivet.platform.services.tallies import Tallies
from trivet.platform.services.webhooks import Webhooks
from trivet.platform.services.workers import Workers
from trivet.platform.stores.memory import MemoryBlobs

MAX_INPUT = 1 << 20
MAX_FILE = 4 << 20
TIMEOUT = 10.0
"""No request of a test takes longer than so many seconds."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    more: list[bytes] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; asserts that it is one, with all that it must have."""
        problem = self.json
        assert self.headers["content-type"] == "application/problem+json"
        assert problem["status"] == self.status
        assert problem["type"] == f"urn:trivet:error:{problem['code']}"
        assert problem["title"]
        assert problem["detail"]
        return str(problem["code"])


class Client:
    """Speaks ASGI to an application, as a server would."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: Token | str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        json_body: Any = None,
        gone: asyncio.Event | None = None,
        on_body: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """One request. ``gone``, once set, is the client hanging up; ``on_body`` is told each piece of the answer."""
        sent = {"host": "trivet.test", **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent.setdefault("content-type", "application/json")
        parts = [body] if isinstance(body, bytes) else list(body)
        if isinstance(body, bytes) and body:
            sent.setdefault("content-length", str(len(body)))
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(plain),
            "raw_path": plain.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "scheme": "http",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
        }
        answer_ended, messages = asyncio.Event(), []

        async def receive() -> dict[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
            hung_up = asyncio.ensure_future((gone or asyncio.Event()).wait())
            ended = asyncio.ensure_future(answer_ended.wait())
            try:
                await asyncio.wait({hung_up, ended}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                hung_up.cancel()
                ended.cancel()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)
            if message["type"] == "http.response.body":
                if on_body is not None:
                    on_body(message.get("body", b""))
                if not message.get("more_body", False):
                    answer_ended.set()

        await asyncio.wait_for(self.app(scope, receive, send), TIMEOUT)
        if not messages:
            return Answer(0, {}, b"")
        start, *rest = messages
        assert [m["type"] for m in messages[:1]] == ["http.response.start"]
        assert all(m["type"] == "http.response.body" for m in rest)
        found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        assert len(found) == len(start["headers"]), f"a header is sent twice: {start['headers']}"
        pieces = [m.get("body", b"") for m in rest]
        whole = b"".join(pieces)
        if "content-length" in found and method != "HEAD":
            assert int(found["content-length"]) == len(whole)
        return Answer(start["status"], found, whole, pieces)


Handler = Callable[["Worker", AttemptOrder], None]


class Worker:
    """A worker in the same process: a link that hands each order to the test's handler in the loop's next turn."""

    def __init__(self, world: World, version: Version) -> None:
        self.world = world
        self.version = version
        self.id = f"worker_{version.id}"
        self.cancels: list[int] = []
        self.orders: list[AttemptOrder] = []

    def send(self, order: AttemptOrder) -> None:
        self.orders.append(order)
        asyncio.get_running_loop().call_soon(self.world.handler, self, order)

    def cancel(self, number: int, reason: str) -> None:
        self.cancels.append(number)
        order = next(order for order in self.orders if order.number == number)
        asyncio.get_running_loop().call_soon(self.world.dispatcher.attempts.stopped, self.ref(order))

    def drain(self) -> None:
        pass

    def close(self) -> None:
        pass

    def ref(self, order: AttemptOrder) -> AttemptRef:
        return AttemptRef(self.id, order.number, order.token)

    def give(self, order: AttemptOrder, data: bytes, content_type: str = JSON, pieces: int = 0) -> None:
        self.world.dispatcher.attempts.succeed(self.ref(order), content_type, data, pieces)


def echo(worker: Worker, order: AttemptOrder) -> None:
    """Gives back what came."""
    worker.give(order, order.body, order.content_type)


class World(Town):
    """The town with jobs and workers, and the native API in front of it."""

    def __init__(self, uploads: Path | None = None) -> None:
        super().__init__()
        self.handler: Handler = echo
        self.tasks = Tasks()
        self.blobs = MemoryBlobs()
        self.runtime = FakeRuntime()
        self.recorder = Recorder(self.store, self.tasks.run, asyncio.sleep)
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
            max_output=MAX_INPUT,
        )
        self.limits = Limits(self.clock, self.dispatcher.open_jobs.jobs)
        self.accounts.on_limits_changed = self.keys.on_limits_changed = self.limits.forget
        self.sight, self.trees, self.intake, self.jobs, self.calls, self.replays = calling(
            self,
            blobs=self.blobs,
            dispatcher=self.dispatcher,
            workers=self.workers,
            limits=self.limits,
            vault=FakeVault(),
            background=self.tasks.run,
        )
        self.tallies = Tallies(self.endpoints, self.clock)
        self.dispatcher.open_jobs.on_end = self.ended
        self.rollouts = Rollouts(self.endpoints, self.dispatcher.board, self.tallies)
        self.egress = FakeEgress()
        self.webhooks = Webhooks(
            store=self.store,
            egress=self.egress,
            vault=FakeVault(),
            jobs=self.jobs,
            endpoints=self.endpoints,
            formats={NATIVE: FORMAT, RUNPOD: RUNPOD_FORMAT},
            clock=self.clock,
            entropy=self.entropy,
            background=self.tasks.run,
            sleep=asyncio.sleep,
        )
        self.intake.check_webhook = self.webhooks.check
        self.recorder.on_planned = self.webhooks.planned
        self.files = Files(
            store=self.store,
            blobs=self.blobs,
            clock=self.clock,
            entropy=self.entropy,
            is_open=lambda job_id: self.dispatcher.open_jobs.job(job_id) is not None,
            max_file=MAX_FILE,
        )
        self.services = NativeServices(
            self.accounts,
            self.keys,
            self.organizations,
            self.secrets,
            self.endpoints,
            self.deployments,
            self.calls,
            self.jobs,
            self.replays,
            self.workers,
            self.rollouts,
            self.webhooks,
            self.limits,
            self.images,
            self.files,
            self.clock,
        )
        self.settings = NativeSettings(
            "1.2.3",
            MAX_INPUT,
            MAX_INPUT,
            uploads or Path("/nowhere"),
            (uploads or Path("/nowhere/uploads")).parent / "bundles",
        )
        self.client = Client(create_app(self.services, self.settings))

    def ended(self, job: Job) -> None:
        self.tallies.ended(job)
        self.limits.release(job.id)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs ``work``, and then what it has left behind."""

        async def whole() -> Any:
            try:
                return await work
            finally:
                await asyncio.sleep(0)
                await self.tasks.close()

        return asyncio.run(asyncio.wait_for(whole(), 2 * TIMEOUT))

    def ask(self, method: str, path: str, **request: Any) -> Answer:
        """One request below the API's prefix, with the administrator's key where nothing else is said."""
        request.setdefault("token", self.admin_token)
        found: Answer = self.run(self.client.ask(method, f"/api/v1{path}", **request))
        return found

    def offer(
        self,
        full_name: str = "admin/hello",
        *,
        owner: Principal | None = None,
        schema: dict[str, Any] | None = None,
        settings: VersionSettings | None = None,
        slots: int = 8,
        **request: Any,
    ) -> tuple[Endpoint, Version]:
        """Publishes an endpoint with a worker that answers by ``self.handler``; no slots: none that answers."""
        one = built(full_name.rpartition("/")[2], settings=settings)
        item = one.endpoints[0]
        object.__setattr__(item, "input_schema", schema)
        self.builder.result = Built(one.bundle, one.environment, (item,))
        endpoint, version = self.publish(owner or self.admin, full_name, **request)
        if slots:
            worker = Worker(self, version)
            self.dispatcher.claims.seat(worker.id, version.id, worker, slots)
        return endpoint, version


def events_of(body: bytes) -> list[tuple[str, str | None, Any]]:
    """The events in a stream: name, id, data."""
    found: list[tuple[str, str | None, Any]] = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if not lines:
            continue
        fields = [line.partition(": ")[::2] for line in lines]
        name = next(value for key, value in fields if key == "event")
        number = next((value for key, value in fields if key == "id"), None)
        found.append((name, number, json.loads("\n".join(value for key, value in fields if key == "data"))))
    return found
