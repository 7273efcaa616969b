"""What the drop-in modules support, from the tables that stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

PACKAGES = ("runpod", "algorithmia", "jaqpot")
"""The drop-in modules, each with a ``support.toml``."""


class Verdict(StrEnum):
    """What becomes of a use."""

    SUPPORTED = "supported"
    """The same with the drop-in module."""
    BETTER = "better"
    """The same call, and something about it is better."""
    LATER = "not yet"
    """It will be there, and is not today."""
    UNSUPPORTED = "unsupported"
    """It is not there and will not be; ``instead`` says what is."""
    UNCLEAR = "unclear"
    """It can't be told from the text; somebody has to look."""

    @property
    def is_good(self) -> bool:
        """Whether the drop-in module can take the original's place here."""
        return self in (Verdict.SUPPORTED, Verdict.BETTER)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a name.

    Attributes:
        verdict: what becomes of its uses.
        why: the reason, a clause; empty where it is simply supported.
        instead: what to use in its place.
        returns: the name of the class whose instance a call gives.
        items: the name of the class whose instances an iteration over what a call gives has.
        is_open: whether it is a class whose members are data, which nobody lists.
        needs: what has to be there for it, a phrase; empty where that is nothing.
        requires: a distribution that the original brought along and the drop-in does not.
    """

    verdict: Verdict = Verdict.SUPPORTED
    why: str = ""
    instead: str = ""
    returns: str | None = None
    items: str | None = None
    is_open: bool = False
    needs: str = ""
    requires: str = ""


UNKNOWN = Entry(Verdict.UNCLEAR, "it is none of the package's public names")
_AS_IT_IS = Entry()


@dataclass(frozen=True, slots=True)
class Support:
    """One drop-in module and the packages whose place it takes.

    Attributes:
        package: what people call the original.
        module: the drop-in module.
        distributions: what requirement files call the packages; with a reason where one can't be replaced.
        modules: the originals' modules, and the module that takes the place of each.
        refused: modules of the originals that nothing takes the place of.
        names: what is known of each name, by its place below the drop-in module.
    """

    package: str
    module: str
    distributions: Mapping[str, Entry]
    modules: Mapping[str, str]
    refused: Mapping[str, Entry]
    names: Mapping[str, Entry] = field(repr=False)

    @property
    def roots(self) -> frozenset[str]:
        """The originals' names in an import statement."""
        return frozenset(name.partition(".")[0] for name in (*self.modules, *self.refused))

    def place(self, module: str) -> str | None:
        """Where an original's module stands below the drop-in module (empty for itself), or None where it has no place."""
        ours = self.modules.get(module)
        return None if ours is None else ours[len(self.module) :].lstrip(".")

    def entry(self, name: str) -> Entry:
        """What is known of a name below the drop-in module, by its own entry or by that of what it belongs to."""
        found = self.names.get(name)
        owner = name
        while found is None and "." in owner:
            owner = owner.rpartition(".")[0]
            above = self.names.get(owner)
            if above is not None and (above.is_open or not above.verdict.is_good):
                found = above
        return UNKNOWN if found is None else found

    def refusal(self, module: str) -> Entry:
        """What is known of a module that has no place."""
        while module not in self.refused and "." in module:
            module = module.rpartition(".")[0]
        return self.refused.get(module, UNKNOWN)


@cache
def supports() -> tuple[Support, ...]:
    """The tables of all drop-in modules."""
    return tuple(parse(files(f"trivet.{name}").joinpath("support.toml").read_text("utf-8")) for name in PACKAGES)


def parse(text: str) -> Support:
    """A table from its text.

    Raises:
        ValueError: it is no table, or says something that nobody would understand.
    """
    import tomllib

    table = tomllib.loads(text)
    replaced = {name: where for name, where in table["modules"].items() if isinstance(where, str)}
    refused = {name: _entry(name, what) for name, what in table["modules"].items() if not isinstance(what, str)}
    return Support(
        package=table["package"],
        module=table["module"],
        distributions={name: _entry(name, what) for name, what in table["distributions"].items()},
        modules=replaced,
        refused=refused,
        names={name: _entry(name, what) for name, what in table["names"].items()},
    )


_VERDICTS = {"better": Verdict.BETTER, "later": Verdict.LATER, "not": Verdict.UNSUPPORTED}


def _entry(name: str, what: Mapping[str, Any]) -> Entry:
    if not what:
        return _AS_IT_IS
    strange = set(what) - {*_VERDICTS, "instead", "returns", "items", "open", "class", "needs", "requires"}
    said = [word for word in _VERDICTS if word in what]
    if strange or len(said) > 1:
        raise ValueError(f"{name}: {', '.join(sorted(strange)) or ' and '.join(said)}")
    return Entry(
        _VERDICTS[said[0]] if said else Verdict.SUPPORTED,
        what[said[0]] if said else "",
        what.get("instead", ""),
        name if what.get("class") else what.get("returns"),
        what.get("items"),
        bool(what.get("open")),
        what.get("needs") or (f"{what['requires']}, which came along with the original" if "requires" in what else ""),
        what.get("requires", ""),
    )
