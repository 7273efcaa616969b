"""GraphQL operations as texts: pure functions. Values are written as literals, each with all its characters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trivet.runpod.error import InputError
from trivet.sdk._shapes import is_mapping, is_sequence

TEMPLATE = (
    "id name imageName dockerArgs containerDiskInGb volumeInGb volumeMountPath ports env { key value } isServerless"
)
ENDPOINT = (
    "id name templateId gpuIds networkVolumeId locations idleTimeout scalerType scalerValue workersMin workersMax "
    "allowedCudaVersions gpuCount flashBootType"
)
ENDPOINTS = (
    "aiKey gpuIds id idleTimeout name networkVolumeId locations scalerType scalerValue templateId type userId version "
    "workersMax workersMin workersStandby gpuCount env { key value } createdAt networkVolume { id dataCenterId }"
)
GPU = (
    "maxGpuCount id displayName manufacturer memoryInGb cudaCores secureCloud communityCloud securePrice communityPrice "
    "oneMonthPrice threeMonthPrice oneWeekPrice communitySpotPrice secureSpotPrice"
)
POD = (
    "id containerDiskInGb costPerHr desiredStatus dockerArgs dockerId env gpuCount imageName lastStatusChange machineId "
    "memoryInGb name podType port ports uptimeSeconds vcpuCount volumeInGb volumeMountPath "
    "runtime { ports { ip isIpPublic privatePort publicPort type } } machine { gpuDisplayName }"
)
NEW_POD = "id imageName env machineId machine { podHostId }"
USER = "id pubKey networkVolumes { id name size dataCenterId }"


class Bare(str):
    """A word of the schema's own, which stands without quotes."""

    __slots__ = ()


def query(name: str, selection: str, **arguments: Any) -> str:
    """An operation that asks."""
    return f"query {{ {_field(name, selection, arguments)} }}"


def mutation(name: str, selection: str, **arguments: Any) -> str:
    """An operation that changes something."""
    return f"mutation {{ {_field(name, selection, arguments)} }}"


def mine(selection: str) -> str:
    """What belongs to whoever asks."""
    return query("myself", selection)


def gpu(gpu_id: str, count: int) -> str:
    """One type of GPU, with what ``count`` of them cost at the least."""
    price = _field("lowestPrice", "minimumBidPrice uninterruptablePrice", {"input": {"gpuCount": count}})
    return query("gpuTypes", f"{GPU} {price}", input={"id": gpu_id})


def environment(variables: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Variables as the schema has them."""
    return [{"key": str(key), "value": str(value)} for key, value in (variables or {}).items()]


def without_spaces(ports: str | None) -> str:
    """Ports such as ``8888/http,666/tcp``."""
    return (ports or "").replace(" ", "")


def template(
    name: str,
    image_name: str,
    *,
    docker_start_cmd: str | None,
    container_disk_in_gb: int,
    volume_in_gb: int | None,
    volume_mount_path: str | None,
    ports: str | None,
    env: Mapping[str, Any] | None,
    is_serverless: bool,
    registry_auth_id: str | None,
) -> str:
    """Create a template."""
    wanted: dict[str, Any] = {
        "name": name,
        "imageName": image_name,
        "dockerArgs": docker_start_cmd or "",
        "containerDiskInGb": container_disk_in_gb,
        "volumeInGb": volume_in_gb or 0,
    }
    if volume_mount_path:
        wanted["volumeMountPath"] = volume_mount_path
    wanted |= {
        "ports": without_spaces(ports),
        "env": environment(env),
        "isServerless": bool(is_serverless),
        "containerRegistryAuthId": registry_auth_id or "",
        "startSsh": True,
        "isPublic": False,
        "readme": "",
    }
    return mutation("saveTemplate", TEMPLATE, input=wanted)


def endpoint(
    name: str,
    template_id: str,
    *,
    gpu_ids: str,
    network_volume_id: str | None,
    locations: str | None,
    idle_timeout: int,
    scaler_type: str,
    scaler_value: int,
    workers_min: int,
    workers_max: int,
    flashboot: bool,
    allowed_cuda_versions: str | Sequence[str] | None,
    gpu_count: int | None,
) -> str:
    """Create an endpoint."""
    wanted: dict[str, Any] = {"flashBootType": Bare("FLASHBOOT")} if flashboot else {}
    wanted |= {
        "name": name,
        "templateId": template_id,
        "gpuIds": gpu_ids,
        "networkVolumeId": network_volume_id or "",
        "locations": locations or "",
        "idleTimeout": idle_timeout,
        "scalerType": scaler_type,
        "scalerValue": scaler_value,
        "workersMin": workers_min,
        "workersMax": workers_max,
    }
    if allowed_cuda_versions:
        versions = allowed_cuda_versions if isinstance(allowed_cuda_versions, str) else ",".join(allowed_cuda_versions)
        wanted["allowedCudaVersions"] = versions
    if gpu_count is not None:
        wanted["gpuCount"] = gpu_count
    return mutation("saveEndpoint", ENDPOINT, input=wanted)


def pod(gpu_type_id: str | None, wanted: Mapping[str, Any]) -> str:
    """Create a pod: on the GPU that is named, or without any."""
    return mutation("deployCpuPod" if gpu_type_id is None else "podFindAndDeployOnDemand", NEW_POD, input=wanted)


def literal(value: Any) -> str:
    """A value as GraphQL writes it.

    Raises:
        InputError: it has no form for it.
    """
    if isinstance(value, Bare):
        return str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
        except ValueError as error:
            raise InputError(f"{value!r} can't be sent: {error}") from None
    if is_mapping(value):
        return f"{{ {', '.join(f'{key}: {literal(item)}' for key, item in value.items())} }}"
    if is_sequence(value):
        return f"[{', '.join(literal(item) for item in value)}]"
    raise InputError(f"{value!r} of type {type(value).__name__} can't be sent.", hint="Give text, a number or a list.")


def _field(name: str, selection: str, arguments: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key}: {literal(value)}" for key, value in arguments.items())
    return f"{name}{f'({given})' if given else ''}{f' {{ {selection} }}' if selection else ''}"
