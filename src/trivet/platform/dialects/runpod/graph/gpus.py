"""GPUs: what RunPod's ids mean, which of them this platform has, and which one an endpoint asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.runpod.graph.call import Arguments, GraphCall

DEFAULT_GPU_IDS = "AMPERE_16"
"""What RunPod's package asks for where its user says nothing."""
_MOST_IDS = 100
_VENDORS = ("NVIDIA GeForce ", "NVIDIA ", "AMD Instinct ", "AMD ", "Tesla ")
_SIZE = re.compile(r"(\d{1,4}) ?GB", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GpuType:
    """A kind of GPU. ``memory`` in gigabytes, None where it is not known; ``pool`` is the group that it is asked for by."""

    id: str
    name: str
    memory: int | None
    pool: str | None = None

    @property
    def manufacturer(self) -> str:
        """Who made it."""
        return "AMD" if self.id.startswith("AMD") else "Nvidia"


CATALOGUE: tuple[GpuType, ...] = (
    GpuType("NVIDIA RTX A4000", "RTX A4000", 16, "AMPERE_16"),
    GpuType("NVIDIA RTX A4500", "RTX A4500", 20, "AMPERE_16"),
    GpuType("NVIDIA RTX 4000 Ada Generation", "RTX 4000 Ada", 20, "AMPERE_16"),
    GpuType("NVIDIA RTX 2000 Ada Generation", "RTX 2000 Ada", 16, "AMPERE_16"),
    GpuType("NVIDIA RTX A5000", "RTX A5000", 24, "AMPERE_24"),
    GpuType("NVIDIA L4", "L4", 24, "AMPERE_24"),
    GpuType("NVIDIA GeForce RTX 3090", "RTX 3090", 24, "AMPERE_24"),
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", 24, "ADA_24"),
    GpuType("NVIDIA GeForce RTX 5090", "RTX 5090", 32, "ADA_32_PRO"),
    GpuType("NVIDIA A40", "A40", 48, "AMPERE_48"),
    GpuType("NVIDIA RTX A6000", "RTX A6000", 48, "AMPERE_48"),
    GpuType("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", 48, "ADA_48_PRO"),
    GpuType("NVIDIA L40", "L40", 48, "ADA_48_PRO"),
    GpuType("NVIDIA L40S", "L40S", 48, "ADA_48_PRO"),
    GpuType("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, "AMPERE_80"),
    GpuType("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, "AMPERE_80"),
    GpuType("NVIDIA H100 PCIe", "H100 PCIe", 80, "ADA_80_PRO"),
    GpuType("NVIDIA H100 80GB HBM3", "H100 SXM", 80, "ADA_80_PRO"),
    GpuType("NVIDIA H100 NVL", "H100 NVL", 94, "ADA_80_PRO"),
    GpuType("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000", 96, "BLACKWELL_96"),
    GpuType("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000 WK", 96, "BLACKWELL_96"),
    GpuType("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "RTX PRO 6000 MaxQ", 96, "BLACKWELL_96"),
    GpuType("NVIDIA H200", "H200 SXM", 141, "HOPPER_141"),
    GpuType("NVIDIA B200", "B200", 180, "BLACKWELL_180"),
    GpuType("AMD Instinct MI300X OAM", "MI300X", 192),
    GpuType("NVIDIA A30", "A30", 24),
    GpuType("NVIDIA B300 SXM6 AC", "B300", 288),
    GpuType("NVIDIA GeForce RTX 3070", "RTX 3070", 8),
    GpuType("NVIDIA GeForce RTX 3080", "RTX 3080", 10),
    GpuType("NVIDIA GeForce RTX 3080 Ti", "RTX 3080 Ti", 12),
    GpuType("NVIDIA GeForce RTX 3090 Ti", "RTX 3090 Ti", 24),
    GpuType("NVIDIA GeForce RTX 4070 Ti", "RTX 4070 Ti", 12),
    GpuType("NVIDIA GeForce RTX 4080", "RTX 4080", 16),
    GpuType("NVIDIA GeForce RTX 4080 SUPER", "RTX 4080 SUPER", 16),
    GpuType("NVIDIA GeForce RTX 5080", "RTX 5080", 16),
    GpuType("NVIDIA H200 NVL", "H200 NVL", 143),
    GpuType("NVIDIA RTX 4000 SFF Ada Generation", "RTX 4000 Ada SFF", 20),
    GpuType("NVIDIA RTX 5000 Ada Generation", "RTX 5000 Ada", 32),
    GpuType("NVIDIA RTX A2000", "RTX A2000", 6),
    GpuType("NVIDIA RTX PRO 4500 Blackwell", "RTX PRO 4500", 32),
    GpuType("Tesla V100-PCIE-16GB", "V100", 16),
    GpuType("Tesla V100-SXM2-16GB", "V100 SXM2", 16),
    GpuType("Tesla V100-SXM2-32GB", "V100 SXM2 32GB", 32),
)
"""The kinds that RunPod's users name in their code, with or without a pool."""

_BY_ID = {kind.id: kind for kind in CATALOGUE}
POOLS: tuple[str, ...] = tuple(dict.fromkeys(kind.pool for kind in CATALOGUE if kind.pool is not None))
_POOLED = {pool: tuple(kind.id for kind in CATALOGUE if kind.pool == pool) for pool in POOLS}


def known(gpu_id: str, installed: Iterable[str]) -> GpuType | None:
    """The kind with an id: one of the catalogue, or one that this platform has beyond it; None for any other."""
    found = _BY_ID.get(gpu_id)
    if found is None and gpu_id in installed:
        size = _SIZE.search(gpu_id)
        return GpuType(gpu_id, _without_vendor(gpu_id), int(size[1]) if size is not None else None)
    return found


def check_gpu_ids(text: str, installed: Iterable[str]) -> str:
    """The text, where it keeps to the grammar: pools or kinds of GPU, separated by commas; ``-KIND`` leaves one out.

    Args:
        text: as it was given.
        installed: the kinds of GPU that this platform has.

    Raises:
        BadRequest: it names what there is not; says which pools there are.
    """
    items = _items(text)
    asked = [item for item in items if not item.startswith("-")]
    wrong = [item for item in items if item not in POOLS and known(item.removeprefix("-"), installed) is None]
    if wrong or not asked or len(items) > _MOST_IDS:
        what = f"{wrong[0][:80]!r} is no pool of GPUs" if wrong else "gpuIds names no pool of GPUs, or too many"
        raise BadRequest(
            f"{what}.",
            hint="gpuIds takes pools, separated by commas, and -TYPE to leave one kind out of them. "
            f"The pools are: {', '.join(POOLS)}.",
        )
    return text


def kinds_of(gpu_ids: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What an endpoint asks the platform for, in the core's words.

    Args:
        gpu_ids: keeps to the grammar; empty: no GPU.

    Returns:
        The kinds that it would like, in order, with pools written out; and those that it must not get.
    """
    items = _items(gpu_ids)
    left_out = tuple(item[1:] for item in items if item.startswith("-"))
    liked = (kind for item in items if not item.startswith("-") for kind in _POOLED.get(item, (item,)))
    return tuple(dict.fromkeys(liked)), left_out


async def gpu_types(call: GraphCall, arguments: Arguments) -> list[dict[str, Any]]:
    """Resolves ``gpuTypes``: what is here; with ids, what is known of these. Unknown ones are left out."""
    installed = call.services.workers.capabilities.gpus
    wanted = arguments.get("input") or {}
    ids = list(wanted.get("ids") or ()) + ([wanted["id"]] if wanted.get("id") else [])
    kinds = [known(gpu_id, installed) for gpu_id in (ids or installed)]
    return [_row(kind, installed.get(kind.id, 0)) for kind in kinds if kind is not None]


def _row(kind: GpuType, here: int) -> dict[str, Any]:
    # what costs nothing has no price: everything that is missing here is null on the wire
    return {
        "id": kind.id,
        "displayName": kind.name,
        "manufacturer": kind.manufacturer,
        "memoryInGb": kind.memory,
        "maxGpuCount": here,
        "maxGpuCountSecureCloud": here,
        "maxGpuCountCommunityCloud": 0,
        "cudaCores": 0,
        "secureCloud": here > 0,
        "communityCloud": False,
        "lowestPrice": lambda _info, **arguments: _lowest_price(kind, here, arguments),
    }


def _lowest_price(kind: GpuType, here: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    wanted = (arguments.get("input") or {}).get("gpuCount") or 1
    return {"gpuTypeId": kind.id, "stockStatus": "High" if here >= wanted else None}


def _items(gpu_ids: str) -> list[str]:
    return [item.strip() for item in gpu_ids.split(",") if item.strip()]


def _without_vendor(name: str) -> str:
    for vendor in _VENDORS:
        if name.startswith(vendor):
            return name.removeprefix(vendor)
    return name
