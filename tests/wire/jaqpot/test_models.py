"""Models: looked at, searched for, changed, archived, removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.fakes import Answer
from tests.wire.jaqpot.world import JaqpotWorld, document, refusal
from trivet.platform.core.endpoints import FIRST_MODEL_ID, Endpoint


def patch(world: JaqpotWorld, endpoint: Endpoint, **changes: Any) -> Answer:
    body = {"name": "Fish toxicity", "visibility": "PRIVATE", "task": "REGRESSION", **changes}
    return world.call("PATCH", f"/models/{endpoint.model_id}/partial", json_body=body)


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["name"] for each in answer.json["content"]]


def test_a_model_that_was_deployed_natively_is_there_at_once(world: JaqpotWorld) -> None:
    endpoint = world.model()
    found = world.call("GET", f"/models/{endpoint.model_id}").json
    assert found["id"] == endpoint.model_id == FIRST_MODEL_ID
    assert found["name"] == "Fish toxicity"
    assert (found["type"], found["task"], found["visibility"]) == ("SKLEARN_ONNX", "REGRESSION", "PRIVATE")
    assert found["libraries"] == [{"name": "scikit-learn", "version": "1.7.0"}]
    assert found["doas"] == [{"method": "LEVERAGE", "data": {}}]
    assert found["scores"]["train"][0]["regression"]["yName"] == "y"
    assert found["jaqpotpyVersion"] == "7.1.0"
    assert found["rawModel"] == ""
    assert found["sharedWithOrganizations"] == found["featurizers"] == found["preprocessors"] == []
    assert found["creator"]["username"] == "ann"
    assert isinstance(found["creator"]["id"], str)
    assert (found["canEdit"], found["isAdmin"], found["archived"]) == (True, False, False)
    assert "archivedAt" not in found
    one, two = found["independentFeatures"]
    assert (one["id"], one["key"], one["featureType"], one["units"]) == (1, "X1", "FLOAT", "mm")
    assert (two["id"], two["featureDependency"]) == (2, "INDEPENDENT")
    assert two["possibleValues"][0] == {"value": "A", "description": "alpha"}
    (out,) = found["dependentFeatures"]
    assert (out["id"], out["key"], out["featureDependency"]) == (3, "y", "DEPENDENT")
    assert names(world.call("GET", "/user/models")) == ["Fish toxicity"]


@pytest.mark.parametrize(("said", "shown"), [("", None), (None, None), ("x" * 50_000, "x" * 50_000)])
def test_no_description_can_break_a_client(world: JaqpotWorld, said: str | None, shown: str | None) -> None:
    endpoint = world.model(described=document(description=said))
    assert world.call("GET", f"/models/{endpoint.model_id}").json["description"] == shown
    (summary,) = world.call("GET", "/user/models").json["content"]
    assert summary["description"] == shown


def test_a_description_that_was_given_natively_counts(world: JaqpotWorld) -> None:
    endpoint = world.model()
    world.ask("PATCH", "/endpoints/ann/fish", json_body={"description": "Told elsewhere."}, token=world.ann)
    assert world.call("GET", f"/models/{endpoint.model_id}").json["description"] == "Told elsewhere."


def test_a_summary_has_all_that_clients_need(world: JaqpotWorld) -> None:
    endpoint = world.model()
    page = world.call("GET", "/user/models?page=0&size=5&sort=createdAt%7Cdesc&sort=nonsense").json
    assert (page["totalElements"], page["totalPages"], page["pageSize"], page["pageNumber"]) == (1, 1, 5, 0)
    (found,) = page["content"]
    assert found["sharedWithOrganizations"] == []
    assert (found["independentFeaturesLength"], found["dependentFeaturesLength"]) == (2, 1)
    assert {"id", "name", "visibility", "type", "createdAt"} <= found.keys()
    assert found["id"] == endpoint.model_id


def test_a_function_with_an_integer_is_shown_as_a_container(world: JaqpotWorld) -> None:
    world.function("ann/Hello_World", model_id=70)
    found = world.call("GET", "/models/70").json
    assert (found["type"], found["libraries"], found["dockerConfig"]) == ("DOCKER", [], {"appName": "hello-world"})
    assert found["independentFeatures"] == found["dependentFeatures"] == []
    assert len(found["name"]) >= 3


def test_a_function_without_an_integer_is_nowhere(world: JaqpotWorld) -> None:
    world.offer("ann/plain", owner=world.principal(world.ann))
    assert world.call("GET", "/user/models").json["content"] == []


def test_short_names_are_long_enough_for_clients(world: JaqpotWorld) -> None:
    world.function("ann/x", model_id=70)
    assert world.call("GET", "/models/70").json["name"] == "ann/x"


@pytest.mark.parametrize("number", ["9", "abc", "-1", "1.0", "9" * 30, "1e3"])
def test_what_is_no_model_is_not_found(world: JaqpotWorld, number: str) -> None:
    for method, tail in (("GET", ""), ("POST", "/archive"), ("DELETE", ""), ("GET", "/download/urls")):
        assert refusal(world.call(method, f"/models/{number}{tail}"), 404)


def test_the_old_platforms_ids_are_the_platforms_own(world: JaqpotWorld) -> None:
    endpoint = world.model()
    for text in (endpoint.id, endpoint.model_id):
        assert world.call("GET", f"/models/legacy/{text}").json["id"] == endpoint.model_id
    unknown = refusal(world.call("GET", "/models/legacy/pretrained-5"), 404)
    for token in (world.ben, None):
        hidden = refusal(world.call("GET", f"/models/legacy/{endpoint.id}", token=token), 404)
        assert hidden == unknown.replace("pretrained-5", endpoint.id)


# -- lists --------------------------------------------------------------------------------------------------------------


def test_search_finds_public_models_by_any_word_best_first(world: JaqpotWorld) -> None:
    for name, changes in {
        "Bird": {"description": "Nothing here about what lives in water."},
        "Toxicity of fish": {"tags": "lc50"},
        "Fish LC50": {"description": "LC50 of fish"},
        "Hidden fish LC50": {},
    }.items():
        endpoint = world.model(f"ann/{name.replace(' ', '')}", described=document(name, **{"tags": "", **changes}))
        if name != "Hidden fish LC50":
            assert patch(world, endpoint, name=name, visibility="PUBLIC").status == 200
        if name == "Fish LC50":
            best = endpoint
    for token in ("ann's", world.ben, None):
        assert names(world.call("GET", "/models/search?query=lc50%20FISH", token=token)) == [
            "Fish LC50",
            "Toxicity of fish",
        ]
        assert len(names(world.call("GET", "/models/search?query=", token=token))) == 3
    page = world.call("GET", "/models/search?query=fish&page=1&size=1").json
    assert (page["totalElements"], page["totalPages"], len(page["content"])) == (2, 2, 1)
    world.call("POST", f"/models/{best.model_id}/archive")
    assert names(world.call("GET", "/models/search?query=lc50")) == ["Toxicity of fish"]
    assert "query" in refusal(world.call("GET", "/models/search"), 400)


def test_lists_are_in_the_order_that_is_asked_for(world: JaqpotWorld) -> None:
    for name in ("Bee", "ant", "Cat"):
        world.now += 5
        world.model(f"ann/{name}", described=document(f"{name} model"))
    assert names(world.call("GET", "/user/models")) == ["Cat model", "ant model", "Bee model"]
    assert names(world.call("GET", "/user/models?sort=name%7Casc")) == ["ant model", "Bee model", "Cat model"]
    assert names(world.call("GET", "/user/models?sort=type%7Casc&sort=name%7Cdesc&size=1")) == ["Cat model"]
    assert names(world.call("GET", "/user/models?page=7")) == []
    assert refusal(world.call("GET", "/user/models?page=x"), 400)


def test_archived_models_are_in_a_list_of_their_own(world: JaqpotWorld) -> None:
    endpoint = world.model()
    archived = world.call("POST", f"/models/{endpoint.model_id}/archive").json
    assert (archived["id"], archived["archivedAt"][-1]) == (endpoint.model_id, "Z")
    assert refusal(world.call("POST", f"/models/{endpoint.model_id}/archive"), 409)
    assert names(world.call("GET", "/user/models")) == []
    assert names(world.call("GET", "/user/archived-models")) == ["Fish toxicity"]
    found = world.call("GET", f"/models/{endpoint.model_id}").json
    assert (found["archived"], found["archivedAt"]) == (True, archived["archivedAt"])
    assert world.call("POST", f"/models/{endpoint.model_id}/unarchive").json == {"id": endpoint.model_id}
    assert refusal(world.call("POST", f"/models/{endpoint.model_id}/unarchive"), 409)
    assert names(world.call("GET", "/user/models")) == ["Fish toxicity"]


# -- changing -----------------------------------------------------------------------------------------------------------


def test_texts_change_and_the_version_does_not(world: JaqpotWorld) -> None:
    endpoint = world.model()
    changed = patch(world, endpoint, name="Trout", description="Of trout.", tags="trout")
    assert changed.status == 200
    found = world.call("GET", f"/models/{endpoint.model_id}").json
    assert (found["name"], found["description"], found["tags"]) == ("Trout", "Of trout.", "trout")
    assert found == changed.json
    assert patch(world, endpoint, name="Trout", description=None).json["description"] == "Of trout."
    assert patch(world, endpoint, name="Trout", description="").json["description"] is None
    assert len(world.endpoints.versions_of(endpoint.id)) == 1


def test_visibility_is_the_platforms_own(world: JaqpotWorld) -> None:
    endpoint = world.model()
    assert patch(world, endpoint, visibility="PUBLIC").json["visibility"] == "PUBLIC"
    assert world.ask("GET", "/endpoints/ann/fish", token=world.ben).status == 200
    assert patch(world, endpoint, visibility="ORG_SHARED").json["visibility"] == "ORG_SHARED"
    assert world.ask("GET", "/endpoints/ann/fish", token=world.ben).status == 404
    assert patch(world, endpoint).json["visibility"] == "PRIVATE"


def test_a_model_is_shared_with_organizations_by_their_integers(world: JaqpotWorld) -> None:
    endpoint = world.model()
    for name in ("acme", "lab"):
        world.ask("POST", "/orgs", json_body={"name": name}, token=world.ann)
    world.ask("PUT", "/orgs/acme/members/ben", json_body={"role": "member"}, token=world.ann)
    numbers = {each.name: each.number for each in world.run(world.store.read(lambda tx: tx.accounts.organizations()))}
    shared = patch(world, endpoint, visibility="ORG_SHARED", sharedWithOrganizationIds=[numbers["acme"]]).json
    assert [(each["id"], each["name"]) for each in shared["sharedWithOrganizations"]] == [(numbers["acme"], "acme")]
    assert {"contactEmail", "visibility"} <= shared["sharedWithOrganizations"][0].keys()
    for token in ("ann's", world.ben):
        (found,) = world.call("GET", "/user/shared-models", token=token).json["content"]
        assert found["sharedWithOrganizations"] == [{"id": numbers["acme"], "name": "acme"}]
        assert names(world.call("GET", f"/user/shared-models?organizationId={numbers['acme']}", token=token))
        assert not names(world.call("GET", f"/user/shared-models?organizationId={numbers['lab']}", token=token))
    assert world.predict(endpoint, [{"X1": 1, "Cat": "A"}], token=world.ben).status == 201
    assert "no organization" in refusal(
        patch(world, endpoint, visibility="ORG_SHARED", sharedWithOrganizationIds=[999]), 403
    )
    assert patch(world, endpoint, visibility="ORG_SHARED").json["sharedWithOrganizations"] == [
        shared["sharedWithOrganizations"][0]
    ]
    assert patch(world, endpoint, visibility="PUBLIC").json["sharedWithOrganizations"] == []
    assert refusal(world.call("GET", "/user/shared-models?organizationId=x"), 400)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "x"}, "3"),
        ({"name": None}, "name"),
        ({"visibility": "public"}, "visibility"),
        ({"task": "GUESSING"}, "task"),
        ({"task": "BINARY_CLASSIFICATION"}, "REGRESSION"),
        ({"description": "x" * 50_001}, "50"),
        ({"description": "ok"}, "too short"),
        ({"sharedWithOrganizationIds": "all"}, "sharedWith"),
    ],
)
def test_a_change_that_can_not_be_changes_nothing(world: JaqpotWorld, changes: dict[str, Any], words: str) -> None:
    endpoint = world.model()
    before = world.call("GET", f"/models/{endpoint.model_id}").json
    assert words in refusal(patch(world, endpoint, **{"visibility": "PUBLIC", **changes}), 400)
    assert world.call("GET", f"/models/{endpoint.model_id}").json == before


def test_a_feature_is_described_anew(world: JaqpotWorld) -> None:
    endpoint = world.model()
    path = f"/models/{endpoint.model_id}/features"
    body = {
        "name": "Length",
        "featureType": "FLOAT",
        "units": "cm",
        "range": "0-10",
        "description": "From head to tail.",
    }
    changed = world.call("PATCH", f"{path}/1", json_body=body).json
    assert (changed["id"], changed["key"], changed["name"], changed["units"]) == (1, "X1", "Length", "cm")
    found = world.call("GET", f"/models/{endpoint.model_id}").json
    assert found["independentFeatures"][0] == changed
    values = [{"value": "B", "description": "bravo"}, {"value": "A", "description": "alpha"}]
    body = {"name": "Kind", "featureType": "CATEGORICAL", "possibleValues": values}
    assert world.call("PATCH", f"{path}/2", json_body=body).json["possibleValues"] == values
    body["possibleValues"] = values[:1]
    assert "A, B" in refusal(world.call("PATCH", f"{path}/2", json_body=body), 400)
    body = {"name": "Length", "featureType": "INTEGER"}
    assert "FLOAT" in refusal(world.call("PATCH", f"{path}/1", json_body=body), 400)
    assert refusal(world.call("PATCH", f"{path}/9", json_body={"name": "Length", "featureType": "FLOAT"}), 404)
    assert refusal(world.call("PATCH", f"{path}/1", json_body={"name": "Length"}), 400)
    assert refusal(world.call("PATCH", f"{path}/1", json_body={"name": "", "featureType": "FLOAT"}), 400)


def test_a_removed_model_is_gone(world: JaqpotWorld) -> None:
    endpoint = world.model()
    answer = world.call("DELETE", f"/models/{endpoint.model_id}")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers
    assert refusal(world.call("GET", f"/models/{endpoint.model_id}"), 404)
    assert refusal(world.call("DELETE", f"/models/{endpoint.model_id}"), 404)
