"""Bundles whose functions or classes wear ``@trivet.endpoint``: found by reading, without running anything."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from trivet.platform.builders.sources import PythonFile, SourceTree
from trivet.platform.core.errors import DeploymentRefused

_HOMES = frozenset({"trivet", "trivet.authoring"})
_NAME = "endpoint"


class Decorated:
    """The kind of bundle that Trivet's own decorator marks."""

    host = "decorated"
    looked_for = "a function or class decorated with @trivet.endpoint in a .py file"
    usual: tuple[str, ...] = ()

    def recognises(self, source: SourceTree) -> bool:
        """Whether any file uses the decorator."""
        return any(_uses(file) for file in source.python)

    def requirements(self, source: SourceTree) -> tuple[str, ...]:
        """What the decorators and the script blocks (PEP 723) of the files with endpoints ask for, as written.

        Raises:
            DeploymentRefused: a decorator's ``requirements`` are not a literal list of strings, or a block is malformed.
        """
        found: list[str] = []
        for file in source.python:
            uses = _uses(file)
            if uses:
                found += script_dependencies(file)
            for use in uses:
                found += _requirements(file, use)
        return tuple(found)

    def requirement_lines(self, source: SourceTree) -> tuple[str, ...]:
        """None."""
        return ()

    def warnings(self, source: SourceTree, given: Collection[str] = ()) -> tuple[str, ...]:
        """None."""
        return ()

    def manifest(self, source: SourceTree) -> None:
        """None: its models are its own business."""

    def program(self, source: SourceTree) -> str | None:
        """None: the decorated are imported."""
        return None

    def name(self, source: SourceTree) -> str | None:
        """None: each of the decorated has its own."""
        return None


def likely_names(source: SourceTree) -> tuple[str, ...]:
    """The names that the endpoints of a bundle have, as far as they can be read without running it."""
    return tuple(dict.fromkeys(name for file in source.python for name in _names(file)))


def _uses(file: PythonFile) -> list[ast.expr]:
    """Every place where the decorator is applied: ``@endpoint``, ``@endpoint(…)`` and ``endpoint(…)``."""
    is_decorator = _recogniser(file)
    if is_decorator is None:
        return []
    uses: list[ast.expr] = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call) and is_decorator(node.func):
            uses.append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            uses += [bare for bare in node.decorator_list if is_decorator(bare)]
    return uses


def _names(file: PythonFile) -> Iterator[str]:
    is_decorator = _recogniser(file)
    if is_decorator is None:
        return
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for use in node.decorator_list:
            call = use if isinstance(use, ast.Call) else None
            if is_decorator(use if call is None else call.func):
                yield _keyword(call, "name") or node.name


def _keyword(call: ast.Call | None, name: str) -> str | None:
    """The text that a call is given by that keyword, where it stands there itself."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == name] if call is not None else []
    return next((v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)), None)


def _recogniser(file: PythonFile) -> Callable[[ast.expr], bool] | None:
    """Tells whether an expression is the decorator; None where nothing in the file can be."""
    modules, names = _bindings(file.tree)
    if not modules and not names:
        return None

    def is_decorator(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in names
        return isinstance(node, ast.Attribute) and node.attr == _NAME and _dotted(node.value) in modules

    return is_decorator


def _bindings(tree: ast.Module) -> tuple[set[str], set[str]]:
    """What stands for the module that has the decorator, and what for the decorator itself."""
    modules: set[str] = set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in _HOMES:
                    modules.add(alias.asname or alias.name)
                if alias.asname is None and alias.name.partition(".")[0] == "trivet":
                    modules.add("trivet")
        elif isinstance(node, ast.ImportFrom) and node.module in _HOMES and not node.level:
            for alias in node.names:
                if alias.name in (_NAME, "*"):
                    names.add(alias.asname or _NAME)
                elif alias.name == "authoring":
                    modules.add(alias.asname or alias.name)
    return modules, names


def _dotted(node: ast.expr) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _requirements(file: PythonFile, use: ast.expr) -> Iterator[str]:
    if not isinstance(use, ast.Call):
        return
    for keyword in use.keywords:
        if keyword.arg != "requirements":
            continue
        value = keyword.value
        if isinstance(value, ast.Constant) and value.value is None:
            continue
        items = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
        for item in items:
            if item is value or not isinstance(item, ast.Constant) or not isinstance(item.value, str):
                raise DeploymentRefused(
                    f"{file.path}, line {item.lineno}: `requirements` must be a literal list of strings,"
                    " as it is read before anything runs.",
                    hint='Write the list itself there, for example requirements=["numpy>=2"], or use requirements.txt.',
                )
            yield item.value


def script_dependencies(file: PythonFile) -> tuple[str, ...]:
    """The dependencies in a file's ``# /// script`` block (PEP 723); none where it has no such block.

    Raises:
        DeploymentRefused: the block is not closed, is there twice, or is not the TOML that it should be.
    """
    import tomllib

    blocks: list[str] = []
    block: list[str] | None = None
    for line in file.text.splitlines():
        if block is None:
            if line.rstrip() == "# /// script":
                block = []
        elif line.rstrip() == "# ///":
            blocks.append("\n".join(block))
            block = None
        elif line == "#" or line.startswith("# "):
            block.append(line[2:])
        else:
            break  # a comment that ends before its closing line is no block
    if block is not None or len(blocks) > 1:
        raise DeploymentRefused(
            f"{file.path}: its `# /// script` block {'is there twice' if blocks else 'is not closed'}.",
            hint="A file has one such block, closed by a line `# ///`.",
        )
    if not blocks:
        return ()
    try:
        dependencies = tomllib.loads(blocks[0]).get("dependencies", [])
    except tomllib.TOMLDecodeError as error:
        raise DeploymentRefused(f"{file.path}: its `# /// script` block is not valid TOML: {error}.") from error
    if not isinstance(dependencies, list) or not all(isinstance(each, str) for each in dependencies):
        raise DeploymentRefused(f"{file.path}: `dependencies` in its `# /// script` block must be a list of strings.")
    return tuple(dependencies)
