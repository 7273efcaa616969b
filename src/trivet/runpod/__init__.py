"""RunPod's Python package, in Trivet's hands: change the import, and nothing else::

    import trivet.runpod as runpod

    runpod.api_key = os.getenv("RUNPOD_API_KEY")
    endpoint = runpod.Endpoint("YOUR_ENDPOINT_ID")
    print(endpoint.run_sync({"prompt": "Hello, world!"}, timeout=60))

This module is a shop window: every name in it is imported when it is first used.

Attributes:
    api_key: the key to call with; from the profile in ``~/.runpod/config.toml`` until a program sets it, or None.
    endpoint_url_base: where endpoints are; from RUNPOD_ENDPOINT_BASE_URL until a program sets it.
    profile: the profile in that file.
    SSH_KEY_PATH: where SSH keys are kept.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers know this name; importing it from `typing` would cost more than this whole module
if TYPE_CHECKING:
    from trivet.runpod import api as api  # modules are attributes, too, if none of the names in __all__
    from trivet.runpod import credentials as credentials
    from trivet.runpod import endpoint as endpoint
    from trivet.runpod import error, serverless, version
    from trivet.runpod.api.ctl_commands import (
        create_container_registry_auth,
        create_endpoint,
        create_pod,
        create_template,
        delete_container_registry_auth,
        get_endpoints,
        get_gpu,
        get_gpus,
        get_pod,
        get_pods,
        get_user,
        resume_pod,
        stop_pod,
        terminate_pod,
        update_container_registry_auth,
        update_endpoint_template,
        update_user_settings,
    )
    from trivet.runpod.credentials import check_credentials, get_credentials, set_credentials
    from trivet.runpod.endpoint.asyncio import AsyncioEndpoint, AsyncioJob
    from trivet.runpod.endpoint.runner import Endpoint, Job
    from trivet.runpod.logger import RunPodLogger
    from trivet.runpod.version import __version__

    SSH_KEY_PATH: str
    api_key: str | None
    endpoint_url_base: str

__all__ = [
    "SSH_KEY_PATH",
    "AsyncioEndpoint",
    "AsyncioJob",
    "Endpoint",
    "Job",
    "RunPodLogger",
    "__version__",
    "api_key",
    "check_credentials",
    "create_container_registry_auth",
    "create_endpoint",
    "create_pod",
    "create_template",
    "delete_container_registry_auth",
    "endpoint_url_base",
    "error",
    "get_credentials",
    "get_endpoints",
    "get_gpu",
    "get_gpus",
    "get_pod",
    "get_pods",
    "get_user",
    "profile",
    "resume_pod",
    "serverless",
    "set_credentials",
    "stop_pod",
    "terminate_pod",
    "update_container_registry_auth",
    "update_endpoint_template",
    "update_user_settings",
    "version",
]

profile = "default"

_MODULES = frozenset({"api", "credentials", "endpoint", "error", "serverless", "version"})
_HOMES = {
    "AsyncioEndpoint": "endpoint.asyncio",
    "AsyncioJob": "endpoint.asyncio",
    "Endpoint": "endpoint.runner",
    "Job": "endpoint.runner",
    "RunPodLogger": "logger",
    "__version__": "version",
    "check_credentials": "credentials",
    "get_credentials": "credentials",
    "set_credentials": "credentials",
}
"""Where a name lives; all others live in ``api.ctl_commands``."""


def __getattr__(name: str) -> object:
    if name not in __all__ and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object
    match name:
        case "api_key":
            value = _stored_key()
        case "endpoint_url_base":
            from trivet.runpod._settings import endpoints_url

            return endpoints_url()  # the environment may still change
        case "SSH_KEY_PATH":
            import os

            value = os.path.expanduser("~/.runpod/ssh")  # noqa: PTH111 - a text, as the original's
        case _:
            from importlib import import_module

            if name in _MODULES:
                value = import_module(f"{__name__}.{name}")
            else:
                value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'api.ctl_commands')}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


def _stored_key() -> object:
    import os

    if not os.path.exists(os.path.expanduser("~/.runpod/config.toml")):  # noqa: PTH110, PTH111 - pathlib costs more than the rest
        return None
    from trivet.runpod.credentials import get_credentials

    return (get_credentials(profile) or {}).get("api_key")
