"""Algorithmia's API over the same services as the native one, with a door for each worker that a test lets in."""

from __future__ import annotations

from typing import Any

from tests.wire.fakes import Answer, Client, Worker, World
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoint_changes import EndpointChange
from trivet.platform.core.endpoints import EndpointReference, Visibility
from trivet.platform.core.errors import Unauthenticated
from trivet.platform.core.jobs import JobError
from trivet.platform.dialects.algorithmia.app import AlgorithmiaServices, AlgorithmiaSettings, create_app
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.services.identities import Identities
from trivet.platform.services.insights import Insights

PROOF = "w1.secret"
"""What stands in the address of the one worker that may be let in."""


class Doors(Identities):
    """The identities of jobs, where a worker is whichever job the test says that it works on."""

    job_id = ""

    async def of_worker(self, worker_id: str, token: str) -> Principal:
        """The job behind `PROOF`."""
        job = self._dispatcher.open_jobs.job(self.job_id)
        if f"{worker_id}.{token}" != PROOF or job is None or job.is_final:
            raise Unauthenticated
        return await self.of_job(job)


class AlgorithmiaWorld(World):
    """The world with Algorithmia's API in front of it. `admin/hello` has a worker that echoes."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.doors = Doors(self.accounts, self.dispatcher, self.endpoints, self.workers, 24)
        self.spoken_for = AlgorithmiaServices(
            accounts=self.accounts,
            endpoints=self.endpoints,
            calls=self.calls,
            jobs=self.jobs,
            files=self.files,
            identities=self.doors,
            insights=Insights(self.dispatcher.attempts),
            clock=self.clock,
        )
        self.algorithmia = create_app(self.spoken_for, AlgorithmiaSettings(**settings))
        self.caller = Client(self.algorithmia)
        self.held: list[tuple[Worker, AttemptOrder]] = []
        """The attempts that `hold` has taken."""
        self.offer()

    def call(self, method: str, path: str, **request: Any) -> Answer:
        """One request below ``/algorithmia/v1``, with the administrator's key where nothing else is said."""
        return self.at("", method, path, **request)

    def at(self, door: str, method: str, path: str, **request: Any) -> Answer:
        """The same through a worker's door."""
        request.setdefault("token", None if door else self.admin_token)
        found: Answer = self.run(self.caller.ask(method, f"/algorithmia{door}/v1{path}", **request))
        return found

    def pipe(self, name: str, body: bytes = b"x", content_type: str | None = "text/plain", **request: Any) -> Answer:
        """A call of an algorithm."""
        headers = {**request.pop("headers", {})}
        if content_type is not None:
            headers["content-type"] = content_type
        return self.call("POST", f"/algo/{name}", body=body, headers=headers, **request)

    def share(self, name: str) -> None:
        """Lets everybody call an endpoint."""
        change = EndpointChange(visibility=Visibility.PUBLIC)
        self.run(self.endpoints.update(self.admin, EndpointReference.parse(name), change))

    def limit(self, account: str, concurrent: int) -> None:
        """Says how many open jobs an account may have."""
        self.run(self.accounts.change(self.admin, account, concurrent=concurrent))

    def finish(self) -> None:
        """Ends the jobs that `hold` has taken, and waits until they are on disk."""

        async def end() -> None:
            for worker, order in self.held:
                worker.give(order, b"1")
            await self.store.flush()

        self.run(end())

    def put(self, path: str, body: bytes = b"x", **request: Any) -> Answer:
        """Writes a file."""
        return self.call("PUT", f"/data/{path}", body=body, **request)

    def mkdir(self, name: str, acl: list[str] | None = None, **request: Any) -> None:
        """Makes a directory of the caller's."""
        document: dict[str, Any] = {"name": name}
        if acl is not None:
            document["acl"] = {"read": acl}
        answer = self.call("POST", "/data/.my", json_body=document, **request)
        assert answer.status == 200, answer.body


def trouble(answer: Answer, status: int = 200) -> dict[str, Any]:
    """The error of a call; asserts that it has the one shape that every client reads."""
    assert answer.status == status, answer.body
    document = answer.json
    assert isinstance(document["error"], dict)
    assert isinstance(document["error"]["message"], str)
    assert "result" not in document
    found: dict[str, Any] = document["error"]
    return found


def message(answer: Answer, status: int) -> str:
    """The text of an error of anything but a call."""
    assert answer.status == status, (answer.status, answer.body)
    document = answer.json
    assert list(document) == ["error"]
    assert document["error"]["message"]
    return str(document["error"]["message"])


def gives(data: bytes, content_type: str = "application/json") -> Any:
    """A handler with this output."""
    return lambda worker, order: worker.give(order, data, content_type)


def fails(error: JobError) -> Any:
    """A handler that ends with an error."""
    return lambda worker, order: worker.world.dispatcher.attempts.fail(worker.ref(order), error)


def hold(worker: Worker, order: AttemptOrder) -> None:
    """Takes the job, and says nothing until `AlgorithmiaWorld.finish`."""
    assert isinstance(worker.world, AlgorithmiaWorld)
    worker.world.held.append((worker, order))
