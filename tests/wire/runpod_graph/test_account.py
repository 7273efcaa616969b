"""The account, its logins and secrets; and what this platform is not."""

from __future__ import annotations

import pytest

from tests.wire.runpod_graph.world import GraphWorld
from trivet.platform.core.accounts import ALL_SCOPES

ADD = 'mutation SaveRegistryAuth { saveRegistryAuth(input: {name: "hub", username: "ann", password: "hush"}) { id name } }'
LOGINS = "{ myself { containerRegistryCreds { id name username registryAuth } } }"


def test_the_account_of_the_key_is_there_and_owns_no_machines(world: GraphWorld) -> None:
    query = (
        "{ myself { id email name pubKey clientBalance currentSpendPerHr pods { id env } networkVolumes { id size } } }"
    )
    assert world.answer(query)["myself"] == {
        "id": world.admin.account_id,
        "email": None,
        "name": "admin",
        "pubKey": "",
        "clientBalance": None,
        "currentSpendPerHr": None,
        "pods": [],
        "networkVolumes": [],
    }


@pytest.mark.parametrize("scope", sorted(ALL_SCOPES))
def test_any_key_learns_whose_it_is(world: GraphWorld, scope: str) -> None:
    assert (
        world.answer("{ myself { id } }", token=world.token("admin", scope))["myself"]["id"] == world.admin.account_id
    )


def test_the_public_key_is_kept(world: GraphWorld) -> None:
    query = 'mutation { updateUserSettings(input: { pubKey: "ssh-ed25519 AAAA\\nssh-rsa BBBB" }) { id pubKey } }'
    assert world.answer(query)["updateUserSettings"]["pubKey"] == "ssh-ed25519 AAAA\nssh-rsa BBBB"
    assert world.answer("{ myself { pubKey } }")["myself"]["pubKey"] == "ssh-ed25519 AAAA\nssh-rsa BBBB"
    assert world.answer("mutation { updateUserSettings(input: {}) { pubKey } }")["updateUserSettings"]["pubKey"]
    too_long = "mutation ($key: String) { updateUserSettings(input: { pubKey: $key }) { id } }"
    assert world.refused(too_long, {"key": "x" * 70_000})[1] == "too_large"


def test_logins_to_registries_are_kept_without_ever_showing_a_password(world: GraphWorld) -> None:
    made = world.answer(ADD)["saveRegistryAuth"]
    assert made["name"] == "hub"
    row = {"id": made["id"], "name": "hub", "username": "ann", "registryAuth": None}
    assert world.answer(LOGINS)["myself"]["containerRegistryCreds"] == [row]
    assert world.refused(ADD)[1] == "conflict"
    change = f'mutation {{ updateRegistryAuth(input: {{id: "{made["id"]}", username: "bob", password: "new"}}) {{ id name }} }}'
    assert world.answer(change)["updateRegistryAuth"] == made
    assert world.answer(LOGINS)["myself"]["containerRegistryCreds"] == [{**row, "username": "bob"}]
    delete = f'mutation DeleteRegistryAuth {{ deleteRegistryAuth(registryAuthId: "{made["id"]}") }}'
    assert world.refused(change, token=world.stranger("eve"))[1] == "not_found"
    assert world.refused(delete, token=world.stranger("mallory"))[1] == "not_found"
    assert world.answer(delete) == {"deleteRegistryAuth": None}
    assert world.answer(LOGINS)["myself"]["containerRegistryCreds"] == []
    assert world.refused(delete)[1] == "not_found"


@pytest.mark.parametrize("password", [{"password": ["hush-hush"]}, {"passwd": "hush-hush"}])
def test_a_password_in_the_wrong_place_is_not_repeated(world: GraphWorld, password: dict[str, object]) -> None:
    query = "mutation ($input: SaveRegistryAuthInput) { saveRegistryAuth(input: $input) { id } }"
    message, code = world.refused(query, {"input": {"name": "hub", "username": "ann", **password}})
    assert "hush" not in message
    assert ("password" in message, code) == (True, "bad_request")


def test_a_password_in_a_query_is_not_repeated_either(world: GraphWorld) -> None:
    query = 'mutation { saveRegistryAuth(input: {name: "a", username: "b", password: ["hush-hush"]}) { id } }'
    assert "hush" not in world.refused(query)[0]


def test_secrets_are_made_listed_by_name_and_removed(world: GraphWorld) -> None:
    make = "mutation ($input: SecretCreateInput!) { secretCreate(input: $input) { id name } }"
    given = {"input": {"name": "HF_TOKEN", "value": "hush", "description": "for models"}}
    assert world.answer(make, given) == {"secretCreate": {"id": "HF_TOKEN", "name": "HF_TOKEN"}}
    assert world.refused(make, given)[1] == "conflict"
    assert world.run(world.secrets.of_owner(world.admin.account_id, ["HF_TOKEN"])) == {"HF_TOKEN": "hush"}
    assert world.answer("{ myself { secrets { id name } } }")["myself"]["secrets"] == [
        {"id": "HF_TOKEN", "name": "HF_TOKEN"}
    ]
    remove = "mutation ($id: ID!) { secretDelete(id: $id) }"
    assert world.answer(remove, {"id": "HF_TOKEN"}) == {"secretDelete": None}
    assert world.refused(remove, {"id": "HF_TOKEN"})[1] == "not_found"


@pytest.mark.parametrize(
    "query",
    [
        'query pod { pod(input: {podId: "p1"}) { id env runtime { ports { ip } } machine { gpuDisplayName } } }',
        'mutation { podFindAndDeployOnDemand(input: {cloudType: ALL, dataCenterId: null, env: [{ key: "A" }]}) { id } }',
        'mutation { deployCpuPod(input: {name: "a", cloudType: SECURE, templateId: "runpod-ubuntu"}) { id } }',
        'mutation { podStop(input: {podId: "p1"}) { id desiredStatus } }',
        'mutation { podResume(input: {podId: "p1", gpuCount: 1}) { id desiredStatus } }',
        'mutation { podTerminate(input: {podId: "p1"}) }',
    ],
)  # fmt: skip
def test_pods_are_refused_with_what_to_do_instead(world: GraphWorld, query: str) -> None:
    message, code = world.refused(query)
    assert code == "bad_request"
    assert "no pods here" in message
    assert "trivet deploy" in message


def test_what_is_asked_of_a_pod_may_be_a_variable(world: GraphWorld) -> None:
    query = "mutation ($input: PodFindAndDeployOnDemandInput!) { podFindAndDeployOnDemand(input: $input) { id } }"
    assert "no pods here" in world.refused(query, {"input": {"anything": [1, {"at": "all"}]}})[0]
    query = "mutation ($id: String!) { podTerminate(input: { podId: $id }) }"
    assert "no pods here" in world.refused(query, {"id": "p1"})[0]


def test_network_volumes_are_refused_with_what_to_do_instead(world: GraphWorld) -> None:
    query = 'mutation { createNetworkVolume(input: {name: "v", size: 10, dataCenterId: "EU"}) { id } }'
    assert "no network volumes here" in world.refused(query)[0]


def test_one_failure_leaves_the_rest_of_the_answer(world: GraphWorld) -> None:
    answer = world.post({"query": '{ myself { id } pod(input: {podId: "p"}) { id } }'})
    assert answer.json["data"] == {"myself": {"id": world.admin.account_id}, "pod": None}
    assert answer.json["errors"][0]["path"] == ["pod"]
