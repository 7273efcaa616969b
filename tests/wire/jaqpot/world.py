"""The Jaqpot dialect over real services: models whose worker does what the test says."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.services.town import FakeVault
from tests.wire.fakes import Answer, Client, Worker, World
from trivet.models.description import parse, to_document
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import Endpoint, HandlerKind, Version, VersionSettings
from trivet.platform.core.jobs import JobError
from trivet.platform.core.keys import Token
from trivet.platform.core.payloads import JSON
from trivet.platform.dialects.jaqpot.app import JaqpotServices, JaqpotSettings, create_app
from trivet.platform.ports.builder import Built, BuiltEndpoint
from trivet.platform.ports.runtime import AttemptOrder
from trivet.platform.services.numbered import NumberedJobs
from trivet.platform.services.pending import PendingModels

GRAPH = b"\x08\x0aan ONNX graph"
LIMITS = {"wait": 2.0, "hold": 0.05, "max_rows": 100, "max_csv_rows": 1000, "max_csv": 20_000, "max_upload": 1 << 20}


def document(name: str = "Fish toxicity", **changes: Any) -> dict[str, Any]:
    """The document of a model, as an uploader writes it."""
    return {
        "name": name,
        "description": "The LC50 of small fish.",
        "type": "SKLEARN_ONNX",
        "task": "REGRESSION",
        "visibility": "PRIVATE",
        "tags": "lc50 aquatic",
        "jaqpotpyVersion": "7.1.0",
        "libraries": [{"name": "scikit-learn", "version": "1.7.0"}],
        "independentFeatures": [
            {"key": "X1", "name": "First", "featureType": "FLOAT", "units": "mm"},
            {
                "key": "Cat",
                "name": "Kind",
                "featureType": "CATEGORICAL",
                "possibleValues": [{"value": "A", "description": "alpha"}, {"value": "B", "description": "beta"}],
            },
        ],
        "dependentFeatures": [{"key": "y", "name": "Output", "featureType": "FLOAT"}],
        "doas": [{"method": "LEVERAGE", "data": {"hStar": 1.5, "doaMatrix": [[1.0]]}}],
        "scores": {"train": [{"regression": {"yName": "y", "r2": 0.9}}]},
        **changes,
    }


def uploaded(name: str = "Fish toxicity", **changes: Any) -> dict[str, Any]:
    """The same with a graph in it."""
    return {**document(name, **changes), "rawModel": base64.b64encode(GRAPH).decode()}


def result_row(place: int, value: float = 0.5) -> dict[str, Any]:
    """A result row, as a model's worker gives it."""
    return {
        "y": value,
        "jaqpotMetadata": {
            "jaqpotRowId": place,
            "probabilities": None,
            "doa": {"Leverage": {"h": 0.1, "hStar": 1.5, "inDoa": True}, "majorityVoting": True},
        },
    }


def predicts(worker: Worker, order: AttemptOrder) -> None:
    """Answers with a row for each row of JSON, and for each line of CSV below the first."""
    rows = json.loads(order.body) if order.content_type == JSON else order.body.splitlines()[1:]
    worker.give(order, json.dumps([result_row(place) for place, _ in enumerate(rows)]).encode())


def holds(worker: Worker, order: AttemptOrder) -> None:
    """Does not answer."""


def fails(worker: Worker, order: AttemptOrder, code: str, message: str, kind: str | None = None) -> None:
    """Ends a job with an error."""
    worker.world.dispatcher.attempts.fail(worker.ref(order), JobError(code, message, type=kind))


