"""RunPod's job API over the same services as the native one, and workers that do what a test says."""

from __future__ import annotations

from typing import Any

from tests.unit.services.town import FakeVault
from tests.wire.fakes import Answer, Client, Worker, World
from trivet.platform.core.jobs import JobError
from trivet.platform.dialects.runpod.app import RunPodServices, RunPodSettings, create_app
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.services.takes import Takes

MAX_RUN = 10_000
MAX_RUNSYNC = 20_000


class RunPodWorld(World):
    """The world with RunPod's API in front of it. ``hello`` is the id of `admin/hello`, whose worker echoes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.takes = Takes(
            workers=self.workers,
            dispatcher=self.dispatcher,
            endpoints=self.endpoints,
            notifier=self.notifier,
            vault=FakeVault(),
            clock=self.clock,
            background=self.tasks.run,
            readers={},
        )
        services = RunPodServices(
            accounts=self.accounts,
            endpoints=self.endpoints,
            calls=self.calls,
            jobs=self.jobs,
            replays=self.replays,
            workers=self.workers,
            limits=self.limits,
            takes=self.takes,
            templates=self.templates,
            registries=self.registries,
            secrets=self.secrets,
            clock=self.clock,
        )
        self.runpod = create_app(services, RunPodSettings(max_run=MAX_RUN, max_runsync=MAX_RUNSYNC, **settings))
        self.caller = Client(self.runpod)
        self.hello = self.offer()[0].id

    def call(self, method: str, path: str, **request: Any) -> Answer:
        """One request below ``/runpod/v2``, with the administrator's key where nothing else is said."""
        request.setdefault("token", self.admin_token)
        found: Answer = self.run(self.caller.ask(method, f"/runpod/v2{path}", **request))
        return found

    def begin(self, body: Any = None, endpoint: str | None = None, **request: Any) -> str:
        """Queues a job; its id."""
        answer = self.call("POST", f"/{endpoint or self.hello}/run", json_body=body or {"input": 1}, **request)
        assert answer.status == 200, answer.body
        return str(answer.json["id"])

    def look(self, job_id: str, endpoint: str | None = None) -> dict[str, Any]:
        """A job's document."""
        answer = self.call("GET", f"/{endpoint or self.hello}/status/{job_id}")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found


def fault(answer: Answer) -> str:
    """The text of an error; asserts that it is one in RunPod's shape."""
    assert answer.status >= 400
    assert answer.headers["content-type"] == "application/json"
    document = answer.json
    assert list(document) == ["error"]
    text = document["error"]
    assert isinstance(text, str)
    assert text
    return text


def hold(worker: Worker, order: AttemptOrder) -> None:
    """Takes the job, and says nothing more."""


def fails(error: JobError) -> Any:
    """A handler that ends with an error."""
    return lambda worker, order: worker.world.dispatcher.attempts.fail(worker.ref(order), error)
