"""The environments that workers and their parents are started with, and what of them they have in common."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from trivet.platform.core.endpoints import VersionSettings
from trivet.platform.ports.runtime import WorkerSpec
from trivet.platform.runtimes import strays

URL = "TRIVET_URL"
_READ_BY_PROGRAMS = frozenset({"LANG", "LANGUAGE", "PATH", "TZ"})
_READ_BY_LIBRARIES = (
    *(
        "BLIS_",
        "CUDA_",
        "DNNL_",
        "GOMP_",
        "GOTO_",
        "HIP_",
        "KMP_",
        "LC_",
        "LD_",
        "MALLOC_",
        "MIMALLOC_",
        "MKL_",
        "NCCL_",
    ),
    *("NUMEXPR_", "OMP_", "ONEDNN_", "OPENBLAS_", "OPENSSL_", "PYTHON", "PYTORCH_", "TORCH_", "VECLIB_"),
)
"""How variables begin that libraries read without Python's knowing, once, when they are loaded."""


def worker_environ(  # noqa: PLR0917 - what a worker knows, put together in one place
    spec: WorkerSpec, python: Path, bundle: Path, room: Path, link: str, url: str = ""
) -> dict[str, str]:
    """All that a worker knows of its surroundings: nothing of the server's own that is not named here. ``url`` is where its jobs
    may ask the platform for something themselves; "" where that is nowhere.
    """
    settings = spec.version.settings
    environ = {**base_environ(python, room), **visible_gpus(settings), **custom_environ(spec)}
    # Last, so that no secret can take their place.
    environ.update(
        {
            "VIRTUAL_ENV": str(python.parent.parent),
            "TRIVET_LINK": link,
            strays.MARK: spec.worker_id,
            "TRIVET_WORKER_TOKEN": spec.token,
            strays.FOLDER: str(room),
            "TRIVET_BUNDLE": str(bundle),
            "TRIVET_HOST": spec.version.host,
            "TRIVET_HANDLER": spec.version.handler,
        }
    )
    if url:
        environ[URL] = url
    if settings.memory is not None:
        environ["TRIVET_MEMORY_LIMIT"] = str(settings.memory)
    return environ


def custom_environ(spec: WorkerSpec) -> dict[str, str]:
    """What people have set for a worker: its template's variables, and over them its owner's secrets."""
    return {**spec.env, **spec.secrets}


def base_environ(python: Path, room: Path) -> dict[str, str]:
    """What workers of an environment and their parent have in common, but for the room."""
    environ = {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": str(room),
        "TMPDIR": str(room / "tmp"),
        "VIRTUAL_ENV": str(python.parent.parent),
    }
    if "TZ" in os.environ:
        environ["TZ"] = os.environ["TZ"]
    return environ


def visible_gpus(settings: VersionSettings) -> dict[str, str]:
    """Which GPUs the operator has left to this platform, for a worker that is to have one."""
    name = "CUDA_VISIBLE_DEVICES"
    return {name: os.environ[name]} if settings.gpu and name in os.environ else {}


def private_names(custom: Mapping[str, str]) -> tuple[str, ...] | None:
    """The names of the variables that each worker has of its own, the same for all workers that are given the same.

    Args:
        custom: what people have set for the worker.

    Returns:
        None where one of them has its effect when a program or a library is loaded: then no parent can stand in.
    """
    if any(name in _READ_BY_PROGRAMS or name.startswith(_READ_BY_LIBRARIES) for name in custom):
        return None
    ours = {
        "HOME",
        "TMPDIR",
        strays.MARK,
        strays.FOLDER,
        "TRIVET_LINK",
        "TRIVET_BUNDLE",
        "TRIVET_HOST",
        "TRIVET_HANDLER",
        URL,
    }
    return tuple(sorted({*ours, "TRIVET_MEMORY_LIMIT", "TRIVET_WORKER_TOKEN", *custom}))