class JaqpotWorld(World):
    """The world with the Jaqpot dialect in front of it. `ann` owns models, `ben` has nothing to do with them."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        (folder / "uploads").mkdir(exist_ok=True)
        (folder / "bundles").mkdir(exist_ok=True)
        super().__init__(folder / "uploads")
        self.folder = folder
        self.handler = predicts
        self.numbered = NumberedJobs(self.store, self.calls, self.jobs, self.endpoints)
        self.pending = PendingModels(self.store, self.clock, self.entropy)
        self.spoken_for = JaqpotServices(
            accounts=self.accounts,
            organizations=self.organizations,
            endpoints=self.endpoints,
            deployments=self.deployments,
            jobs=self.jobs,
            numbered=self.numbered,
            pending=self.pending,
            vault=FakeVault(),
            clock=self.clock,
        )
        self.limits_of_dialect = JaqpotSettings(
            uploads=folder / "uploads", bundles=folder / "bundles", **{**LIMITS, **settings}
        )
        self.jaqpot = create_app(self.spoken_for, self.limits_of_dialect, self.people)
        self.caller = Client(self.jaqpot)
        for name in ("ann", "ben"):
            self.account(name)
        self.ann, self.ben = self.token("ann"), self.token("ben")
        self.refused: Exception | None = None
        """What the builder ends with instead of a model."""

    people = None

    def call(self, method: str, path: str, *, token: Token | str | None = "ann's", **request: Any) -> Answer:
        """One request below ``/v1``, with ann's pair of key and secret where nothing else is said, and the builds it begins."""
        self.now += 1.0
        headers = {name.lower(): value for name, value in dict(request.pop("headers", {})).items()}
        key = self.ann if token == "ann's" else token
        if isinstance(key, Token):
            headers |= {"x-api-key": key.client_key, "x-api-secret": key.secret}
        elif key is not None:
            headers["authorization"] = f"Bearer {key}"
        self.deployments.on_submit = lambda deployment_id: self.tasks.run(self._build(deployment_id))
        try:
            found: Answer = self.run(self.caller.ask(method, f"/jaqpot/v1{path}", headers=headers, **request))
        finally:
            self.deployments.on_submit = self.to_build.append
        return found

    async def _build(self, deployment_id: str) -> None:
        if isinstance(self.builder.result, Exception) or self.refused is not None:
            self.builder.result = self.refused or self.builder.result
        await self.deployments.build(deployment_id)

    def will_build(self, described: dict[str, Any] | None) -> None:
        """Has builds find this model."""
        found = None if described is None else to_document(parse(described))
        item = BuiltEndpoint(
            "model", HandlerKind.SYNC, "model", "", VersionSettings(), None, description="", model=found
        )
        self.builder.result = Built("bundle", "environment", (item,))

    def model(
        self,
        full_name: str = "ann/fish",
        *,
        owner: Principal | None = None,
        slots: int = 8,
        described: dict[str, Any] | None = None,
        **request: Any,
    ) -> Endpoint:
        """Publishes a model with a worker that answers by ``self.handler``."""
        self.will_build(described or document())
        endpoint, version = self.publish(owner or self.principal(self.ann), full_name, **request)
        self.seat(version, slots)
        return endpoint

    def function(self, full_name: str = "ann/hello", **request: Any) -> Endpoint:
        """Publishes a function with an integer id."""
        self.will_build(None)
        item = self.builder.result
        assert isinstance(item, Built)
        schema = request.pop("schema", None)
        self.builder.result = replace(item, endpoints=(replace(item.endpoints[0], input_schema=schema),))
        endpoint, version = self.publish(self.principal(self.ann), full_name, **request)
        self.seat(version, 8)
        return endpoint

    def seat(self, version: Version, slots: int) -> None:
        """Gives a version a worker."""
        if slots:
            worker = Worker(self, version)
            self.dispatcher.claims.seat(worker.id, version.id, worker, slots)

    def predict(self, endpoint: Endpoint, rows: Any, **request: Any) -> Answer:
        """Predicts for rows."""
        body = {"type": "PREDICTION", "entryType": "ARRAY", "input": rows}
        return self.call("POST", f"/models/{endpoint.model_id}/predict", json_body=body, **request)

    def predict_csv(self, endpoint: Endpoint, data: bytes, **request: Any) -> Answer:
        """Predicts for a file."""
        body = {"type": "PREDICTION", "inputFile": base64.b64encode(data).decode()}
        return self.call("POST", f"/models/{endpoint.model_id}/predict/csv", json_body=body, **request)

    def dataset(self, answer: Answer, **request: Any) -> dict[str, Any]:
        """The dataset that an answer to a prediction names."""
        assert answer.status == 201, answer.body
        found = self.call("GET", f"/datasets/{number_in(answer)}", **request)
        assert found.status == 200, found.body
        return dict(found.json)


def number_in(answer: Answer) -> int:
    """The integer at the end of ``Location``, looked for as Jaqpot's client does."""
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def refusal(answer: Answer, status: int) -> str:
    """The message of an error in Jaqpot's shape; asserts that it is one."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json) == ["status", "message", "code"]
    assert answer.json["status"] == status
    message = answer.json["message"]
    assert len(message) > 5
    return str(message)
