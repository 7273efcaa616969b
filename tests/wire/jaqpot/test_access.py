"""Who may do what: every route of the table, tried by the owner, a member it is shared with, somebody else, and nobody.

Whoever is refused has changed nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.wire.fakes import Answer
from tests.wire.jaqpot.world import GRAPH, JaqpotWorld, document, number_in, refusal, uploaded
from trivet.platform.core.accounts import Scope
from trivet.platform.core.keys import Token
from trivet.platform.dialects.jaqpot.lookup import Lookup
from trivet.platform.dialects.jaqpot.routes import routes

ROWS = [{"X1": 1, "Cat": "A"}]
PATCH = {"name": "New name", "visibility": "PRIVATE", "task": "REGRESSION"}


class Told(NamedTuple):
    """The statuses of a request: the owner's, a member's of an organization that the model is shared with, another account's,
    and of who has shown no key; ``scope`` is what the owner's key needs.
    """

    owner: int
    member: int
    other: int
    nobody: int
    scope: Scope
    body: Any = None


READ, CALL, DEPLOY = Scope.READ, Scope.CALL, Scope.DEPLOY
TABLE: dict[tuple[str, str], Told | None] = {
    ("GET", "models/search"): None,
    ("GET", "models/legacy/{model}"): Told(200, 200, 403, 401, READ),
    ("POST", "models"): Told(201, 201, 201, 401, DEPLOY, uploaded("Another")),
    ("GET", "models/{model}"): Told(200, 200, 403, 401, READ),
    ("DELETE", "models/{model}"): Told(204, 403, 403, 401, DEPLOY),
    ("PATCH", "models/{model}/partial"): Told(200, 403, 403, 401, DEPLOY, PATCH),
    ("POST", "models/{model}/archive"): Told(200, 403, 403, 401, DEPLOY),
    ("POST", "models/{model}/unarchive"): Told(409, 403, 403, 401, DEPLOY),
    ("PATCH", "models/{model}/features/{feature}"): Told(
        200, 403, 403, 401, DEPLOY, {"name": "Length", "featureType": "FLOAT"}
    ),
    ("POST", "models/{model}/predict"): Told(201, 201, 403, 401, CALL, {"type": "PREDICTION", "input": ROWS}),
    ("POST", "models/{model}/predict/csv"): Told(
        201, 201, 403, 401, CALL, {"type": "PREDICTION", "inputFile": "WDEsQ2F0CjEsQQo="}
    ),
    ("GET", "models/{model}/download/urls"): Told(200, 200, 403, 401, CALL),
    ("GET", "downloads/{ticket}/{name}"): None,
    ("POST", "large-models"): Told(201, 201, 201, 401, DEPLOY, document("Large")),
    ("POST", "large-models/{upload}/confirm-upload"): Told(204, 404, 404, 401, DEPLOY),
    ("PUT", "uploads/{key}"): None,
    ("GET", "datasets/{dataset}"): Told(200, 403, 403, 401, READ),
    ("GET", "datasets/{dataset}/results.csv"): Told(200, 403, 403, 401, READ),
    ("GET", "user/models"): Told(200, 200, 200, 401, READ),
    ("GET", "user/shared-models"): Told(200, 200, 200, 401, READ),
    ("GET", "user/archived-models"): Told(200, 200, 200, 401, READ),
    ("GET", "user/datasets"): Told(200, 200, 200, 401, READ),
    ("GET", "user/models/{model}/datasets"): Told(200, 200, 403, 401, READ),
    ("POST", "user/models/{model}/datasets"): Told(201, 201, 403, 401, CALL, {"type": "PREDICTION", "input": ROWS}),
}
"""None: the route has a test of its own below. (A member who begins an upload makes a model of its own.)"""
ROUTES = [pytest.param(method, path, told, id=f"{method} {path}") for (method, path), told in TABLE.items() if told]
SAFE = {Scope.CALL, Scope.READ, Scope.DEPLOY, Scope.DATA}


@dataclass
class Scene:
    """ann has a model that acme may use, a dataset and an upload; mia belongs to acme, ben to nothing."""

    world: JaqpotWorld
    mia: Token
    parts: dict[str, str]

    def ask(self, method: str, path: str, token: Token | str | None, told: Told) -> Answer:
        for name, value in self.parts.items():
            path = path.replace(f"{{{name}}}", value)
        request = {} if told.body is None else {"json_body": told.body}
        self.world.will_build(document("Another"))
        return self.world.call(method, f"/{path}", token=token, **request)

    def state(self) -> Any:
        """All that a refusal must leave as it is."""
        world = self.world
        jobs = world.run(world.store.read(lambda tx: [job.id for job in tx.jobs.open()]))
        uploads = sorted(path.name for path in (world.folder / "uploads").rglob("*"))
        return world.endpoints.all(), jobs, uploads, sorted(job.id for job in world.dispatcher.open_jobs.jobs())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    world = JaqpotWorld(tmp_path)
    world.account("mia")
    world.ask("POST", "/orgs", json_body={"name": "acme"}, token=world.ann)
    world.ask("PUT", "/orgs/acme/members/mia", json_body={"role": "member"}, token=world.ann)
    endpoint = world.model()
    world.ask("PATCH", "/endpoints/ann/fish", json_body={"shared_with": ["acme"]}, token=world.ann)
    dataset = number_in(world.predict(endpoint, ROWS))
    world.will_build(document("Large"))
    large = world.call("POST", "/large-models", json_body=document("Large")).json
    world.call("PUT", large["uploadUrl"].partition("/v1")[2], token=None, body=GRAPH)
    parts = {
        "model": str(endpoint.model_id),
        "feature": "1",
        "dataset": str(dataset),
        "upload": large["modelId"],
    }
    return Scene(world, world.token("mia"), parts)


def test_the_table_has_every_route(tmp_path: Path) -> None:
    """A route that is new has to be given its row."""
    world = JaqpotWorld(tmp_path)
    known = routes(world.spoken_for, world.limits_of_dialect, Lookup(world.spoken_for))
    assert {
        (route.method, route.path.replace("large-models/{model}", "large-models/{upload}")) for route in known
    } == set(TABLE)
    open_ones = {route.path for route in known if route.is_open or route.has_proof}
    assert open_ones == {
        *("models/search", "models/legacy/{model}", "models/{model}"),
        *("downloads/{ticket}/{name}", "uploads/{key}"),
    }


@pytest.mark.parametrize(("method", "path", "told"), ROUTES)
def test_a_route_is_for_those_who_may(scene: Scene, method: str, path: str, told: Told) -> None:
    world = scene.world
    weak = world.token("ann", *(SAFE - {told.scope} - ({Scope.CALL} if path.startswith("datasets") else set())))
    before = scene.state()
    for token, status in (
        (None, told.nobody),
        ("trv_0123456789ab_wrong", 401),
        ("nonsense", 401),
        (f"{world.ann}x", 401),
        (weak, 403),
        *([(world.ben, told.other)] if told.other >= 400 else []),
        *([(scene.mia, told.member)] if told.member >= 400 else []),
    ):
        assert refusal(scene.ask(method, path, token, told), status)
    assert scene.state() == before, "something was changed by who may not"
    for token, status in ((world.ben, told.other), (scene.mia, told.member), (world.ann, told.owner)):
        if status < 400 or token is world.ann:
            answer = scene.ask(method, path, token, told)
            assert answer.status == status, answer.body


@pytest.mark.parametrize("path", ["models/{model}", "models/legacy/{model}"])
def test_a_public_model_is_shown_to_everybody_and_changed_by_nobody_else(scene: Scene, path: str) -> None:
    world = scene.world
    public = {"visibility": "public"}
    world.ask("PATCH", "/endpoints/ann/fish", json_body=public, token=world.ann)
    told = Told(200, 200, 200, 200, READ)
    for token in (None, world.ben, scene.mia, world.ann):
        found = scene.ask("GET", path, token, told)
        assert found.status == 200
        assert found.json["canEdit"] == (token is world.ann)
        assert bool(found.json["sharedWithOrganizations"]) == (token in (scene.mia, world.ann))
    assert refusal(scene.ask("GET", path, "nonsense", told), 401), "a wrong key is no missing one"
    for method, tail in (("DELETE", ""), ("POST", "/archive")):
        assert refusal(scene.ask(method, f"models/{{model}}{tail}", world.ben, told), 403)
    assert refusal(scene.ask("POST", "models/{model}/predict", None, told), 401)
    for who in (world.ben, scene.mia):
        predicted = Told(201, 201, 201, 401, CALL, {"type": "PREDICTION", "input": ROWS})
        assert scene.ask("POST", "models/{model}/predict", who, predicted).status == 201
        assert scene.ask("GET", "models/{model}/download/urls", who, told).status == 200
    assert refusal(scene.ask("GET", "models/{model}/download/urls", None, told), 401)


def test_a_member_learns_of_its_own_organizations_alone(scene: Scene) -> None:
    world = scene.world
    world.ask("POST", "/orgs", json_body={"name": "secret"}, token=world.ann)
    world.ask("PATCH", "/endpoints/ann/fish", json_body={"shared_with": ["acme", "secret"]}, token=world.ann)
    told = Told(200, 200, 403, 401, READ)
    for token, names in ((scene.mia, ["acme"]), (world.ann, ["acme", "secret"])):
        found = scene.ask("GET", "models/{model}", token, told).json["sharedWithOrganizations"]
        assert [each["name"] for each in found] == names


def test_datasets_are_their_callers_alone_even_where_the_model_is_managed(scene: Scene) -> None:
    world, mia = scene.world, scene.mia
    endpoint = next(each for each in world.endpoints.all() if each.name == "fish")
    theirs = number_in(world.predict(endpoint, ROWS, token=mia))
    assert refusal(world.call("GET", f"/datasets/{theirs}", token=world.ann), 403)
    assert world.call("GET", f"/datasets/{theirs}", token=mia).status == 200
    assert world.call("GET", f"/datasets/{theirs}", token=world.admin_token).status == 200
    assert [each["id"] for each in world.call("GET", "/user/datasets", token=mia).json["content"]] == [theirs]


def test_an_administrator_looks_after_everything(scene: Scene) -> None:
    told = Told(200, 200, 200, 200, READ)
    admin = scene.world.admin_token
    found = scene.ask("GET", "models/{model}", admin, told).json
    assert (found["canEdit"], found["isAdmin"]) == (True, True)
    assert scene.ask("POST", "models/{model}/archive", admin, told).status == 200
    assert scene.ask("DELETE", "models/{model}", admin, told).status == 204


def test_nothing_that_is_refused_tells_of_a_models_inside(scene: Scene) -> None:
    told = Told(200, 200, 403, 401, READ)
    for token in (None, scene.world.ben):
        answer = scene.ask("GET", "models/{model}", token, told)
        assert "fish" not in json.dumps(answer.json).lower()
