"""Reading what an author wrote: the parameters of a function and their type hints."""

from __future__ import annotations

import sys
from types import FunctionType, SimpleNamespace
from typing import Any, Final, NamedTuple, get_type_hints

_VARARGS, _VARKEYWORDS = 0x04, 0x08
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200
_STREAMS = {
    ("collections.abc", "Iterator"): "generator",
    ("collections.abc", "Generator"): "generator",
    ("collections.abc", "AsyncIterator"): "async_generator",
    ("collections.abc", "AsyncGenerator"): "async_generator",
}


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()
"""Stands where a parameter has no default."""


class Parameter(NamedTuple):
    """One parameter that a caller can fill. ``hint`` is `typing.Any` where the author gave none."""

    name: str
    hint: Any
    default: Any
    positional_only: bool

    @property
    def required(self) -> bool:
        """Whether a call needs it."""
        return self.default is REQUIRED


class Signature(NamedTuple):
    """What a handler takes and gives. ``open`` says that it takes any further keyword (``**names``)."""

    parameters: tuple[Parameter, ...]
    open: bool
    returns: Any


def read_signature(function: FunctionType, *, bound: bool = False) -> Signature:
    """The signature of a function, or of what a wrapper says it wraps.

    Reads the code object: the worker starts sooner without `inspect`.

    Args:
        function: the handler.
        bound: leave out the first parameter (``self``).
    """
    function = unwrapped(function)
    code = function.__code__
    positional = code.co_varnames[: code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(zip(reversed(positional), reversed(function.__defaults__ or ()), strict=False))
    defaults.update(function.__kwdefaults__ or {})
    hints = hints_of(function)
    parameters = [
        Parameter(name, hints.get(name, Any), defaults.get(name, REQUIRED), index < code.co_posonlyargcount)
        for index, name in enumerate(positional + keyword_only)
    ]
    if bound and positional:
        del parameters[0]
    return Signature(tuple(parameters), bool(code.co_flags & _VARKEYWORDS), hints.get("return", Any))


def unwrapped(function: FunctionType) -> FunctionType:
    """The innermost function below ``functools.wraps``."""
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        inner = getattr(function, "__wrapped__", None)
        if isinstance(inner, FunctionType):
            function = inner
    return function


def hints_of(thing: Any) -> dict[str, Any]:
    """The type hints of a function or class; one that can't be resolved is `typing.Any` and spoils none of the others."""
    try:
        return get_type_hints(thing, include_extras=True)
    except Exception:  # noqa: BLE001 - evaluating an author's annotations can raise anything
        return _hints_one_by_one(thing)


def _hints_one_by_one(thing: Any) -> dict[str, Any]:
    home = sys.modules.get(getattr(thing, "__module__", ""))
    names = getattr(thing, "__globals__", None) or vars(home or SimpleNamespace())
    hints: dict[str, Any] = {}
    for owner in reversed(getattr(thing, "__mro__", (thing,))):
        for name, annotation in getattr(owner, "__annotations__", {}).items():
            try:
                alone = SimpleNamespace(__annotations__={name: annotation})
                hints[name] = get_type_hints(alone, names, include_extras=True)[name]
            except Exception:  # noqa: BLE001 - as above
                hints[name] = Any
    return hints


def kind_of(function: FunctionType) -> str:
    """``sync``, ``async``, ``generator`` or ``async_generator``: how the function gives what it has.

    A plain function counts as what it wraps, or as what its return hint promises.
    """
    for each in (function, unwrapped(function)):
        flags = each.__code__.co_flags
        if flags & _ASYNC_GENERATOR:
            return "async_generator"
        if flags & _COROUTINE:
            return "async"
        if flags & _GENERATOR:
            return "generator"
    origin = getattr(hints_of(unwrapped(function)).get("return"), "__origin__", None)
    return _STREAMS.get((getattr(origin, "__module__", ""), getattr(origin, "__name__", "")), "sync")


def piece_hint(returns: Any) -> Any:
    """The hint of one piece, from the return hint of a generator: ``T`` of ``Iterator[T]``."""
    arguments = getattr(returns, "__args__", ())
    return arguments[0] if arguments else Any
