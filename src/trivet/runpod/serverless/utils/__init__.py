"""Small helpers for handlers: checking an input, looking for a GPU, tidying up after a job."""

from __future__ import annotations

_MODULES = frozenset({"rp_cleanup", "rp_cuda", "rp_validator"})
_ABSENT = {
    "VolumeCache": "Keep what is to outlast a worker in its volume yourself, or load it before `start`.",
    "download_files_from_urls": "Fetch the files with any HTTP client.",
    "rp_debugger": "`trivet logs` tells more.",
    "rp_download": "Fetch the files with any HTTP client.",
    "rp_upload": "Upload with boto3, or return what is small.",
    "upload_file_to_bucket": "Upload with boto3.",
    "upload_in_memory_object": "Upload with boto3.",
}
"""What the original has here and this package has not, with what to do instead."""


def __getattr__(name: str) -> object:
    if name in _ABSENT:
        raise AttributeError(f"trivet.runpod.serverless.utils has no {name}. {_ABSENT[name]}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
