"""Where the original keeps the worker's parts; here are those that programs look for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.runpod.serverless.modules import rp_fitness, rp_logger, rp_progress

__all__ = ["rp_fitness", "rp_logger", "rp_progress"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(
            f"trivet.runpod.serverless.modules has no {name}. What the original has in it is its own affair; "
            "`start`, `progress_update` and `RunPodLogger` are in trivet.runpod.serverless."
        )
    from importlib import import_module

    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
