"""Endpoints, templates, pods, GPUs and the account: one function for each operation.

All of them raise the same errors: `AuthenticationError` where there is no key, or one that does not count; `QueryError` where
the server refuses, with the text of the query; `RunPodError` where no good answer came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trivet.runpod import _graphql, _settings
from trivet.runpod._sync.calls import connected
from trivet.runpod.error import InputError

__all__ = [
    "create_container_registry_auth",
    "create_endpoint",
    "create_pod",
    "create_template",
    "delete_container_registry_auth",
    "get_endpoints",
    "get_gpu",
    "get_gpus",
    "get_pod",
    "get_pods",
    "get_user",
    "resume_pod",
    "stop_pod",
    "terminate_pod",
    "update_container_registry_auth",
    "update_endpoint_template",
    "update_user_settings",
]

_CLOUDS = ("ALL", "COMMUNITY", "SECURE")
_DISK = 10
"""GB of a pod's disk where nobody says otherwise."""
_TEMPLATE_WITHOUT_GPU = "runpod-ubuntu"


def get_user(api_key: str | None = None) -> dict[str, Any]:
    """Who the key belongs to: ``id``, ``pubKey``, ``networkVolumes``.

    Args:
        api_key: the key; the module's ``api_key`` where it is not given.
    """
    return _object(_graphql.mine(_graphql.USER), "myself", api_key=api_key)


def update_user_settings(pubkey: str, api_key: str | None = None) -> dict[str, Any]:
    """Sets the account's public SSH key.

    Args:
        pubkey: the public key.
        api_key: the key; the module's ``api_key`` where it is not given.
    """
    query = _graphql.mutation("updateUserSettings", "id pubKey", input={"pubKey": pubkey})
    return _object(query, "updateUserSettings", api_key=api_key)


def get_gpus(api_key: str | None = None) -> list[dict[str, Any]]:
    """All types of GPU: ``id``, ``displayName``, ``memoryInGb``.

    Args:
        api_key: the key; the module's ``api_key`` where it is not given.
    """
    return _rows(_graphql.query("gpuTypes", "id displayName memoryInGb"), "gpuTypes", api_key=api_key)


def get_gpu(gpu_id: str, gpu_quantity: int = 1, api_key: str | None = None) -> dict[str, Any]:
    """One type of GPU, with its prices.

    Args:
        gpu_id: its id.
        gpu_quantity: for how many the lowest price is wanted.
        api_key: the key; the module's ``api_key`` where it is not given.

    Raises:
        InputError: there is none by this id (it is a ValueError, too).
    """
    found = _rows(_graphql.gpu(gpu_id, gpu_quantity), "gpuTypes", api_key=api_key)
    if not found:
        raise InputError(f"There is no GPU with the id {gpu_id!r}.", hint="`get_gpus()` lists them all.")
    return found[0]


def get_endpoints() -> list[dict[str, Any]]:
    """All endpoints of the account."""
    return _rows(_graphql.mine(f"endpoints {{ {_graphql.ENDPOINTS} }}"), "myself", "endpoints")


def create_endpoint(  # noqa: PLR0917 - as the original takes them
    name: str,
    template_id: str,
    gpu_ids: str = "AMPERE_16",
    network_volume_id: str | None = None,
    locations: str | None = None,
    idle_timeout: int = 5,
    scaler_type: str = "QUEUE_DELAY",
    scaler_value: int = 4,
    workers_min: int = 0,
    workers_max: int = 3,
    flashboot: bool = False,
    allowed_cuda_versions: str | None = None,
    gpu_count: int = 1,
) -> dict[str, Any]:
    """Creates an endpoint.

    Args:
        name: its name.
        template_id: what its workers are made from.
        gpu_ids: pools of GPUs, by commas, the best first.
        network_volume_id: the volume that its workers find.
        locations: where they may run.
        idle_timeout: seconds without a job after which a worker ends.
        scaler_type: ``QUEUE_DELAY`` or ``REQUEST_COUNT``.
        scaler_value: seconds in the queue, or jobs for each worker.
        workers_min: how many there are always.
        workers_max: how many there are at most.
        flashboot: whether workers are kept ready to be revived.
        allowed_cuda_versions: by commas.
        gpu_count: GPUs for each worker.
    """
    query = _graphql.endpoint(
        name,
        template_id,
        gpu_ids=gpu_ids,
        network_volume_id=network_volume_id,
        locations=locations,
        idle_timeout=idle_timeout,
        scaler_type=scaler_type,
        scaler_value=scaler_value,
        workers_min=workers_min,
        workers_max=workers_max,
        flashboot=flashboot,
        allowed_cuda_versions=allowed_cuda_versions,
        gpu_count=gpu_count,
    )
    return _object(query, "saveEndpoint")


