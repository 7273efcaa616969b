"""Helpers for handlers: files from URLs and for buckets, caches on volumes, inputs, GPUs, times, and tidying up."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trivet.runpod.serverless.utils import (
        rp_cleanup,
        rp_cuda,
        rp_debugger,
        rp_download,
        rp_model_cache,
        rp_ssrf,
        rp_upload,
        rp_validator,
        rp_volume_cache,
    )
    from trivet.runpod.serverless.utils.rp_download import download_files_from_urls
    from trivet.runpod.serverless.utils.rp_upload import upload_file_to_bucket, upload_in_memory_object
    from trivet.runpod.serverless.utils.rp_volume_cache import VolumeCache

__all__ = [
    "VolumeCache",
    "download_files_from_urls",
    "rp_cleanup",
    "rp_cuda",
    "rp_debugger",
    "rp_download",
    "rp_model_cache",
    "rp_ssrf",
    "rp_upload",
    "rp_validator",
    "rp_volume_cache",
    "upload_file_to_bucket",
    "upload_in_memory_object",
]

_HOMES = {
    "VolumeCache": "rp_volume_cache",
    "download_files_from_urls": "rp_download",
    "upload_file_to_bucket": "rp_upload",
    "upload_in_memory_object": "rp_upload",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    if name not in _HOMES:
        return import_module(f"{__name__}.{name}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
