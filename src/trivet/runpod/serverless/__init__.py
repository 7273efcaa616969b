"""A worker: a handler that is given jobs, one after another or several at a time.

::

    import trivet.runpod as runpod

    def handler(job):
        return {"said": job["input"]["prompt"]}

    runpod.serverless.start({"handler": handler})
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.runpod.logger import RunPodLogger
    from trivet.runpod.serverless import modules as modules
    from trivet.runpod.serverless import utils as utils
    from trivet.runpod.serverless.fitness import register_fitness_check
    from trivet.runpod.serverless.progress import progress_update
    from trivet.runpod.serverless.utils.rp_volume_cache import VolumeCache
    from trivet.runpod.serverless.worker import start
    from trivet.runpod.version import __version__ as runpod_version

__all__ = ["RunPodLogger", "VolumeCache", "progress_update", "register_fitness_check", "runpod_version", "start"]

_HOMES = {
    "RunPodLogger": ("trivet.runpod.logger", "RunPodLogger"),
    "VolumeCache": ("trivet.runpod.serverless.utils.rp_volume_cache", "VolumeCache"),
    "progress_update": ("trivet.runpod.serverless.progress", "progress_update"),
    "register_fitness_check": ("trivet.runpod.serverless.fitness", "register_fitness_check"),
    "runpod_version": ("trivet.runpod.version", "__version__"),
    "start": ("trivet.runpod.serverless.worker", "start"),
}
_MODULES = frozenset({"modules", "utils"})


def __getattr__(name: str) -> object:
    if name not in _HOMES and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    home, there = _HOMES[name]
    value: object = getattr(import_module(home), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
