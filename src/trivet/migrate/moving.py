"""What is to be changed so that the drop-in modules take the originals' place, decided before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from io import StringIO
from pathlib import Path

from trivet.migrate import notebooks, requirements, saving, texts, writing
from trivet.migrate.requirements import Fate
from trivet.migrate.support import supports
from trivet.migrate.survey import Survey
from trivet.migrate.uses import Use
from trivet.migrate.writing import NotReadable


@dataclass(frozen=True, slots=True)
class Change:
    """A file as it is and as it becomes."""

    file: str
    before: bytes
    after: bytes

    def lines(self) -> list[str]:
        """The lines that go (``-``) and that come (``+``)."""
        return [line.rstrip("\r\n") for line in self._diff(context=0)[2:] if not line.startswith("@@")]

    def diff(self) -> str:
        """The change as `patch` takes it."""
        whole = "\n\\ No newline at end of file\n"
        return "".join(line if line.endswith("\n") else f"{line}{whole}" for line in self._diff(context=3))

    def _diff(self, context: int) -> list[str]:
        before, after = (list(StringIO(_readable(data), newline="\n")) for data in (self.before, self.after))
        return list(unified_diff(before, after, f"a/{self.file}", f"b/{self.file}", n=context))


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that keeps its imports of a package.

    Attributes:
        file: which.
        package: of which package.
        why: the reason.
    """

    file: str
    package: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to a codebase.

    Attributes:
        changes: the files that change.
        kept: the files that stay with an original.
    """

    changes: tuple[Change, ...]
    kept: tuple[Kept, ...]

    def carry_out(self, root: Path) -> None:
        """Writes the changes: all, or none.

        Args:
            root: the folder that the names of the files are below.

        Raises:
            OSError: a file can't be written; nothing is changed.
        """
        saving.save({(root / each.file).resolve(): (each.before, each.after) for each in self.changes})


def plan(found: Survey) -> Plan:
    """Decides what is to be changed.

    A file moves where all its uses of a package are supported. None does where files that stay and files that move may share
    what is set on the package itself, as ``runpod.api_key``. A requirement goes when nothing here needs the original any more;
    else the drop-in's stands beside it.

    Args:
        found: what was found.

    Raises:
        NotReadable: a file that would have to be judged can't be read; nothing is to be changed then.
    """
    if found.unread:
        raise NotReadable("; ".join(f"{each.file}: {each.why}" for each in found.unread))
    by_file: dict[str, list[Use]] = {}
    for use in found.uses:
        by_file.setdefault(use.file, []).append(use)
    kept = _kept(by_file)
    content = {name: (found.root / name).read_bytes() for name in by_file}
    moved: dict[str, set[str]] = {}  # of each package, the files that move
    made: dict[str, bytes] = {}
    for name, uses in by_file.items():
        stays = {each.package for each in kept if each.file == name}
        going = {use.package for use in uses if not use.is_requirement} - stays
        try:
            made[name] = _changed(content[name], name, going, {}, ())
        except (ValueError, TypeError, NotReadable) as error:
            kept += [Kept(name, package, str(error)) for package in sorted(going)]
            continue
        for package in going:
            moved.setdefault(package, set()).add(name)
    staying = {each.package for each in kept}
    fates = {package: Fate.JOINED if package in staying else Fate.REPLACED for package in moved}
    also = {use.requires for use in found.uses if use.requires and use.file in moved.get(use.package, ())}
    changes: list[Change] = []
    for name, uses in by_file.items():
        going = {package for package, files in moved.items() if name in files}
        after = made.get(name, content[name])
        if any(use.is_requirement for use in uses):
            after = _changed(content[name], name, going, fates, also)
        if after != content[name]:
            changes.append(Change(name, content[name], after))
    return Plan(tuple(changes), tuple(kept))


def _kept(by_file: Mapping[str, Sequence[Use]]) -> list[Kept]:
    """The files that keep a package, and why."""
    kept: list[Kept] = []
    for package in sorted({use.package for uses in by_file.values() for use in uses}):
        code = {
            name: [use for use in uses if use.package == package and not use.is_requirement]
            for name, uses in by_file.items()
        }
        users = {name for name, uses in code.items() if uses}
        staying = {name for name in users if any(not use.verdict.is_good for use in code[name])}
        kept += [
            Kept(name, package, next(use.why for use in code[name] if not use.verdict.is_good))
            for name in sorted(staying)
        ]
        moving = {name for name in users - staying if not name.endswith(".ipynb")}  # a notebook is a program alone
        setting = {name for name in users if any(use.is_set for use in code[name])}
        if (setting & staying and moving - setting) or (setting & moving and staying - setting):
            setter = min(setting & (staying | moving))
            why = f"it may share what {setter} sets on the package with {min(staying)}, which stays"
            kept += [Kept(name, package, why) for name in sorted(moving)]
    return kept


def _readable(data: bytes) -> str:
    """A file for a diff, with a mark at its head as a character, so that a patch fits where the file is UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return texts.plain(data).content


def _changed(data: bytes, name: str, going: set[str], fates: Mapping[str, Fate], also: Iterable[str]) -> bytes:
    """A file with the imports of some packages changed, and with its requirements."""

    def required(text: str) -> str:
        return requirements.changed(text, name, supports(), fates, also) if fates else text

    moving = [support for support in supports() if support.package in going]
    if name.endswith((".py", ".pyi")):
        text = texts.program(writing.changed(data, moving) if moving else data)
        return text.encoded(required(text.content))
    text = texts.plain(data)
    if name.endswith(".ipynb"):
        return text.encoded(notebooks.changed(text.content, moving, required)) if moving or fates else data
    return text.encoded(required(text.content))
