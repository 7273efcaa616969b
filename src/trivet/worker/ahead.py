"""Importing ahead: the modules that an author's code will want, and what they ask of their surroundings meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

OWN = (
    "asyncio",
    "ctypes",
    "inspect",
    "traceback",
    "trivet.authoring.decorator",
    "trivet.authoring.program",
    "trivet.worker.hosts.decorated",
    "trivet.worker.main",
    "trivet.worker.tasks",
    "trivet.worker.threads",
)
"""What workers themselves import, sooner or later."""
EVERYTHING = "*"
"""Stands for the names of all variables, where code has looked through them."""


class Ahead(NamedTuple):
    """What came of importing: ``asking`` are the modules that asked for a variable that a worker has of its own,
    ``broken`` says of a module that it raised something else than `ImportError`.
    """

    asking: dict[str, list[str]]
    broken: str


def import_ahead(imports: Iterable[tuple[str, Sequence[str]]], private: Iterable[str]) -> Ahead:
    """Imports modules in this process. One that is not there is passed over: its author may have thought of that.

    Args:
        imports: the modules, each with the names that are wanted from it, which may be modules too.
        private: names of variables that differ between this process and a worker.
    """
    secret = {*private, EVERYTHING}
    asking: dict[str, list[str]] = {}
    for module, names in imports:
        with _overheard() as asked:
            try:
                __import__(module, fromlist=list(names))
            except ImportError:
                pass
            except BaseException as error:  # noqa: BLE001 - a module can raise anything, SystemExit included
                return Ahead(asking, f"importing {module} raised {type(error).__name__}: {error}")
        if found := sorted(asked & secret):
            asking[module] = found
    return Ahead(asking, "")


def loaded() -> list[str]:
    """The top-level names of all modules that are in this process."""
    return sorted({name.partition(".")[0] for name in list(sys.modules)})


@contextmanager
def _overheard() -> Iterator[set[str]]:
    """Notes which variables are asked for. What C code asks its own way is not heard."""
    asked: set[str] = set()
    kind: Any = type(os.environ)
    plain_get: Callable[[Mapping[Any, Any], Any], Any] = kind.__getitem__
    plain_iter: Callable[[Mapping[Any, Any]], Iterator[Any]] = kind.__iter__

    def get(environ: Mapping[Any, Any], name: Any) -> Any:
        asked.add(os.fsdecode(name) if isinstance(name, str | bytes) else EVERYTHING)
        return plain_get(environ, name)

    def iterate(environ: Mapping[Any, Any]) -> Iterator[Any]:
        asked.add(EVERYTHING)
        return plain_iter(environ)

    kind.__getitem__, kind.__iter__ = get, iterate
    try:
        yield asked
    finally:
        kind.__getitem__, kind.__iter__ = plain_get, plain_iter
