"""Programs that manage endpoints through the published `runpod` package, unmodified: all of it that speaks GraphQL."""

from __future__ import annotations

import itertools
import json
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import LATEST, VERSIONS, Original, original_python, pointing
from trivet.sdk.models import Scaling

IMAGE = "management/greeter:1"
GREETER = """
import os
import trivet

@trivet.endpoint(workers=(0, 1))
def greet(name: str) -> str:
    return os.environ.get("GREETING", "Hello") + " " + name
"""
PREAMBLE = """
import json, os, sys
import runpod
from runpod.error import AuthenticationError, QueryError
runpod.api_key = os.environ["RUNPOD_API_KEY"]

def refused(call, *args, **more):
    try:
        call(*args, **more)
    except QueryError as error:
        return {"message": str(error), "query": error.query}
    raise SystemExit(f"{call} was not refused")
"""

_numbers = itertools.count()


def program(body: str) -> str:
    return f"{PREAMBLE}\n{textwrap.dedent(body)}"


def fresh(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{next(_numbers)}"


@pytest.fixture(scope="module")
def players(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Original]]:
    """Gives each version of the package, pointed at the shared platform; started when it is first asked for."""
    running: dict[str, Original] = {}

    def player(version: str) -> Original:
        if version not in running:
            folder = tmp_path_factory.mktemp("original")
            running[version] = Original(original_python(version), folder, pointing(platform.url, platform.key))
        return running[version]

    yield player
    for each in running.values():
        each.close()


@pytest.fixture(params=VERSIONS)
def each(request: pytest.FixtureRequest, players: Callable[[str], Original]) -> Original:
    """Every version of the package, one after the other."""
    return players(request.param)


@pytest.fixture
def latest(players: Callable[[str], Original]) -> Original:
    """The newest version of the package."""
    return players(LATEST)


