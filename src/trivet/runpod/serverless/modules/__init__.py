"""Where the original keeps the worker's parts; programs look here for its logger, which is all that is here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.runpod.serverless.modules import rp_logger

__all__ = ["rp_logger"]


def __getattr__(name: str) -> object:
    if name != "rp_logger":
        raise AttributeError(
            f"trivet.runpod.serverless.modules has no {name}. What the original has in it is its own affair; "
            "`start`, `progress_update` and `RunPodLogger` are in trivet.runpod.serverless."
        )
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
