"""Templates: made, changed, looked at and removed in RunPod's words."""

from __future__ import annotations

import pytest

from tests.wire.runpod_graph.world import TEMPLATE, GraphWorld

SAVE = "mutation ($input: SaveTemplateInput) { saveTemplate(input: $input) " + TEMPLATE + " }"


def test_a_template_comes_back_with_the_defaults_of_runpod(world: GraphWorld) -> None:
    made = world.template("demo", "repo/img:1")
    assert made == {
        "id": made["id"],
        "name": "demo",
        "imageName": "repo/img:1",
        "dockerArgs": "",
        "containerDiskInGb": 10,
        "volumeInGb": 0,
        "volumeMountPath": "/workspace",
        "ports": "",
        "env": [],
        "isServerless": False,
    }


def test_inline_values_are_taken_as_the_package_writes_them(world: GraphWorld) -> None:
    query = """
    mutation {
        saveTemplate(
            input: {
                name: "demo", imageName: "repo/img:1", dockerArgs: "python -c \\"print(1)\\"",
                containerDiskInGb: 25, volumeInGb: 0, ports: "8888/http,22/tcp", isServerless: true,
                env: [{ key: "A", value: "1" }, { key: "B", value: "two words" }],
                containerRegistryAuthId : "", startSsh: true, isPublic: false, readme: ""
            }
        ) {
            id name dockerArgs containerDiskInGb ports env { key value } isServerless startSsh containerRegistryAuthId
        }
    }
    """
    made = world.answer(query)["saveTemplate"]
    assert made == {
        "id": made["id"],
        "name": "demo",
        "dockerArgs": 'python -c "print(1)"',
        "containerDiskInGb": 25,
        "ports": "8888/http,22/tcp",
        "env": [{"key": "A", "value": "1"}, {"key": "B", "value": "two words"}],
        "isServerless": True,
        "startSsh": True,
        "containerRegistryAuthId": "",
    }


def test_a_serverless_template_without_ports_has_null_for_them(world: GraphWorld) -> None:
    assert world.template(isServerless=True)["ports"] is None


def test_a_name_that_is_taken_is_an_error(world: GraphWorld) -> None:
    world.template("demo")
    message, code = world.refused(SAVE, {"input": {"name": "demo", "imageName": "other"}})
    assert code == "conflict"
    assert "demo" in message


@pytest.mark.parametrize("missing", ["name", "imageName"])
@pytest.mark.parametrize("empty", [None, ""])
def test_a_template_needs_a_name_and_an_image(world: GraphWorld, missing: str, empty: str | None) -> None:
    message, code = world.refused(SAVE, {"input": {"name": "demo", "imageName": "image", missing: empty}})
    assert (message.split()[0], code) == (missing, "bad_request")


def test_a_template_needs_an_input(world: GraphWorld) -> None:
    assert "input is missing" in world.refused("mutation { saveTemplate { id } }")[0]


def test_a_change_keeps_what_it_leaves_out(world: GraphWorld) -> None:
    made = world.template("demo", env=[{"key": "A", "value": "1"}], containerDiskInGb=25)
    changed = world.answer(SAVE, {"input": {"id": made["id"], "dockerArgs": "run"}})["saveTemplate"]
    assert changed == {**made, "dockerArgs": "run"}
    assert world.answer(SAVE, {"input": {"id": made["id"], "env": []}})["saveTemplate"] == {**changed, "env": []}


def test_environments_are_sealed_and_their_owner_can_read_them(world: GraphWorld) -> None:
    made = world.template("demo", env=[{"key": "TOKEN", "value": "hush"}])
    kept = world.run(world.store.read(lambda tx: tx.templates.get(made["id"])))
    assert b"hush" not in kept.sealed_env
    assert "hush" not in repr(kept)
    assert made["env"] == [{"key": "TOKEN", "value": "hush"}]


def test_a_reference_to_a_secret_is_refused_rather_than_given_to_a_worker_as_it_is(world: GraphWorld) -> None:
    env = [{"key": "TOKEN", "value": "{{ RUNPOD_SECRET_hf_token }}"}]
    message, code = world.refused(SAVE, {"input": {"name": "demo", "imageName": "image", "env": env}})
    assert code == "bad_request"
    assert "TOKEN" in message
    assert "sealed" in message


def test_templates_are_listed_and_found_by_id(world: GraphWorld) -> None:
    made = [world.template(name) for name in ("b", "a")]
    found = world.answer("{ myself { podTemplates { id name } } }")["myself"]["podTemplates"]
    assert [each["name"] for each in found] == ["a", "b"]
    query = "query ($id: String!) { podTemplate(id: $id) { name isRunpod createdAt } }"
    one = world.answer(query, {"id": made[0]["id"]})["podTemplate"]
    assert one == {"name": "b", "isRunpod": False, "createdAt": one["createdAt"]}
    assert one["createdAt"].endswith("Z")


def test_a_template_is_removed_by_its_name(world: GraphWorld) -> None:
    world.template("demo")
    assert world.answer('mutation { deleteTemplate(templateName: "demo") }') == {"deleteTemplate": None}
    assert world.answer("{ myself { podTemplates { id } } }") == {"myself": {"podTemplates": []}}
    assert world.refused('mutation { deleteTemplate(templateName: "demo") }')[1] == "not_found"


def test_a_template_in_use_stays_and_says_what_uses_it(world: GraphWorld) -> None:
    world.endpoint("busy", world.template("demo")["id"])
    message, code = world.refused('mutation { deleteTemplate(templateName: "demo") }')
    assert code == "conflict"
    assert "admin/busy" in message


def test_somebody_elses_template_looks_like_none(world: GraphWorld) -> None:
    made = world.template("demo")
    stranger = world.stranger("bob")
    query = "query ($id: String!) { podTemplate(id: $id) { name } }"
    hidden = world.refused(query, {"id": made["id"]}, token=stranger)
    assert hidden == tuple(text.replace("missing", made["id"]) for text in world.refused(query, {"id": "missing"}))
    change = {"input": {"id": made["id"], "name": "mine now"}}
    assert world.refused(SAVE, change, token=stranger)[1] == "not_found"
    assert world.refused('mutation { deleteTemplate(templateName: "demo") }', token=stranger)[1] == "not_found"
    assert world.answer("{ myself { podTemplates { id } } }", token=stranger) == {"myself": {"podTemplates": []}}


def test_a_key_without_the_scope_changes_nothing(world: GraphWorld) -> None:
    reader = world.token("admin", "read")
    message, code = world.refused(SAVE, {"input": {"name": "demo", "imageName": "image"}}, token=reader)
    assert code == "forbidden"
    assert "deploy" in message
