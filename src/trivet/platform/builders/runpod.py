"""Folders written as RunPod serverless workers: found by reading which file starts one, without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from trivet.platform.builders.decorated import script_dependencies
from trivet.platform.builders.requirements import FILE
from trivet.platform.builders.sources import PythonFile, SourceTree
from trivet.platform.core.errors import DeploymentRefused

PREFERRED = ("handler.py", "rp_handler.py", "main.py")
"""Which file is the program where several start a worker, the first of these."""
_PACKAGE = "runpod"
_DOCKERFILES = ("Dockerfile", "dockerfile")
_MOST_RECIPE = 256 * 1024
_COMMAND = re.compile(r"\s*(?:CMD|ENTRYPOINT)\s(.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\s\"',\[\];&|]+")


class RunPodWorker:
    """The kind of bundle that calls ``runpod.serverless.start``."""

    host = "runpod"
    looked_for = "a .py file that calls runpod.serverless.start"
    usual = (_PACKAGE,)

    def recognises(self, source: SourceTree) -> bool:
        """Whether any file starts a worker."""
        return bool(_starters(source))

    def requirements(self, source: SourceTree) -> tuple[str, ...]:
        """What the script block (PEP 723) of the program asks for, as written.

        Raises:
            DeploymentRefused: the block is malformed, or it is not plain which file is the program.
        """
        program = self.program(source)
        return next((script_dependencies(file) for file in source.python if file.path == program), ())

    def requirement_lines(self, source: SourceTree) -> tuple[str, ...]:
        """Those requirements files that are not at the top: the one beside the program, and those that a Dockerfile names."""
        beside = PurePosixPath(self.program(source)).parent / FILE
        named = (
            word.removeprefix("./").lstrip("/") for word in _words(_recipe(source.folder)) if _is_requirements(word)
        )
        wanted = dict.fromkeys((str(beside), *named))
        return tuple(f"-r {name}" for name in wanted if name != FILE and (source.folder / name).is_file())

    def warnings(self, source: SourceTree) -> tuple[str, ...]:
        """None."""
        return ()

    def manifest(self, source: SourceTree) -> None:
        """None: its models are its own business."""

    def program(self, source: SourceTree) -> str:
        """The file to run, as a path in the bundle.

        Where several start a worker, it is the one that a Dockerfile's ``CMD`` or ``ENTRYPOINT`` names, else the first of
        `PREFERRED`, else the one nearest to the top.

        Raises:
            DeploymentRefused: several are as near; the hint says how to choose.
        """
        starters = _starters(source)
        for choose in (lambda files: _named(files, _commands(_recipe(source.folder))), _preferred, _nearest):
            chosen = choose(starters)
            if len(chosen) == 1:
                return chosen[0]
        raise DeploymentRefused(
            f"Several files call runpod.serverless.start: {', '.join(starters[:5])}. It is not plain which one to run.",
            hint="Name one of them handler.py, or name it in the CMD of a Dockerfile beside them, and deploy again.",
        )

    def name(self, source: SourceTree) -> str | None:
        """None: it is named after the upload."""
        return None


# -- which files start a worker -----------------------------------------------------------------------------------------


def _starters(source: SourceTree) -> list[str]:
    return [file.path for file in source.python if _starts(file)]


def _starts(file: PythonFile) -> bool:
    """Whether a file uses ``runpod.serverless.start``, however it was imported."""
    if _PACKAGE not in file.text:
        return False
    packages, modules, names = _bindings(file.tree)

    def is_module(node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in modules
        return (
            isinstance(node, ast.Attribute)
            and node.attr == "serverless"
            and isinstance(node.value, ast.Name)
            and node.value.id in packages
        )

    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute):
            if node.attr == "start" and is_module(node.value):
                return True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
            return True
    return False


def _bindings(tree: ast.Module) -> tuple[set[str], set[str], set[str]]:
    """What stands for the package, what for its module ``serverless``, and what for ``start`` itself."""
    packages: set[str] = set()
    modules: set[str] = set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "runpod.serverless" and alias.asname:
                    modules.add(alias.asname)
                elif alias.name.partition(".")[0] == _PACKAGE and (alias.name == _PACKAGE or not alias.asname):
                    packages.add(alias.asname or _PACKAGE)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            wanted, found = {_PACKAGE: ("serverless", modules), "runpod.serverless": ("start", names)}.get(
                node.module or "", ("", set())
            )
            for alias in node.names:
                if alias.name in (wanted, "*"):
                    found.add(alias.asname or wanted)
    return packages, modules, names


# -- which of them is the program ---------------------------------------------------------------------------------------


def _named(files: Sequence[str], words: Sequence[str]) -> list[str]:
    """The files that the command of a container names; its paths are those in the container, so their ends are compared."""
    for word in reversed(words):
        wanted = PurePosixPath(word).parts
        common = {file: _common_end(PurePosixPath(file).parts, wanted) for file in files}
        most = max(common.values(), default=0)
        if most:
            return [file for file, count in common.items() if count == most]
    return []


def _common_end(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for mine, theirs in zip(reversed(one), reversed(other), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _preferred(files: Sequence[str]) -> list[str]:
    for name in PREFERRED:
        found = _nearest([file for file in files if PurePosixPath(file).name == name])
        if found:
            return found
    return []


def _nearest(files: Sequence[str]) -> list[str]:
    depth = min((file.count("/") for file in files), default=0)
    return [file for file in files if file.count("/") == depth]


# -- what a Dockerfile says of it ---------------------------------------------------------------------------------------


def _recipe(folder: Path) -> str:
    """A Dockerfile's text, each instruction in one line; empty where there is none."""
    for name in _DOCKERFILES:
        file = folder / name
        if file.is_file():
            with file.open(encoding="utf-8", errors="replace") as text:
                lines = (line for line in text.read(_MOST_RECIPE).splitlines() if not line.lstrip().startswith("#"))
                return "\n".join(lines).replace("\\\n", " ")
    return ""


def _commands(recipe: str) -> list[str]:
    """The Python files that are named where a Dockerfile says what to start."""
    matches = (_COMMAND.fullmatch(line) for line in recipe.splitlines())
    return [word for match in matches if match for word in _words(match[1]) if word.endswith(".py")]


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(text))


def _is_requirements(word: str) -> bool:
    path = PurePosixPath(word.lstrip("/"))
    return path.suffix == ".txt" and "requirements" in path.name and ".." not in path.parts
