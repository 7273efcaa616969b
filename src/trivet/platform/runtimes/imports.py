"""What a bundle imports, read from its source: nothing of it is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Import = tuple[str, tuple[str, ...]]
"""A module, and the names that are wanted from it, which may be modules themselves."""

_NOT_AHEAD = frozenset({"__future__", "__main__", "trivet", "pyreqwest"})
"""Ours, which workers import as they need it; and the SDK's HTTP client, which does not survive a fork."""
_MOST_FILES = 200
_MOST_BYTES = 2**20
_SUFFIXES = frozenset({".py", ".so", ".pyd"})


@dataclass(frozen=True, slots=True)
class BundleImports:
    """``imports`` are the modules of others that a bundle's module imports when it is imported itself, in order; ``own`` are
    the top-level names that the bundle's files take.
    """

    imports: tuple[Import, ...]
    own: frozenset[str]


def imports_of(bundle: Path, module: str) -> BundleImports:
    """Follows the imports at the top level of a module through the bundle's own files.

    What can't be read, or parsed, is left out: the worker will say what is wrong with it. It reads files, so call it off
    the event loop.

    Args:
        bundle: the folder with the code.
        module: where to begin, with dots.
    """
    own = frozenset(_own_names(bundle))
    found: dict[Import, None] = {}
    waiting, seen = [module], {module}
    while waiting and len(seen) <= _MOST_FILES:
        name = waiting.pop(0)
        file, package = _file_of(bundle, name)
        for wanted, names in _imports(file, package):
            top = wanted.partition(".")[0]
            if top in own:
                steps = [*_ancestors(wanted), *(f"{wanted}.{each}" for each in names)]
                waiting += [step for step in steps if step not in seen]
                seen.update(steps)
            elif top not in _NOT_AHEAD:
                found[wanted, names] = None
    return BundleImports(tuple(found), own)


def _own_names(bundle: Path) -> Iterator[str]:
    for entry in bundle.iterdir():
        if entry.is_dir() or entry.suffix in _SUFFIXES:
            yield entry.name.partition(".")[0]


def _file_of(bundle: Path, module: str) -> tuple[Path | None, str]:
    """The file of a module of the bundle's own, and the package that its relative imports start from."""
    base = bundle.joinpath(*module.split("."))
    if (base / "__init__.py").is_file():
        return base / "__init__.py", module
    file = base.with_suffix(".py")
    return (file if file.is_file() else None), module.rpartition(".")[0]


def _ancestors(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _imports(file: Path | None, package: str) -> Iterator[Import]:
    if file is None:
        return
    try:
        source = file.read_bytes()
        tree = ast.parse(source) if len(source) <= _MOST_BYTES else ast.Module([], [])
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in _run_on_import(tree.body):
        if isinstance(statement, ast.Import):
            yield from ((alias.name, ()) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            source_module = _absolute(statement, package)
            if source_module:
                yield source_module, tuple(alias.name for alias in statement.names if alias.name != "*")


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    parts = package.split(".") if package else []
    if statement.level > len(parts):  # beyond the top: it will fail
        return ""
    base = parts[: len(parts) - (statement.level - 1)]
    return ".".join([*base, *((statement.module,) if statement.module else ())])


def _run_on_import(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not those in functions, nor what is for type checkers or scripts."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If):
            if not _is_elsewhere(statement.test):
                yield from _run_on_import(statement.body)
            yield from _run_on_import(statement.orelse)
            continue
        yield statement
        for field in ("body", "handlers", "orelse", "finalbody"):
            for inner in getattr(statement, field, ()):
                yield from _run_on_import(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])


def _is_elsewhere(test: ast.expr) -> bool:
    """Whether a condition stands for a type checker, or for a file that is run as a program."""
    text = ast.unparse(test)
    return text in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or "__name__" in text
