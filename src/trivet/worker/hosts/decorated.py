"""Functions and classes that wear ``@trivet.endpoint``."""

from __future__ import annotations

import sys
from importlib import import_module

from trivet.authoring.decorator import Endpoint
from trivet.authoring.errors import LoadFailed
from trivet.authoring.program import Program


def open_host(folder: str, handler: str) -> Program:
    """Imports the author's module and makes its endpoint ready.

    Args:
        folder: comes first on the module path.
        handler: ``module:qualname``.

    Raises:
        LoadFailed: there is no endpoint of that name.
        Exception: whatever the author's module or class raises.
    """
    module_name, _, qualname = handler.partition(":")
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
    found: object = import_module(module_name)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Endpoint):
        raise LoadFailed(f"{handler} is no endpoint: nothing with @trivet.endpoint has this name at the top level.")
    return Program(found)
