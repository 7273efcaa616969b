"""Folders written as RunPod serverless workers: found by reading which file starts one, without running anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from trivet.platform.builders.decorated import script_dependencies
from trivet.platform.builders.requirements import FILE
from trivet.platform.builders.sources import PythonFile, SourceTree
from trivet.platform.core.errors import DeploymentRefused
from trivet.protocol.runpod import POLLING_HOST

PREFERRED = ("handler.py", "rp_handler.py", "main.py")
"""Which file is the program where several start a worker, the first of these."""
_PACKAGE = "runpod"
_DOCKERFILES = ("Dockerfile", "dockerfile")
_MOST_RECIPE = 256 * 1024
_LONGEST_COMMAND = 80
_COMMAND = re.compile(r"\s*(?:CMD|ENTRYPOINT)\s(.*)", re.IGNORECASE | re.DOTALL)
_ENVIRONMENT = re.compile(r"\s*ENV\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_ADDITION = re.compile(r"\s*ADD\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"(?:https?|ftp|ssh)://.+|git@.+", re.IGNORECASE)
_VARIABLE = re.compile(r"""([A-Za-z_]\w*)=(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s\\"']|\\.)*""", re.DOTALL)
_OF_IMAGES = frozenset(
    {
        "DEBIAN_FRONTEND",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
        "SHELL",
        "TZ",
    }
)
"""Variables that most images set for themselves, and no program asks for."""
_MOST_NAMED = 8
_WORD = re.compile(r"[^\s\"',\[\];&|]+")


class RunPodWorker:
    """The kind of bundle that calls ``runpod.serverless.start``."""

    host = POLLING_HOST
    looked_for = "a .py file that calls runpod.serverless.start"
    usual: tuple[str, ...] = (_PACKAGE,)
    start = "runpod.serverless.start"
    """What such a program calls."""

    def recognises(self, source: SourceTree) -> bool:
        """Whether any file starts a worker."""
        return bool(_starters(source, self.start))

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

    def warnings(self, source: SourceTree, given: Collection[str] = ()) -> tuple[str, ...]:
        """What a Dockerfile does beside installing packages and starting the program, which is not done here.

        Args:
            source: the bundle.
            given: the names of variables that the program finds all the same.
        """
        recipe, told = _recipe(source.folder), []
        started = _started(recipe)
        if started and not _commands(recipe):
            told.append(
                f"The Dockerfile starts `{started}`, which is not run here: {self.program(source)} is started by itself. "
                "What else that starts has to run on the machine."
            )
        variables = [name for name in _variables(recipe) if name not in given]
        if variables:
            told.append(
                "The Dockerfile's ENV is not carried out. What the program needs of it, give with `--env NAME=VALUE`, or in a "
                f"template: {_listed(variables)}."
            )
        fetched = _fetched(recipe)
        if fetched:
            told.append(
                f"The Dockerfile's ADD fetches {_listed(fetched)}, which is not done here: put it into the folder, or have the "
                "program fetch it."
            )
        return tuple(told)

    def manifest(self, source: SourceTree) -> None:
        """None: its models are its own business."""

    def program(self, source: SourceTree) -> str:
        """The file to run, as a path in the bundle.

        Where several start a worker, it is the one that a Dockerfile's ``CMD`` or ``ENTRYPOINT`` names, else the first of
        `PREFERRED`, else the one nearest to the top.

        Raises:
            DeploymentRefused: several are as near; the hint says how to choose.
        """
        starters = _starters(source, self.start)
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


class DropInWorker(RunPodWorker):
    """The same by our own module of that name, which every worker has. Whether its workers can use our link is learnt
    with its handler, when it is rehearsed.
    """

    looked_for = "a .py file that calls trivet.runpod.serverless.start"
    usual = ()
    start = "trivet.runpod.serverless.start"


# -- which files start a worker -----------------------------------------------------------------------------------------


def _starters(source: SourceTree, start: str) -> list[str]:
    return [file.path for file in source.python if _starts(file, start)]


def _starts(file: PythonFile, start: str) -> bool:
    """Whether a file uses the function of that full name, however it was imported."""
    if _PACKAGE not in file.text:
        return False
    bound = _bindings(file.tree)

    def meanings(node: ast.expr) -> set[str]:
        if isinstance(node, ast.Name):
            return bound.get(node.id, set())
        return {f"{name}.{node.attr}" for name in meanings(node.value)} if isinstance(node, ast.Attribute) else set()

    return any(
        isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and start in meanings(node)
        for node in ast.walk(file.tree)
    )


def _bindings(tree: ast.Module) -> dict[str, set[str]]:
    """What the names of a module may stand for, as far as it came from the package or from ours."""
    bound: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                bound.setdefault(alias.asname or root, set()).add(alias.name if alias.asname else root)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            for alias in node.names:
                names = (alias.name,) if alias.name != "*" else ("serverless", "start")
                for name in names:
                    bound.setdefault(alias.asname or name, set()).add(f"{node.module}.{name}")
    return bound


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


def _started(recipe: str) -> str:
    """What a Dockerfile starts in the end, in one line; empty where it does not say."""
    matches = [match for match in map(_COMMAND.fullmatch, recipe.splitlines()) if match]
    return " ".join(_words(matches[-1][1]))[:_LONGEST_COMMAND] if matches else ""


def _variables(recipe: str) -> list[str]:
    """The names of the variables that a Dockerfile sets for its program, each once."""
    names: dict[str, None] = {}
    for match in filter(None, map(_ENVIRONMENT.fullmatch, recipe.splitlines())):
        first = match[1].split(maxsplit=1)[0]
        # the old form has one variable, and what follows is its value
        names.update(dict.fromkeys(_VARIABLE.findall(match[1]) if "=" in first else [first]))
    return [name for name in names if name not in _OF_IMAGES]


def _fetched(recipe: str) -> list[str]:
    """What a Dockerfile adds from elsewhere, each once, without what may be a password in the address."""
    words = (word for match in map(_ADDITION.fullmatch, recipe.splitlines()) if match for word in _words(match[1]))
    places = (re.sub(r"//[^/@]*@", "//", word).partition("?")[0] for word in words if _ADDRESS.fullmatch(word))
    return list(dict.fromkeys(place[:_LONGEST_COMMAND] for place in places))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")


def _words(text: str) -> Iterator[str]:
    return (match[0] for match in _WORD.finditer(text))


def _is_requirements(word: str) -> bool:
    path = PurePosixPath(word.lstrip("/"))
    return path.suffix == ".txt" and "requirements" in path.name and ".." not in path.parts
