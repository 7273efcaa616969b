"""Endpoints and their jobs, in both halves. Each half is imported when it is used."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.runpod.endpoint.asyncio import AsyncioEndpoint, AsyncioJob
    from trivet.runpod.endpoint.runner import Endpoint, Job, RunPodClient

__all__ = ["AsyncioEndpoint", "AsyncioJob", "Endpoint", "Job", "RunPodClient"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "asyncio" if name.startswith("Asyncio") else "runner"
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
