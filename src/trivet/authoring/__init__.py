"""What an author of endpoints writes: the decorator, progress, and binary values.

Runs inside the author's own environment, so it needs nothing but the standard library. `import trivet` offers the same
names; everything here is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trivet.authoring.blob import Blob as Blob
    from trivet.authoring.decorator import ClassEndpoint as ClassEndpoint
    from trivet.authoring.decorator import Endpoint as Endpoint
    from trivet.authoring.decorator import FunctionEndpoint as FunctionEndpoint
    from trivet.authoring.decorator import endpoint as endpoint
    from trivet.authoring.discover import endpoints_in as endpoints_in
    from trivet.authoring.discover import load as load
    from trivet.authoring.errors import AuthoringError as AuthoringError
    from trivet.authoring.errors import InvalidInput as InvalidInput
    from trivet.authoring.errors import LoadFailed as LoadFailed
    from trivet.authoring.errors import UnserializableOutput as UnserializableOutput
    from trivet.authoring.reporting import progress as progress

_HOMES = {
    "AuthoringError": "errors",
    "Blob": "blob",
    "ClassEndpoint": "decorator",
    "Endpoint": "decorator",
    "FunctionEndpoint": "decorator",
    "InvalidInput": "errors",
    "LoadFailed": "errors",
    "UnserializableOutput": "errors",
    "endpoint": "decorator",
    "endpoints_in": "discover",
    "load": "discover",
    "progress": "reporting",
}

__all__ = [
    "AuthoringError",
    "Blob",
    "ClassEndpoint",
    "Endpoint",
    "FunctionEndpoint",
    "InvalidInput",
    "LoadFailed",
    "UnserializableOutput",
    "endpoint",
    "endpoints_in",
    "load",
    "progress",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
