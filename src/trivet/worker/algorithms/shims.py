"""What algorithms and their kit take from Python that newer Pythons have no more."""

from __future__ import annotations

import inspect
import pkgutil
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple


class ArgSpec(NamedTuple):
    """What `inspect.getargspec` gave before Python 3.11."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def install() -> None:
    """Puts back what is missing, for the whole process. Call it before any of the author's code is imported."""
    # Without this, every exception in an algorithm made with the kit ends its process with no answer, since Python 3.10.
    for name in ("format_exception", "print_exception"):
        setattr(traceback, name, _taking_etype(getattr(traceback, name)))
    for module, name, substitute in (
        (inspect, "getargspec", _getargspec),
        (pkgutil, "find_loader", _find_loader),
    ):
        if not hasattr(module, name):
            setattr(module, name, substitute)


def _taking_etype(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def taking(*args: Any, **keywords: Any) -> Any:
        if "etype" in keywords:
            args = (keywords.pop("etype"), *args)
        return function(*args, **keywords)

    return taking


def _getargspec(function: Callable[..., Any]) -> ArgSpec:
    return ArgSpec(*inspect.getfullargspec(function)[:4])


def _find_loader(fullname: str) -> Any:
    from importlib.util import find_spec

    spec = find_spec(fullname)
    return spec.loader if spec is not None else None
