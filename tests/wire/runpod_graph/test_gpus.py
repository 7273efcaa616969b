"""GPUs: what is really here, what is known, and what an endpoint gets."""

from __future__ import annotations

import pytest

from tests.wire.runpod_graph.world import GraphWorld
from trivet.platform.core.endpoints import Overrides
from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.runpod.graph.gpus import CATALOGUE, POOLS, check_gpu_ids, kinds_of, known

LIST = "query GpuTypes { gpuTypes { id displayName memoryInGb } }"
ONE = """
query ($id: String!, $n: Int!) {
  gpuTypes(input: {id: $id}) {
    maxGpuCount id displayName manufacturer memoryInGb cudaCores secureCloud communityCloud securePrice communityPrice
    oneMonthPrice threeMonthPrice oneWeekPrice communitySpotPrice secureSpotPrice
    lowestPrice(input: {gpuCount: $n}) { minimumBidPrice uninterruptablePrice stockStatus }
  }
}
"""


def test_the_list_holds_what_this_platform_has_and_nothing_else(world: GraphWorld) -> None:
    assert world.answer(LIST) == {"gpuTypes": []}
    world.install(NVIDIA_L4=2, Tesla_T4=1)
    assert world.answer(LIST)["gpuTypes"] == [
        {"id": "NVIDIA L4", "displayName": "L4", "memoryInGb": 24},
        {"id": "Tesla T4", "displayName": "T4", "memoryInGb": None},
    ]


def test_a_kind_that_is_known_is_described_whether_it_is_here_or_not(world: GraphWorld) -> None:
    row = world.answer(ONE, {"id": "NVIDIA A100 80GB PCIe", "n": 1})["gpuTypes"][0]
    assert row == {
        "maxGpuCount": 0,
        "id": "NVIDIA A100 80GB PCIe",
        "displayName": "A100 PCIe",
        "manufacturer": "Nvidia",
        "memoryInGb": 80,
        "cudaCores": 0,
        "secureCloud": False,
        "communityCloud": False,
        "securePrice": None,
        "communityPrice": None,
        "oneMonthPrice": None,
        "threeMonthPrice": None,
        "oneWeekPrice": None,
        "communitySpotPrice": None,
        "secureSpotPrice": None,
        "lowestPrice": {"minimumBidPrice": None, "uninterruptablePrice": None, "stockStatus": None},
    }
    world.install(NVIDIA_L4=2)
    row = world.answer(ONE, {"id": "NVIDIA L4", "n": 2})["gpuTypes"][0]
    assert (row["maxGpuCount"], row["secureCloud"], row["lowestPrice"]["stockStatus"]) == (2, True, "High")
    assert world.answer(ONE, {"id": "NVIDIA L4", "n": 3})["gpuTypes"][0]["lowestPrice"]["stockStatus"] is None


def test_an_unknown_id_gives_an_empty_list(world: GraphWorld) -> None:
    assert world.answer(ONE, {"id": "NVIDIA ABACUS", "n": 1}) == {"gpuTypes": []}


def test_memory_of_a_kind_that_is_here_but_not_in_the_catalogue_is_read_from_its_name() -> None:
    kind = known("NVIDIA A100-PCIE-40GB", ["NVIDIA A100-PCIE-40GB"])
    assert kind is not None
    assert (kind.name, kind.memory) == ("A100-PCIE-40GB", 40)
    assert known("NVIDIA A100-PCIE-40GB", []) is None


def test_the_catalogue_names_each_kind_once_and_every_pool_has_some() -> None:
    assert len({kind.id for kind in CATALOGUE}) == len(CATALOGUE) == 43
    assert len(POOLS) == 11


@pytest.mark.parametrize(
    ("gpu_ids", "installed", "wanted"),
    [
        ("AMPERE_16", [], None),
        ("", ["NVIDIA L4"], None),
        ("AMPERE_24", ["NVIDIA L4"], "NVIDIA L4"),
        ("ADA_24,AMPERE_24", ["NVIDIA L4", "NVIDIA GeForce RTX 4090"], "NVIDIA GeForce RTX 4090"),
        ("AMPERE_24, ADA_24", ["NVIDIA GeForce RTX 4090", "NVIDIA L4"], "NVIDIA L4"),
        ("AMPERE_24,-NVIDIA L4", ["NVIDIA L4", "NVIDIA RTX A5000"], "NVIDIA RTX A5000"),
        ("AMPERE_24,-NVIDIA L4", ["NVIDIA L4", "Tesla T4"], "any"),
        ("AMPERE_24,-NVIDIA L4", ["NVIDIA L4"], None),
        ("ADA_48_PRO,-NVIDIA L40", ["NVIDIA L40", "NVIDIA L40S"], "NVIDIA L40S"),
        ("AMPERE_16", ["Tesla T4"], "any"),
        ("NVIDIA L4", ["Tesla T4", "NVIDIA L4"], "NVIDIA L4"),
        ("Tesla T4", ["Tesla T4"], "Tesla T4"),
    ],
)
def test_an_endpoint_gets_what_is_in_its_pools_else_any_gpu(
    gpu_ids: str, installed: list[str], wanted: str | None
) -> None:
    assert not gpu_ids or check_gpu_ids(gpu_ids, installed) == gpu_ids
    assert Overrides(None, *kinds_of(gpu_ids)).gpu(dict.fromkeys(installed, 1)) == wanted


def test_pools_that_are_not_known_are_refused_with_those_that_are() -> None:
    with pytest.raises(BadRequest) as caught:
        check_gpu_ids("AMPERE_16,TURING_8", [])
    assert "TURING_8" in caught.value.detail
    assert all(pool in caught.value.hint for pool in POOLS)


def test_a_version_gets_the_gpu_that_is_here_and_runs_on_the_cpu_where_there_is_none(world: GraphWorld) -> None:
    def gpu(endpoint_id: str) -> str | None:
        endpoint = world.endpoints.by_id(endpoint_id)
        assert endpoint is not None
        version = world.endpoints.current(endpoint, world.admin)
        assert version is not None
        return version.settings.gpu

    template_id = world.template()["id"]
    saved = world.endpoint("early", template_id, gpuIds="AMPERE_24")
    assert gpu(saved["id"]) is None
    assert gpu(world.endpoint("cpu", template_id, instanceIds=["cpu3c-2-4"])["id"]) is None
    world.install(NVIDIA_L4=1)
    assert gpu(world.endpoint("pool", template_id, gpuIds="AMPERE_24")["id"]) == "NVIDIA L4"
    assert gpu(world.endpoint("other", template_id)["id"]) == "any"
    assert gpu(world.endpoint("cpu2", template_id, instanceIds=["cpu3c-2-4"])["id"]) is None
    world.change(saved["id"])
    assert gpu(saved["id"]) == "NVIDIA L4"


def test_an_endpoint_moves_between_cpu_and_gpu(world: GraphWorld) -> None:
    made = world.endpoint(gpuIds="ADA_24")
    moved = world.change(made["id"], instanceIds=["cpu3c-2-4"])
    assert (moved["gpuIds"], moved["instanceIds"]) == (None, ["cpu3c-2-4"])
    assert world.change(made["id"], workersMax=2)["gpuIds"] is None
    back = world.change(made["id"], gpuIds="ADA_24")
    assert (back["gpuIds"], back["instanceIds"]) == ("ADA_24", None)
