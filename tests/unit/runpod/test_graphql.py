"""What is sent to GraphQL, and what it means to a real parser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse, value_from_ast_untyped

from tests.unit.runpod.conftest import BASE
from tests.unit.sdk.server import Exchange, Server
from trivet import runpod
from trivet.runpod._graphql import Bare, literal
from trivet.runpod.error import InputError


@pytest.fixture
def sent(here: Server) -> list[tuple[str, str, dict[str, Any]]]:
    """What was asked: the kind of operation, its field, its arguments; every answer has a bit of everything."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    def answer(exchange: Exchange) -> None:
        text = json.loads(exchange.body)
        assert list(text) == ["query"]
        operation = parse(text["query"]).definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        field = operation.selection_set.selections[0]
        assert isinstance(field, FieldNode)
        arguments = {argument.name.value: value_from_ast_untyped(argument.value) for argument in field.arguments or ()}
        found.append((operation.operation.value, field.name.value, arguments))
        row = {"id": "x", "networkVolumes": [{"id": "vol", "dataCenterId": "EU-1"}], "pods": [], "endpoints": []}
        exchange.json({"data": {field.name.value: [row] if field.name.value == "gpuTypes" else row}})

    here.on("POST", f"{BASE}/graphql", answer)
    return found


NASTY = 'a"b\\c\nd\te} ) { \u2028 é 😀'


@pytest.mark.parametrize("value", [NASTY, "", 1, 1.5, True, None, [], ["a", [1]], {"a": {"b": [NASTY]}}])
def test_a_literal_means_what_was_given(value: Any) -> None:
    operation = parse(f"{{ x(v: {literal(value)}) }}").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    field = operation.selection_set.selections[0]
    assert isinstance(field, FieldNode)
    assert value_from_ast_untyped((field.arguments or ())[0].value) == value


def test_a_word_of_the_schema_has_no_quotes() -> None:
    assert literal({"cloudType": Bare("ALL")}) == "{ cloudType: ALL }"


@pytest.mark.parametrize("value", [object(), float("inf"), {1}])
def test_what_graphql_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        literal(value)


def test_a_template_with_everything(sent: Any) -> None:
    runpod.create_template(
        NASTY, "image", docker_start_cmd="python -c 'print(\"x\")'\n", volume_in_gb=3, volume_mount_path="/v",
        ports="80/http, 22/tcp", env={"A": NASTY, "B": 1}, is_serverless=True, registry_auth_id="r",
    )  # fmt: skip
    assert sent == [
        (
            "mutation", "saveTemplate",
            {"input": {
                "name": NASTY, "imageName": "image", "dockerArgs": "python -c 'print(\"x\")'\n", "containerDiskInGb": 10,
                "volumeInGb": 3, "volumeMountPath": "/v", "ports": "80/http,22/tcp",
                "env": [{"key": "A", "value": NASTY}, {"key": "B", "value": "1"}], "isServerless": True,
                "containerRegistryAuthId": "r", "startSsh": True, "isPublic": False, "readme": "",
            }},
        )
    ]  # fmt: skip


def test_an_endpoint_by_its_defaults(sent: Any) -> None:
    runpod.create_endpoint("e", "t")
    assert sent[0][2]["input"] == {
        "name": "e", "templateId": "t", "gpuIds": "AMPERE_16", "networkVolumeId": "", "locations": "", "idleTimeout": 5,
        "scalerType": "QUEUE_DELAY", "scalerValue": 4, "workersMin": 0, "workersMax": 3, "gpuCount": 1,
    }  # fmt: skip


def test_an_endpoint_that_is_kept_ready(sent: Any) -> None:
    runpod.create_endpoint("e", "t", flashboot=True, allowed_cuda_versions="12.4,12.5", gpu_count=2)
    asked = sent[0][2]["input"]
    assert (asked["flashBootType"], asked["allowedCudaVersions"], asked["gpuCount"]) == ("FLASHBOOT", "12.4,12.5", 2)