@pytest.fixture(scope="module")
def image(platform: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image that greets."""
    folder = tmp_path_factory.mktemp("greeter")
    (folder / "main.py").write_text(GREETER)
    done = platform.trivet("deploy", str(folder), "--image", IMAGE)
    assert done.returncode == 0, done.stderr
    return IMAGE


def test_a_template_and_an_endpoint_of_it_are_made_called_and_listed(each: Original, image: str) -> None:
    name = fresh("greeter")
    body = f"""
    template = runpod.create_template({name!r}, {image!r}, env={{"GREETING": "Good day"}}, is_serverless=True)
    made = runpod.create_endpoint({name!r}, template["id"], workers_max=1)
    output = runpod.Endpoint(made["id"]).run_sync({{"name": "Bond"}})
    print(json.dumps([template, made, output, runpod.get_endpoints()]))
    """
    template, made, output, listed = each.answer(program(body))
    assert output == "Good day Bond"
    assert template == {
        "id": template["id"],
        "name": name,
        "imageName": image,
        "dockerArgs": "",
        "containerDiskInGb": 10,
        "volumeInGb": 0,
        "volumeMountPath": "/workspace",
        "ports": None,
        "env": [{"key": "GREETING", "value": "Good day"}],
        "isServerless": True,
    }
    expected: dict[str, Any] = {
        "name": name,
        "templateId": template["id"],
        "gpuIds": "AMPERE_16",
        "networkVolumeId": None,
        "locations": None,
        "idleTimeout": 5,
        "scalerType": "QUEUE_DELAY",
        "scalerValue": 4,
        "workersMin": 0,
        "workersMax": 1,
        "gpuCount": 1,
    }
    assert {word: made[word] for word in expected} == expected
    row = next(each for each in listed if each["id"] == made["id"])
    assert {word: row[word] for word in expected} == expected
    assert row["type"] == "QB"
    assert row["env"] == template["env"]


def test_what_is_managed_in_runpods_words_is_an_endpoint_like_any_other(
    latest: Original, image: str, client: trivet.Client
) -> None:
    name = fresh("shared")
    body = f"""
    template = runpod.create_template({name!r}, {image!r})
    made = runpod.create_endpoint({name!r}, template["id"], scaler_type="REQUEST_COUNT", scaler_value=2, idle_timeout=9)
    print(json.dumps(made["id"]))
    """
    endpoint = client.endpoints.get(latest.answer(program(body)))
    assert endpoint.name == f"admin/{name}"
    assert endpoint.scaling == Scaling(min=0, max=3, idle_timeout=9.0, policy="request_count", target=2.0)
    assert client.endpoint(f"admin/{name}").run({"name": "Moneypenny"}) == "Hello Moneypenny"


def test_a_change_of_the_template_reaches_the_workers(latest: Original, image: str) -> None:
    first, second = fresh("first"), fresh("second")
    body = f"""
    first = runpod.create_template({first!r}, {image!r}, env={{"GREETING": "One"}})
    second = runpod.create_template({second!r}, {image!r}, env={{"GREETING": "Two"}})
    made = runpod.create_endpoint({first!r}, first["id"], workers_max=1)
    endpoint = runpod.Endpoint(made["id"])
    outputs = [endpoint.run_sync({{"name": "x"}})]
    changed = runpod.update_endpoint_template(made["id"], second["id"])
    outputs.append(endpoint.run_sync({{"name": "x"}}))
    print(json.dumps([outputs, changed == {{"id": made["id"], "templateId": second["id"]}}]))
    """
    assert latest.answer(program(body)) == [["One x", "Two x"], True]


def test_flashboot_and_gpus_come_back_as_they_were_asked(each: Original, image: str) -> None:
    name = fresh("flash")
    body = f"""
    template = runpod.create_template({name!r}, {image!r})
    gpus = "AMPERE_24,-NVIDIA L4"
    made = runpod.create_endpoint({name!r}, template["id"], gpu_ids=gpus, flashboot=True, allowed_cuda_versions="12.4")
    print(json.dumps(made))
    """
    made = each.answer(program(body))
    assert made["name"] in (name, f"{name}-fb")
    assert (made["gpuIds"], made["allowedCudaVersions"]) == ("AMPERE_24,-NVIDIA L4", "12.4")
    assert made.get("flashBootType", "FLASHBOOT") == "FLASHBOOT"


def test_everything_else_that_the_package_can_ask_is_answered(each: Original) -> None:
    name = fresh("login")
    body = f"""
    user = runpod.get_user()
    changed = runpod.update_user_settings("ssh-ed25519 AAAA\\nssh-rsa BBBB")
    login = runpod.create_container_registry_auth({name!r}, "ann", "pass word")
    again = runpod.update_container_registry_auth(login["id"], "bob", "other")
    removed = runpod.delete_container_registry_auth(login["id"])
    print(json.dumps([user, changed, runpod.get_user(), login, again, removed, runpod.get_pods()]))
    """
    user, changed, after, login, again, removed, pods = each.answer(program(body))
    assert set(user) == {"id", "pubKey", "networkVolumes"}
    assert changed == {"id": user["id"], "pubKey": "ssh-ed25519 AAAA\nssh-rsa BBBB"}
    assert after == {**changed, "networkVolumes": []}
    assert login == again == {"id": login["id"], "name": name}
    assert removed is None
    assert pods == []


def test_the_gpus_are_those_of_the_machine_and_known_kinds_are_described(each: Original) -> None:
    body = """
    try:
        runpod.get_gpu("NVIDIA ABACUS")
    except ValueError as error:
        unknown = str(error)
    print(json.dumps([runpod.get_gpus(), runpod.get_gpu("NVIDIA A100 80GB PCIe", 2), unknown]))
    """
    here, known, unknown = each.answer(program(body))
    assert all(set(row) == {"id", "displayName", "memoryInGb"} for row in here)
    assert (known["id"], known["memoryInGb"], known["lowestPrice"]["uninterruptablePrice"]) == (
        "NVIDIA A100 80GB PCIe", 80, None,
    )  # fmt: skip
    assert "No GPU found" in unknown


def test_every_operation_on_pods_says_what_this_platform_is_not(each: Original) -> None:
    body = """
    said = [
        refused(runpod.get_pod, "p1"),
        refused(runpod.create_pod, "demo", "an/image", "NVIDIA L4", env={"A": "b"}, ports="8888/http, 22/tcp"),
        refused(runpod.create_pod, "demo", "an/image"),
        refused(runpod.stop_pod, "p1"),
        refused(runpod.resume_pod, "p1", 1),
        refused(runpod.terminate_pod, "p1"),
    ]
    print(json.dumps([each["message"] for each in said]))
    """
    assert all("no pods here" in message for message in each.answer(program(body)))


def test_what_is_refused_is_a_query_error_with_the_reason_and_the_query(latest: Original, image: str) -> None:
    name = fresh("taken")
    body = f"""
    template = runpod.create_template({name!r}, {image!r})
    unknown = runpod.create_template({name + "-2"!r}, "runpod/base:0.4.4")
    said = {{
        "name": refused(runpod.create_template, {name!r}, {image!r}),
        "image": refused(runpod.create_endpoint, {name!r}, unknown["id"]),
        "template": refused(runpod.create_endpoint, {name!r}, "missing"),
        "idle": refused(runpod.create_endpoint, {name!r}, template["id"], idle_timeout=0),
        "pool": refused(runpod.create_endpoint, {name!r}, template["id"], gpu_ids="AMPERE_17"),
        "volume": refused(runpod.create_endpoint, {name!r}, template["id"], network_volume_id="v1"),
        "quote": refused(runpod.create_template, 'say "hi"', {image!r}),
        "backslash": refused(runpod.create_template, "C:\\\\dir", {image!r}),
        "endpoint": refused(runpod.update_endpoint_template, "missing", template["id"]),
    }}
    print(json.dumps([said, runpod.get_endpoints()]))
    """
    said, listed = latest.answer(program(body))
    assert name in said["name"]["message"]
    assert "saveTemplate" in said["name"]["query"]
    assert "trivet deploy" in said["image"]["message"]
    assert "missing" in said["template"]["message"]
    assert "1 to 3600" in said["idle"]["message"]
    assert "AMPERE_16" in said["pool"]["message"]
    assert "no network volumes" in said["volume"]["message"]
    assert said["quote"]["message"].startswith("Syntax Error")
    assert said["backslash"]["message"].startswith("Syntax Error")
    assert "missing" in said["endpoint"]["message"]
    assert name not in {row["name"] for row in listed}


def test_a_start_command_of_two_lines_is_taken(latest: Original) -> None:
    body = f"""
    made = runpod.create_template({fresh("lines")!r}, "an/image", docker_start_cmd='sh -c "one\\ntwo"')
    print(json.dumps(made["dockerArgs"]))
    """
    assert latest.answer(program(body)) == 'sh -c "one\ntwo"'


def test_a_key_that_does_not_count_is_an_authentication_error(each: Original) -> None:
    body = """
    runpod.api_key = "wrong"
    try:
        runpod.get_endpoints()
    except AuthenticationError as error:
        print(json.dumps(str(error)))
    """
    assert "check your API key" in each.answer(program(body))


def test_older_clients_send_the_key_in_the_url_and_it_is_in_no_log(platform: RunningPlatform) -> None:
    document = {
        "query": "query ($id: String) { myself { id } gpuTypes(input: {id: $id}) { id } }",
        "variables": {"id": "x"},
    }
    request = urllib.request.Request(
        f"{platform.url}/runpod/graphql?api_key={platform.key}",
        data=json.dumps(document).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["data"]["gpuTypes"] == []
    # the platform shows a first key once, when it makes it
    assert platform.log.count(platform.key) <= 1
