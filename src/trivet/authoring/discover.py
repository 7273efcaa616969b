"""Finding endpoints: in a module, a file, or a folder."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from trivet.authoring.decorator import Endpoint
from trivet.authoring.errors import LoadFailed

PREFERRED = ("main.py", "app.py", "handler.py")
_MENTIONS = re.compile(rb"\btrivet\b")
_USES = re.compile(rb"\bendpoint\b")
_SKIPPED = frozenset({"__pycache__", "__MACOSX", "node_modules", "site-packages", "venv"})


def endpoints_in(module: ModuleType, folder: Path | None = None) -> list[Endpoint]:
    """The endpoints in a module, in the order of their definition.

    Args:
        module: an imported module.
        folder: leave out endpoints from modules that lie outside of it. Without it: all that come from other modules.
    """
    found: dict[int, Endpoint] = {}
    for name, value in vars(module).items():
        if isinstance(value, Endpoint) and _belongs(value, module, folder):
            _settle(value, module, name)
            found.setdefault(id(value), value)
    return list(found.values())


def load(path: str | os.PathLike[str]) -> list[Endpoint]:
    """Imports what lies at ``path`` and returns its endpoints.

    Of a folder, every module at the top that uses the decorator is imported (``main.py``, ``app.py`` and ``handler.py``
    first); where none does, the modules below. The folder comes first on the module path, as in a worker.

    Args:
        path: a Python file, or a folder.

    Raises:
        LoadFailed: there is nothing there, or no endpoint in it.
        Exception: whatever importing the author's code raises.
    """
    place = Path(path).resolve()
    if not place.exists():
        raise LoadFailed(f"There is nothing at {path}. Check the path.")
    folder = place if place.is_dir() else place.parent
    files = list(_candidates(place)) if place.is_dir() else [place]
    if place.is_file() and place.suffix != ".py":
        raise LoadFailed(f"{place.name} is no Python file. Give a .py file, or a folder with one.")
    endpoints: dict[int, Endpoint] = {}
    for file in files:
        for endpoint in endpoints_in(import_file(folder, file), folder):
            endpoints.setdefault(id(endpoint), endpoint)
    if not endpoints:
        raise LoadFailed(_nothing_found(place, files))
    _refuse_twins(list(endpoints.values()))
    return list(endpoints.values())


def import_file(folder: Path, file: Path) -> ModuleType:
    """Imports ``file`` under the name it has in a worker: its path in ``folder``, with dots.

    Raises:
        LoadFailed: no module can have that name.
        Exception: whatever the module raises.
    """
    steps = file.relative_to(folder).with_suffix("").parts
    name = ".".join(steps[:-1] if len(steps) > 1 and steps[-1] == "__init__" else steps)
    if not all(step.isidentifier() for step in steps):
        better = re.sub(r"\W+", "_", file.stem)
        raise LoadFailed(
            f"{file.name} can't be imported: the name of a module has letters, digits and '_' only, and begins with no"
            f" digit. Rename it, for example to {better}.py."
        )
    if steps[0] in sys.stdlib_module_names:
        raise LoadFailed(f"{file.name} has the name of a module of Python itself ({steps[0]}). Rename it.")
    first = str(folder)
    if sys.path[:1] != [first]:
        sys.path[:] = [first, *(entry for entry in sys.path if entry != first)]
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    # A module of the same name from another folder (many are called main) gives way, with what it brought along.
    for other in [each for each in sys.modules if each == name or each.startswith(f"{steps[0]}.")]:
        del sys.modules[other]
    importlib.invalidate_caches()
    if len(steps) > 1:
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise LoadFailed(f"{file.name} can't be imported as a Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _candidates(folder: Path) -> list[Path]:
    """The files to import: those that use the decorator, nearest to the top."""
    top = sorted(folder.glob("*.py"), key=lambda file: (_rank(file), file.name))
    using = [file for file in top if _uses_decorator(file)]
    if using:
        return using
    likely = [file for file in top if file.name in PREFERRED]
    return likely or [file for file in _below(folder) if _uses_decorator(file)]


def _rank(file: Path) -> int:
    return PREFERRED.index(file.name) if file.name in PREFERRED else len(PREFERRED)


def _uses_decorator(file: Path) -> bool:
    source = file.read_bytes()
    return bool(_MENTIONS.search(source) and _USES.search(source))


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name.isidentifier() and name not in _SKIPPED)
        if Path(parent) != folder:
            yield from (Path(parent, name) for name in sorted(files) if name.endswith(".py"))


def _belongs(endpoint: Endpoint, module: ModuleType, folder: Path | None) -> bool:
    if endpoint.__module__ == module.__name__:
        return True
    home = getattr(sys.modules.get(endpoint.__module__), "__file__", None)
    return folder is not None and home is not None and Path(home).resolve().is_relative_to(folder)


def _settle(endpoint: Endpoint, module: ModuleType, name: str) -> None:
    """Gives an endpoint that was made inside a function the name it can be found under."""
    owner = sys.modules.get(endpoint.__module__)
    if getattr(owner, endpoint.__qualname__, None) is not endpoint:
        endpoint.__module__, endpoint.__qualname__ = module.__name__, name


def _nothing_found(place: Path, files: list[Path]) -> str:
    looked = ", ".join(str(file.relative_to(place)) if place.is_dir() else file.name for file in files[:5])
    where = f"looked at {looked}" if looked else "there is no Python file that uses the decorator"
    return f"No endpoint at {place.name}: {where}. Put `@trivet.endpoint` above a function or class at the top level."


def _refuse_twins(endpoints: list[Endpoint]) -> None:
    seen: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        other = seen.setdefault(endpoint.name, endpoint)
        if other is not endpoint:
            raise LoadFailed(
                f"Two endpoints have the name {endpoint.name!r}: {other.__module__}:{other.__qualname__} and"
                f" {endpoint.__module__}:{endpoint.__qualname__}. Give one of them another: @trivet.endpoint(name=…)."
            )
