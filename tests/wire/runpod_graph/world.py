"""RunPod's GraphQL API over real services, with images that the test publishes by a word."""

from __future__ import annotations

import json
from typing import Any, cast

from tests.wire.fakes import Answer, Client, World
from trivet.platform.core.accounts import Principal
from trivet.platform.core.endpoints import HandlerKind, VersionSettings
from trivet.platform.core.images import Image
from trivet.platform.core.keys import Token
from trivet.platform.dialects.runpod.context import GRAPHQL, RunPodServices
from trivet.platform.dialects.runpod.graph import GraphApi
from trivet.platform.ports.runtime import Capabilities


class GraphWorld(World):
    """The world with GraphQL in front of it."""

    def __init__(self) -> None:
        super().__init__()
        # the jobs' side of the dialect is not asked here
        no_takes = cast("Any", None)
        services = RunPodServices(
            accounts=self.accounts,
            endpoints=self.endpoints,
            calls=self.calls,
            jobs=self.jobs,
            replays=self.replays,
            workers=self.workers,
            limits=self.limits,
            takes=no_takes,
            templates=self.templates,
            registries=self.registries,
            secrets=self.secrets,
            clock=self.clock,
        )
        self.graph = Client(GraphApi(services))

    def install(self, **here: int) -> None:
        """GPUs for the machine: kinds, with ``_`` for spaces, and how many."""
        self.gpus = {kind.replace("_", " "): count for kind, count in here.items()}
        self.runtime.capabilities = Capabilities(gpus=self.gpus)

    def image(self, name: str, owner: Principal | None = None, settings: VersionSettings | None = None) -> None:
        """Publishes an image."""
        by = owner or self.admin
        image = Image(
            f"img_{name}", by.account_id, by.account_name, name, "00" * 32, HandlerKind.SYNC, "runpod", "handler.py",
            f"bundle-{name}", "environment", settings or VersionSettings(), self.now, self.now,
        )  # fmt: skip
        self.run(self.store.write(lambda tx: tx.templates.put_image(image)))

    def stranger(self, name: str) -> Token:
        """The key of a new account."""
        self.account(name)
        return self.token(name)

    # -- asking -------------------------------------------------------------------------------------------------------

    def post(self, document: Any, *, path: str = GRAPHQL, token: Token | str | None = None, **request: Any) -> Answer:
        """A request with a JSON body, as whoever has the token; the administrator where none is given."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        found: Answer = self.run(
            self.graph.ask("POST", path, token=token or self.admin_token, body=body, **request),
        )
        return found

    def answer(self, query: str, variables: dict[str, Any] | None = None, **request: Any) -> Any:
        """What a query that must succeed gives."""
        document = {"query": query} if variables is None else {"query": query, "variables": variables}
        answer = self.post(document, **request)
        assert answer.status == 200
        assert list(answer.json) == ["data"], answer.json
        return answer.json["data"]

    def refused(self, query: str, variables: dict[str, Any] | None = None, **request: Any) -> tuple[str, str]:
        """The message and the code of the first error of a query that must fail."""
        document = {"query": query} if variables is None else {"query": query, "variables": variables}
        answer = self.post(document, **request)
        assert answer.status == 200, answer.json
        return first_error(answer)

    def template(self, name: str = "demo", image: str = "repo/img:1", **words: Any) -> Any:
        """Saves a template."""
        text = "mutation ($input: SaveTemplateInput!) { saveTemplate(input: $input) " + TEMPLATE + " }"
        return self.answer(text, {"input": {"name": name, "imageName": image, **words}})["saveTemplate"]

    def endpoint(self, name: str = "demo", template_id: str | None = None, **words: Any) -> Any:
        """Saves an endpoint; of a template that was just made, where none is named."""
        given = {"name": name, "templateId": template_id or self.template(name)["id"], **words}
        text = "mutation ($input: EndpointInput!) { saveEndpoint(input: $input) " + ENDPOINT + " }"
        return self.answer(text, {"input": given})["saveEndpoint"]

    def change(self, endpoint_id: str, **words: Any) -> Any:
        """Saves an endpoint that is there."""
        text = "mutation ($input: EndpointInput!) { saveEndpoint(input: $input) " + ENDPOINT + " }"
        return self.answer(text, {"input": {"id": endpoint_id, **words}})["saveEndpoint"]


TEMPLATE = (
    "{ id name imageName dockerArgs containerDiskInGb volumeInGb volumeMountPath ports env { key value } isServerless }"
)
ENDPOINT = (
    "{ id name fullName templateId gpuIds networkVolumeId locations idleTimeout scalerType scalerValue workersMin workersMax "
    "allowedCudaVersions gpuCount flashBootType executionTimeoutMs version instanceIds type env { key value } }"
)


def first_error(answer: Answer) -> tuple[str, str]:
    """The message and the code of an answer's first error; asserts that RunPod's package could read it."""
    assert answer.headers["content-type"] == "application/json"
    errors = answer.json["errors"]
    assert errors
    assert all(error["message"] for error in errors)
    return errors[0]["message"], errors[0]["extensions"]["code"]
