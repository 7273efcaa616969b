"""Endpoints: RunPod's settings become a policy and a version, and come back as they were asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.runpod_graph.world import ENDPOINT, GraphWorld
from trivet.platform.core.endpoints import EndpointReference, Version, VersionSettings
from trivet.platform.core.scaling import ScalingPolicy, ScalingRule

SAVE = "mutation ($input: EndpointInput!) { saveEndpoint(input: $input) " + ENDPOINT + " }"
LIST = "{ myself { endpoints { id name templateId version userId createdAt networkVolume { id } env { key value } } } }"


def current(world: GraphWorld, endpoint_id: str) -> Version:
    endpoint = world.endpoints.by_id(endpoint_id)
    assert endpoint is not None
    version = world.endpoints.current(endpoint, world.admin)
    assert version is not None
    return version


def policy(world: GraphWorld, endpoint_id: str) -> ScalingPolicy:
    endpoint = world.endpoints.by_id(endpoint_id)
    assert endpoint is not None
    return endpoint.scaling


def test_an_endpoint_comes_back_with_the_defaults_of_runpod(world: GraphWorld) -> None:
    template = world.template()
    made = world.endpoint("demo", template["id"])
    assert made == {
        "id": made["id"],
        "name": "demo",
        "fullName": "admin/demo",
        "templateId": template["id"],
        "gpuIds": "AMPERE_16",
        "networkVolumeId": None,
        "locations": None,
        "idleTimeout": 5,
        "scalerType": "QUEUE_DELAY",
        "scalerValue": 4,
        "workersMin": 0,
        "workersMax": 3,
        "allowedCudaVersions": None,
        "gpuCount": 1,
        "flashBootType": "OFF",
        "executionTimeoutMs": 600_000,
        "version": 1,
        "instanceIds": None,
        "type": "QB",
        "env": [],
    }


def test_inline_values_are_taken_as_the_package_writes_them(world: GraphWorld) -> None:
    template_id = world.template(env=[{"key": "A", "value": "1"}])["id"]
    query = f"""
    mutation {{
        saveEndpoint(
            input: {{
                flashBootType: FLASHBOOT, name: "demo", templateId: "{template_id}", gpuIds: "AMPERE_24,-NVIDIA L4",
                networkVolumeId: "", locations: "", idleTimeout: 7, scalerType: "REQUEST_COUNT", scalerValue: 2, workersMin: 1,
                workersMax: 2, allowedCudaVersions: "12.4,12.5", gpuCount: 2
            }}
        ) {ENDPOINT}
    }}
    """
    made = world.answer(query)["saveEndpoint"]
    expected: dict[str, Any] = {
        "gpuIds": "AMPERE_24,-NVIDIA L4",
        "networkVolumeId": None,
        "locations": None,
        "idleTimeout": 7,
        "scalerType": "REQUEST_COUNT",
        "scalerValue": 2,
        "workersMin": 1,
        "workersMax": 2,
        "allowedCudaVersions": "12.4,12.5",
        "gpuCount": 2,
        "flashBootType": "FLASHBOOT",
        "env": [{"key": "A", "value": "1"}],
    }
    assert {word: made[word] for word in expected} == expected
    assert policy(world, made["id"]) == ScalingPolicy(1, 2, 7.0, ScalingRule.REQUEST_COUNT, 2.0)


def test_what_is_made_is_an_endpoint_like_any_other(world: GraphWorld) -> None:
    made = world.endpoint("My first endpoint!", executionTimeoutMs=30_000)
    assert made["name"] == "My first endpoint!"
    _, version = world.endpoints.pick(world.admin, EndpointReference.parse(made["fullName"]))
    assert (version.number, version.host, version.settings.timeout) == ("1.0.0", "runpod", 30.0)
    assert made["executionTimeoutMs"] == 30_000


@pytest.mark.parametrize("written", ["REQUEST_COUNT", '"REQUEST_COUNT"'])
def test_the_kind_of_scaling_is_taken_quoted_and_bare(world: GraphWorld, written: str) -> None:
    template_id = world.template()["id"]
    query = (
        f'mutation {{ saveEndpoint(input: {{name: "demo", templateId: "{template_id}", scalerType: {written}}}) '
        "{ scalerType } }"
    )
    assert world.answer(query) == {"saveEndpoint": {"scalerType": "REQUEST_COUNT"}}


@pytest.mark.parametrize("name", ["demo -fb", "demo-fb"])
def test_older_packages_ask_for_flashboot_in_the_name(world: GraphWorld, name: str) -> None:
    made = world.endpoint(name)
    assert (made["name"], made["flashBootType"]) == (name, "FLASHBOOT")
    assert world.endpoint(name, made["templateId"], flashBootType="OFF")["flashBootType"] == "OFF"


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("idleTimeout", 0, "1 to 3600"),
        ("idleTimeout", 3601, "1 to 3600"),
        ("scalerValue", 0, "1 or more"),
        ("workersMin", -1, "0 or more"),
        ("workersMin", 4, "workersMax is 3"),
        ("gpuCount", 0, "gpuCount is 0"),
        ("gpuCount", 99_999, "gpuCount is 99999"),
        ("workersMax", -1, "less than workersMin"),
        ("workersMax", 1_000_000, "1000"),
        ("scalerType", "FASTER", "QUEUE_DELAY or REQUEST_COUNT"),
        ("scalerType", {"a": 1}, "QUEUE_DELAY or REQUEST_COUNT"),
        ("scalerType", ["QUEUE_DELAY"], "QUEUE_DELAY or REQUEST_COUNT"),
        ("flashBootType", "SLOW", "PRIORITY_FLASHBOOT"),
        ("flashBootType", ["OFF"], "PRIORITY_FLASHBOOT"),
        ("executionTimeoutMs", 4999, "5000 to 604800000"),
        ("executionTimeoutMs", 604_800_001, "5000 to 604800000"),
        ("gpuIds", "AMPERE_17", "AMPERE_16, AMPERE_24"),
        ("gpuIds", "-NVIDIA L4", "names no pool"),
        ("gpuIds", ",", "names no pool"),
        ("gpuIds", "AMPERE_16,-AMPERE_24x", "AMPERE_24x"),
        ("networkVolumeId", "vol1", "no network volumes"),
        ("networkVolumeIds", [{"networkVolumeId": "vol1"}], "no network volumes"),
        ("type", "LB", "type LB"),
        ("type", ["LB"], "type LB"),
        ("hubReleaseId", "hub1", "no hub"),
    ],
)
def test_what_can_not_be_is_refused_with_the_reason_and_nothing_is_made(
    world: GraphWorld, word: str, value: object, says: str
) -> None:
    asked = {"name": "demo", "templateId": world.template()["id"], word: value}
    message, code = world.refused(SAVE, {"input": asked})
    assert code == "bad_request"
    assert says in message
    assert world.endpoints.all() == []


@pytest.mark.parametrize("missing", ["name", "templateId"])
def test_an_endpoint_needs_a_name_and_a_template(world: GraphWorld, missing: str) -> None:
    message, code = world.refused(SAVE, {"input": {"name": "demo", "templateId": "x", missing: None}})
    assert (message.split()[0], code) == (missing, "bad_request")


def test_an_image_that_nobody_has_published_is_refused_when_the_endpoint_is_made(world: GraphWorld) -> None:
    template = world.template(image="runpod/base:0.4.4")
    message, code = world.refused(SAVE, {"input": {"name": "demo", "templateId": template["id"]}})
    assert code == "not_found"
    assert "runpod/base:0.4.4" in message
    assert "trivet deploy" in message


def test_a_change_resets_three_numbers_and_keeps_everything_else(world: GraphWorld) -> None:
    made = world.endpoint(
        "demo", workersMin=1, workersMax=5, idleTimeout=60, scalerType="REQUEST_COUNT", scalerValue=9, gpuIds="ADA_24",
        locations="EU", allowedCudaVersions="12.4", executionTimeoutMs=9000, flashBootType="FLASHBOOT",
    )  # fmt: skip
    changed = world.change(made["id"], locations="US")
    assert changed == {**made, "locations": "US", "workersMax": 3, "idleTimeout": 10, "scalerValue": 4}
    assert world.change(made["id"], name="other")["fullName"] == "admin/demo"


def test_a_change_that_only_scales_makes_no_new_version(world: GraphWorld) -> None:
    made = world.endpoint()
    assert world.change(made["id"], workersMax=9)["version"] == 1
    assert world.change(made["id"], executionTimeoutMs=9000)["version"] == 2
    assert world.change(made["id"], executionTimeoutMs=0)["executionTimeoutMs"] == 600_000


def test_an_endpoint_is_switched_off_with_no_workers_at_all(world: GraphWorld) -> None:
    made = world.endpoint()
    assert world.change(made["id"], workersMin=0, workersMax=0)["workersMax"] == 0
    assert policy(world, made["id"]).maximum == 0


def test_another_template_is_another_version(world: GraphWorld) -> None:
    world.image("repo/img:2")
    made = world.endpoint()
    other = world.template("other", "repo/img:2")
    given = f'templateId: "{other["id"]}", endpointId: "{made["id"]}"'
    found = world.answer(f"mutation {{ updateEndpointTemplate(input: {{{given}}}) {{ id templateId }} }}")[
        "updateEndpointTemplate"
    ]
    assert found == {"id": made["id"], "templateId": other["id"]}
    assert current(world, made["id"]).number == "1.1.0"
    assert world.change(made["id"], templateId=made["templateId"])["templateId"] == made["templateId"]


def test_a_template_can_be_made_on_the_way(world: GraphWorld) -> None:
    made = world.answer(
        SAVE, {"input": {"name": "demo", "template": {"imageName": "repo/img:1", "env": [{"key": "A", "value": "1"}]}}}
    )["saveEndpoint"]
    assert made["env"] == [{"key": "A", "value": "1"}]
    changed = world.change(made["id"], template={"env": [{"key": "A", "value": "2"}]})
    assert changed["templateId"] == made["templateId"]
    assert changed["env"] == [{"key": "A", "value": "2"}]
    query = "{ myself { endpoints { template { name imageName isServerless } } } }"
    assert world.answer(query)["myself"]["endpoints"] == [
        {"template": {"name": "demo", "imageName": "repo/img:1", "isServerless": True}}
    ]


@pytest.mark.parametrize("fault", [{"workersMax": -1}, {"template": {"imageName": "nobody/has:it"}}])
def test_a_template_made_on_the_way_to_a_failure_is_not_left_behind(world: GraphWorld, fault: dict[str, Any]) -> None:
    asked = {"name": "demo", "template": {"imageName": "repo/img:1"}, **fault}
    world.refused(SAVE, {"input": asked})
    assert world.answer("{ myself { podTemplates { id } } }") == {"myself": {"podTemplates": []}}


def test_a_template_that_was_there_survives_an_endpoint_that_fails(world: GraphWorld) -> None:
    template = world.template("demo", "nobody/has:it")
    world.refused(SAVE, {"input": {"name": "demo", "template": {"id": template["id"], "name": None}}})
    assert world.answer("{ myself { podTemplates { id } } }")["myself"]["podTemplates"] == [{"id": template["id"]}]


@pytest.mark.parametrize(
    "fault", [{"modelReferences": ["x" * 70_000]}, {"workersMax": -1}, {"template": {"imageName": "nobody/has:it"}}]
)
def test_a_change_that_is_refused_leaves_the_template_as_it_was(world: GraphWorld, fault: dict[str, Any]) -> None:
    made, (native, _) = world.endpoint(), world.offer("admin/plain", slots=0)
    templates = "{ myself { podTemplates { id imageName env { key value } } endpoints { id version templateId } } }"
    before = world.answer(templates)
    for endpoint_id in (made["id"], native.id):
        asked = {"id": endpoint_id, "template": {"imageName": "repo/img:1", "env": [{"key": "A", "value": "1"}]}}
        world.refused(SAVE, {"input": asked | fault})
    assert world.answer(templates) == before


def test_a_template_that_is_named_counts_before_one_on_the_way(world: GraphWorld) -> None:
    template = world.template()
    made = world.endpoint("demo", template["id"], template={"imageName": "nobody/has:it"})
    assert made["templateId"] == template["id"]
    assert world.change(made["id"], templateId=template["id"], template={"imageName": "x y"})["version"] == 1


def test_a_change_that_would_leave_fewer_workers_than_the_least_says_why(world: GraphWorld) -> None:
    made = world.endpoint(workersMin=4, workersMax=5)
    message, _ = world.refused(SAVE, {"input": {"id": made["id"], "idleTimeout": 9}})
    assert "it is 3" in message


def test_endpoints_are_listed_however_they_were_made(world: GraphWorld) -> None:
    native, _ = world.offer("admin/hello", slots=0)
    made = world.endpoint("demo")
    found = world.answer(LIST)["myself"]["endpoints"]
    assert [(each["id"], each["name"], each["version"]) for each in found] == [
        (made["id"], "demo", 1),
        (native.id, "hello", 1),
    ]
    assert found[0]["userId"] == world.admin.account_id
    assert found[0]["createdAt"].endswith("Z")
    assert found[1]["templateId"] is None


def test_an_endpoint_that_was_deployed_can_be_scaled_in_these_words(world: GraphWorld) -> None:
    native, before = world.offer("admin/hello", slots=0, settings=VersionSettings(gpu="A100", timeout=33.0))
    changed = world.change(native.id, workersMax=7)
    assert (changed["workersMax"], changed["executionTimeoutMs"], changed["gpuIds"]) == (7, 33_000, None)
    assert current(world, native.id).id == before.id


def test_an_endpoint_is_removed_without_switching_it_off_before(world: GraphWorld) -> None:
    made = world.endpoint(workersMin=1)
    text = "mutation ($id: String!) { deleteEndpoint(id: $id) }"
    assert world.answer(text, {"id": made["id"]}) == {"deleteEndpoint": None}
    assert world.refused(text, {"id": made["id"]})[1] == "not_found"


def test_somebody_elses_endpoint_looks_like_none(world: GraphWorld) -> None:
    made = world.endpoint()
    stranger = world.stranger("bob")
    ways = [
        "mutation ($id: String!) { saveEndpoint(input: {id: $id}) { id } }",
        "mutation ($id: String!) { deleteEndpoint(id: $id) }",
        'mutation ($id: String!) { updateEndpointTemplate(input: {endpointId: $id, templateId: "t"}) { id } }',
    ]
    for way in ways:
        hidden = world.refused(way, {"id": made["id"]}, token=stranger)
        missing = world.refused(way, {"id": "missing"}, token=stranger)
        assert hidden == (missing[0].replace("missing", made["id"]), "not_found")
    assert world.answer("{ myself { endpoints { id } } }", token=stranger) == {"myself": {"endpoints": []}}


def test_somebody_elses_template_makes_no_endpoint(world: GraphWorld) -> None:
    template = world.template()
    stranger = world.stranger("bob")
    asked = {"input": {"name": "demo", "templateId": template["id"]}}
    assert world.refused(SAVE, asked, token=stranger)[1] == "not_found"


def test_a_key_without_the_scope_changes_nothing(world: GraphWorld) -> None:
    made = world.endpoint()
    reader = world.token("admin", "read")
    assert world.refused(SAVE, {"input": {"id": made["id"], "workersMax": 9}}, token=reader)[1] == "forbidden"
    assert (
        world.answer("{ myself { endpoints { id env { key } } } }", token=reader)["myself"]["endpoints"][0]["env"] == []
    )