def test_every_function_asks_for_what_it_says(sent: Any) -> None:
    runpod.get_user()
    runpod.get_gpus()
    runpod.get_gpu("g", 2)
    runpod.get_endpoints()
    runpod.get_pods()
    runpod.get_pod("p")
    runpod.update_user_settings("ssh-rsa\nx")
    runpod.update_endpoint_template("e", "t")
    runpod.create_container_registry_auth("n", "u", 'p"')
    runpod.update_container_registry_auth("r", "u", "p")
    runpod.delete_container_registry_auth("r")
    runpod.stop_pod("p")
    runpod.resume_pod("p", 2)
    runpod.terminate_pod("p")
    assert sent == [
        ("query", "myself", {}),
        ("query", "gpuTypes", {}),
        ("query", "gpuTypes", {"input": {"id": "g"}}),
        ("query", "myself", {}),
        ("query", "myself", {}),
        ("query", "pod", {"input": {"podId": "p"}}),
        ("mutation", "updateUserSettings", {"input": {"pubKey": "ssh-rsa\nx"}}),
        ("mutation", "updateEndpointTemplate", {"input": {"templateId": "t", "endpointId": "e"}}),
        ("mutation", "saveRegistryAuth", {"input": {"name": "n", "username": "u", "password": 'p"'}}),
        ("mutation", "updateRegistryAuth", {"input": {"id": "r", "username": "u", "password": "p"}}),
        ("mutation", "deleteRegistryAuth", {"registryAuthId": "r"}),
        ("mutation", "podStop", {"input": {"podId": "p"}}),
        ("mutation", "podResume", {"input": {"podId": "p", "gpuCount": 2}}),
        ("mutation", "podTerminate", {"input": {"podId": "p"}}),
    ]


def test_a_pod_with_a_gpu_is_where_its_volume_is(sent: Any) -> None:
    runpod.create_pod(
        "p", "image", "NVIDIA L4", network_volume_id="vol", env={"A": "b"}, allowed_cuda_versions=["12.4"]
    )
    assert [field for _, field, _ in sent] == ["gpuTypes", "myself", "podFindAndDeployOnDemand"]
    asked = sent[-1][2]["input"]
    assert asked["dataCenterId"] == "EU-1"
    assert (asked["cloudType"], asked["gpuTypeId"], asked["gpuCount"]) == ("ALL", "NVIDIA L4", 1)
    assert asked["env"] == [{"key": "A", "value": "b"}]
    assert asked["allowedCudaVersions"] == ["12.4"]
    assert asked["containerDiskInGb"] == 10


def test_a_pod_without_a_gpu(sent: Any) -> None:
    runpod.create_pod("p", "image", instance_id="cpu3c-2-4")
    assert [field for _, field, _ in sent] == ["deployCpuPod"]
    asked = sent[0][2]["input"]
    assert (asked["templateId"], asked["instanceId"], asked["dataCenterId"]) == ("runpod-ubuntu", "cpu3c-2-4", None)
    assert "gpuCount" not in asked


def test_a_pod_that_can_not_be_is_refused_before_anything_is_asked(sent: Any) -> None:
    for arguments in ({}, {"image_name": "i", "cloud_type": "MINE"}):
        with pytest.raises(ValueError, match="image|cloud_type"):
            runpod.create_pod("p", **arguments)  # type: ignore[arg-type]
    assert sent == []


def test_a_question_is_asked_again_and_a_change_is_not(here: Server) -> None:
    here.on("POST", f"{BASE}/graphql", Exchange.drop, lambda exchange: exchange.json({"data": {"gpuTypes": []}}))
    assert runpod.get_gpus() == []
    here.on("POST", f"{BASE}/graphql", Exchange.drop)
    with pytest.raises(ConnectionError):
        runpod.stop_pod("p")
    assert len(here.seen) == 3
