"""What a bundle needs installed: read from its files, checked, and put into one order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trivet.platform.core.errors import DeploymentRefused

FILE = "requirements.txt"
_MOST_LINES = 2_000
_LONGEST_LINE = 2_000
_DEEPEST_INCLUDE = 8

_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:$|[-\[<>=!~;@(])")
_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s*=\s*|\s*)(\S.*)")
_INDEX = re.compile(r"(-i|--index-url|--extra-index-url|-f|--find-links)(?:\s*=\s*|\s+)(https?://\S+)")
_SWITCH = re.compile(r"--(?:pre|prefer-binary|no-index|(?:no|only)-binary(?:\s*=\s*|\s+)\S+)")
_REMOTE = re.compile(r"(?:(?:git|hg|svn|bzr)\+)?https?://|git\+ssh://")
_LOCAL = re.compile(r"(?:\.{0,2}/|\.+$|file:|.*@\s*file:|[^@]*\.(?:whl|tar\.gz|zip)\s*$)", re.IGNORECASE)
_PROVIDED = "trivet"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that travels in the bundle; ``digest`` is its SHA-256 in hex."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """What to install. ``lines`` and ``options`` are sorted, so that the order of writing makes no difference.

    Args:
        lines: requirements as written.
        options: lines that say where to look, as ``requirements.txt`` has them.
        wheels: wheels from the bundle itself.
    """

    lines: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two environments the same: nothing in it depends on where the bundle lies."""
        return (*self.options, *self.lines, *(f"{wheel.path.name} {wheel.digest}" for wheel in self.wheels))

    @property
    def text(self) -> str:
        """As a requirements file for the installer."""
        return "".join(f"{line}\n" for line in (*self.options, *self.lines, *(w.path.as_uri() for w in self.wheels)))

    def __len__(self) -> int:
        return len(self.lines) + len(self.wheels)


def read_requirements(
    bundle: Path, declared: Iterable[str] = (), *, lines: Iterable[str] = (), usual: Iterable[str] = ()
) -> Requirements:
    """Everything that a bundle asks for: its ``requirements.txt`` and what was declared beside it.

    Trivet itself is left out, as every environment is given the runtime of the platform that it is on.

    Args:
        bundle: the unpacked code.
        declared: requirements from decorators and script blocks, one each.
        lines: more of what may stand in a requirements file at the top of the bundle, options included.
        usual: names of packages that are added where nothing names them.

    Raises:
        DeploymentRefused: a line that is no requirement, or that reaches for files outside of the bundle.
    """
    collected = _Collected(bundle.resolve())
    if (bundle / FILE).is_file():
        collected.read(bundle / FILE, 0)
    collected.take("\n".join(lines), "requirements", collected.bundle)
    for line in declared:
        if line.lstrip().startswith("-") or "\n" in line or "\r" in line:
            raise _refused("requirements", line, "is no requirement")
        collected.add(line.strip(), "requirements")
    collected.lines.update(set(usual) - collected.names)
    return Requirements(
        tuple(sorted(collected.lines)),
        tuple(sorted(collected.options)),
        tuple(sorted(collected.wheels.values(), key=lambda wheel: wheel.path.name)),
    )


class _Collected:
    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle
        self.lines: set[str] = set()
        self.names: set[str] = set()
        """Of the packages that are named, in their normal form."""
        self.options: set[str] = set()
        self.wheels: dict[Path, Wheel] = {}
        self._read = 0

    def read(self, file: Path, depth: int) -> None:
        """Adds what a requirements file in the bundle says, and the files that it includes."""
        where = file.relative_to(self.bundle).as_posix() if file.is_relative_to(self.bundle) else file.name
        if depth > _DEEPEST_INCLUDE:
            raise DeploymentRefused(
                f"{where}: requirements files include each other more than {_DEEPEST_INCLUDE} deep."
            )
        self.take(file.read_text("utf-8", errors="replace").removeprefix("\ufeff"), where, file.parent, depth)

    def take(self, text: str, where: str, beside: Path, depth: int = 0) -> None:
        """Adds what the text of a requirements file says, whose paths begin beside it."""
        # A line that ends in a backslash goes on in the next.
        for raw in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
            line = _COMMENT.sub("", raw).strip()
            if not line:
                continue
            if "${" in line:
                raise _refused(where, line, "names a variable of the server's environment")
            include = _INCLUDE.fullmatch(line)
            if include is not None:
                self._count(where)
                self.read(self._inside(where, line, beside / include[1].strip()), depth + 1)
            elif _INDEX.fullmatch(line) or _SWITCH.fullmatch(line):
                self.options.add(" ".join(line.split()))
            elif line.startswith("-"):
                raise _refused(
                    where, line, "is an option that is not taken", "Requirements, -r, index options: no more."
                )
            else:
                self.add(line, where, beside)

    def add(self, line: str, where: str, beside: Path | None = None) -> None:
        """Adds one requirement."""
        self._count(where)
        if len(line) > _LONGEST_LINE:
            raise DeploymentRefused(f"{where}: a requirement of over {_LONGEST_LINE} letters.")
        if "${" in line:
            raise _refused(where, line, "names a variable of the server's environment")
        if any(not option.startswith("--hash=") for option in re.findall(r"\s(-\S*)", line.partition(";")[0])):
            raise _refused(where, line, "has an option that is not taken", "Only --hash may follow a requirement.")
        if _REMOTE.match(line):
            self.lines.add(line)
            return
        if _LOCAL.match(line):
            self._add_wheel(line, where, beside or self.bundle)
            return
        match = _NAME.match(line)
        if match is None:
            raise _refused(where, line, "is no requirement", "Write for example `numpy>=2,<3`.")
        name = _normal(match[1])
        self.names.add(name)
        if name != _PROVIDED:
            self.lines.add(line)

    def _count(self, where: str) -> None:
        """Bounds what is read: files that include each other twice would otherwise be read without end."""
        self._read += 1
        if self._read > _MOST_LINES:
            raise DeploymentRefused(f"{where}: more than {_MOST_LINES} requirements and requirements files.")

    def _add_wheel(self, line: str, where: str, beside: Path) -> None:
        if not line.endswith(".whl") or ":" in line:
            raise _refused(
                where,
                line,
                "names a folder or file of the machine that builds",
                "Code in the bundle is importable as it is; a wheel in the bundle may be named by its relative path.",
            )
        path = self._inside(where, line, beside / line)
        self.names.add(_normal(path.name.partition("-")[0]))
        self.wheels[path] = Wheel(path, hashlib.sha256(path.read_bytes()).hexdigest())

    def _inside(self, where: str, line: str, path: Path) -> Path:
        try:
            real = path.resolve()
            inside = real.is_relative_to(self.bundle) and real.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise _refused(where, line, "names a file that is not in the bundle")
        return real


def _normal(name: str) -> str:
    """The one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _refused(where: str, line: str, why: str, hint: str = "") -> DeploymentRefused:
    return DeploymentRefused(f"{where}: {line.strip()[:200]!r} {why}.", hint=hint)