def update_endpoint_template(endpoint_id: str, template_id: str) -> dict[str, Any]:
    """Gives an endpoint another template.

    Args:
        endpoint_id: the endpoint.
        template_id: the template.
    """
    wanted = {"templateId": template_id, "endpointId": endpoint_id}
    return _object(_graphql.mutation("updateEndpointTemplate", "id templateId", input=wanted), "updateEndpointTemplate")


def create_template(  # noqa: PLR0917 - as the original takes them
    name: str,
    image_name: str,
    docker_start_cmd: str | None = None,
    container_disk_in_gb: int = 10,
    volume_in_gb: int | None = None,
    volume_mount_path: str | None = None,
    ports: str | None = None,
    env: Mapping[str, Any] | None = None,
    is_serverless: bool = False,
    registry_auth_id: str | None = None,
) -> dict[str, Any]:
    """Creates a template.

    Args:
        name: its name.
        image_name: the image of its containers.
        docker_start_cmd: what a container is started with.
        container_disk_in_gb: the size of a container's disk, in GB.
        volume_in_gb: the size of its volume, in GB.
        volume_mount_path: where it finds the volume.
        ports: such as ``8888/http,666/tcp``.
        env: its variables.
        is_serverless: whether it is for endpoints.
        registry_auth_id: who the image's registry knows us as.
    """
    query = _graphql.template(
        name,
        image_name,
        docker_start_cmd=docker_start_cmd,
        container_disk_in_gb=container_disk_in_gb,
        volume_in_gb=volume_in_gb,
        volume_mount_path=volume_mount_path,
        ports=ports,
        env=env,
        is_serverless=is_serverless,
        registry_auth_id=registry_auth_id,
    )
    return _object(query, "saveTemplate")


def create_container_registry_auth(name: str, username: str, password: str) -> dict[str, Any]:
    """Keeps what a registry of images knows us by.

    Args:
        name: what it is called here.
        username: the name there.
        password: the password there.
    """
    wanted = {"name": name, "username": username, "password": password}
    return _object(_graphql.mutation("saveRegistryAuth", "id name", input=wanted), "saveRegistryAuth")


def update_container_registry_auth(registry_auth_id: str, username: str, password: str) -> dict[str, Any]:
    """Replaces the name and the password for a registry of images.

    Args:
        registry_auth_id: what is replaced.
        username: the name there.
        password: the password there.
    """
    wanted = {"id": registry_auth_id, "username": username, "password": password}
    return _object(_graphql.mutation("updateRegistryAuth", "id name", input=wanted), "updateRegistryAuth")


def delete_container_registry_auth(registry_auth_id: str) -> Any:
    """Forgets what a registry of images knows us by.

    Args:
        registry_auth_id: what is forgotten.
    """
    query = _graphql.mutation("deleteRegistryAuth", "", registryAuthId=registry_auth_id)
    return _ask(query, "deleteRegistryAuth")


def get_pods(api_key: str | None = None) -> list[dict[str, Any]]:
    """All pods of the account.

    Args:
        api_key: the key; the module's ``api_key`` where it is not given.
    """
    return _rows(_graphql.mine(f"pods {{ {_graphql.POD} }}"), "myself", "pods", api_key=api_key)


def get_pod(pod_id: str, api_key: str | None = None) -> dict[str, Any] | None:
    """One pod; None where there is none by this id.

    Args:
        pod_id: its id.
        api_key: the key; the module's ``api_key`` where it is not given.
    """
    found: dict[str, Any] | None = _ask(
        _graphql.query("pod", _graphql.POD, input={"podId": pod_id}), "pod", api_key=api_key
    )
    return found


def create_pod(  # noqa: PLR0917 - as the original takes them
    name: str,
    image_name: str | None = "",
    gpu_type_id: str | None = None,
    cloud_type: str = "ALL",
    support_public_ip: bool = True,
    start_ssh: bool = True,
    data_center_id: str | None = None,
    country_code: str | None = None,
    gpu_count: int = 1,
    volume_in_gb: int = 0,
    container_disk_in_gb: int | None = None,
    min_vcpu_count: int = 1,
    min_memory_in_gb: int = 1,
    docker_args: str = "",
    ports: str | None = None,
    volume_mount_path: str = "/runpod-volume",
    env: Mapping[str, Any] | None = None,
    template_id: str | None = None,
    network_volume_id: str | None = None,
    allowed_cuda_versions: Sequence[str] | None = None,
    min_download: int | None = None,
    min_upload: int | None = None,
    instance_id: str | None = None,
) -> dict[str, Any]:
    """Creates a pod.

    Args:
        name: its name.
        image_name: its image.
        gpu_type_id: the type of its GPU; None for a pod without one.
        cloud_type: ``ALL``, ``COMMUNITY`` or ``SECURE``.
        support_public_ip: whether it is to have an address of its own.
        start_ssh: whether it can be logged into.
        data_center_id: where; where a volume is given, the volume's own place.
        country_code: in which country.
        gpu_count: how many GPUs.
        volume_in_gb: the size of its volume, in GB.
        container_disk_in_gb: the size of its disk, in GB.
        min_vcpu_count: the least number of processors.
        min_memory_in_gb: the least memory, in GB.
        docker_args: what its container is started with.
        ports: such as ``8888/http,666/tcp``.
        volume_mount_path: where it finds the volume.
        env: its variables.
        template_id: a template to make it from.
        network_volume_id: a volume to find there.
        allowed_cuda_versions: which versions will do.
        min_download: the least speed down, in Mbit/s.
        min_upload: the least speed up, in Mbit/s.
        instance_id: the kind of machine, where there is no GPU.

    Raises:
        InputError: there is neither an image nor a template, no such cloud, or no such GPU (it is a ValueError, too).
    """
    if not image_name and not template_id:
        raise InputError("A pod needs an image or a template.", hint="Give `image_name` or `template_id`.")
    if cloud_type not in _CLOUDS:
        raise InputError(f"cloud_type {cloud_type!r} is none of {', '.join(_CLOUDS)}.")
    has_gpu = gpu_type_id is not None
    if gpu_type_id is not None:
        get_gpu(gpu_type_id)
    wanted: dict[str, Any] = {"name": name, "imageName": image_name or "", "cloudType": _graphql.Bare(cloud_type)}
    if start_ssh:
        wanted["startSsh"] = True
    if has_gpu:
        wanted |= {
            "gpuTypeId": gpu_type_id,
            "supportPublicIp": bool(support_public_ip),
            "gpuCount": gpu_count,
            "volumeInGb": volume_in_gb,
            "minVcpuCount": min_vcpu_count,
            "minMemoryInGb": min_memory_in_gb,
        }
        if allowed_cuda_versions is not None:
            wanted["allowedCudaVersions"] = list(allowed_cuda_versions)
    if network_volume_id and data_center_id is None:
        data_center_id = _place_of(network_volume_id)
    if container_disk_in_gb is None and template_id is None:
        container_disk_in_gb = _DISK
    optional = {
        "instanceId": None if has_gpu else instance_id,
        "countryCode": country_code,
        "containerDiskInGb": container_disk_in_gb,
        "ports": _graphql.without_spaces(ports) or None,
        "volumeMountPath": volume_mount_path,
        "env": _graphql.environment(env) or None,
        "templateId": template_id or (None if has_gpu else _TEMPLATE_WITHOUT_GPU),
        "networkVolumeId": network_volume_id,
        "minDownload": min_download,
        "minUpload": min_upload,
    }
    wanted["dataCenterId"] = data_center_id
    wanted["dockerArgs"] = docker_args
    wanted |= {key: value for key, value in optional.items() if value is not None}
    return _object(_graphql.pod(gpu_type_id, wanted), "podFindAndDeployOnDemand" if has_gpu else "deployCpuPod")


def stop_pod(pod_id: str) -> dict[str, Any]:
    """Stops a pod.

    Args:
        pod_id: its id.
    """
    return _object(_graphql.mutation("podStop", "id desiredStatus", input={"podId": pod_id}), "podStop")


def resume_pod(pod_id: str, gpu_count: int) -> dict[str, Any]:
    """Starts a pod again that was stopped.

    Args:
        pod_id: its id.
        gpu_count: with how many GPUs.
    """
    selection = f"id desiredStatus {_graphql.NEW_POD.removeprefix('id ')}"
    return _object(
        _graphql.mutation("podResume", selection, input={"podId": pod_id, "gpuCount": gpu_count}), "podResume"
    )


def terminate_pod(pod_id: str) -> None:
    """Ends a pod for good.

    Args:
        pod_id: its id.
    """
    _ask(_graphql.mutation("podTerminate", "", input={"podId": pod_id}), "podTerminate")


def _place_of(network_volume_id: str) -> str | None:
    volumes: list[dict[str, Any]] = get_user().get("networkVolumes") or []
    return next((volume.get("dataCenterId") for volume in volumes if volume.get("id") == network_volume_id), None)


def _object(query: str, *path: str, api_key: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = _ask(query, *path, api_key=api_key)
    return found


def _rows(query: str, *path: str, api_key: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _ask(query, *path, api_key=api_key)
    return found


def _ask(query: str, *path: str, api_key: str | None = None) -> Any:
    key = _settings.current_key(api_key)
    return connected(_settings.graphql_url(), key).graphql(query, *path)
