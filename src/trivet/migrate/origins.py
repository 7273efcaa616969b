"""Where a value in a program comes from: a module of an original, a name in one, or an object of one of its classes."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from trivet.migrate.support import Entry, Support, Verdict

Kind = Literal["module", "name", "instance", "items"]
"""A module, a name in one, an object of a class, or a collection of such objects."""
_ELSEWHERE = Entry(
    Verdict.UNCLEAR, "the drop-in module has these names in another place", "import them by name: from … import …"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from.

    Attributes:
        kind: what it is.
        support: whose.
        path: its place below the drop-in module; of objects, that of their class.
        original: what the original calls it.
        known: what is known of it and of all in it, whatever the table says of its place.
    """

    kind: Kind
    support: Support
    path: str
    original: str
    known: Entry | None = None

    @property
    def entry(self) -> Entry:
        """What is known of it."""
        return self.known or self.support.entry(self.path)

    @property
    def target(self) -> str:
        """Where it is now, as text that a program could import it by."""
        return f"{self.support.module}.{self.path}".rstrip(".")

    def member(self, attribute: str) -> Origin | None:
        """What one of its attributes is."""
        if self.kind == "items":
            return None
        support, original = self.support, f"{self.original}.{attribute}"
        path = f"{self.path}.{attribute}".lstrip(".")
        if self.known is not None:
            return replace(self, kind="name", path=path, original=original)
        is_module = original in support.modules or original in support.refused
        if self.kind == "module" and path not in support.names and is_module:
            found = module_of(support, original)
            return found if found.path == path or found.known else replace(found, known=_ELSEWHERE)
        return Origin("name", support, path, original)

    def called(self) -> Origin | None:
        """What a call of it gives: an object, or a collection where its items are known."""
        if self.kind != "name":
            return None
        entry = self.entry
        if entry.returns is not None:
            return _of_class("instance", self.support, entry.returns)
        return None if entry.items is None else _of_class("items", self.support, entry.items)

    def item(self) -> Origin | None:
        """What is in a collection."""
        return replace(self, kind="instance") if self.kind == "items" else None

    def gathered(self) -> Origin | None:
        """A collection of what this is one of."""
        return replace(self, kind="items") if self.kind == "instance" else None


@dataclass(slots=True)
class Own:
    """A function of the program itself; what a call gives is found out when somebody asks.

    Attributes:
        returned: gives what a call gives.
        is_property: whether it is called by naming it.
    """

    returned: Callable[[], Value]
    is_property: bool = False


@dataclass(slots=True)
class OwnClass:
    """A class of the program itself, and what its objects hold."""

    attributes: MutableMapping[str, Value]


@dataclass(slots=True)
class Starred:
    """A name that came by a star, and the names that turned out to be used of it."""

    origin: Origin
    used: set[str]


Value: TypeAlias = Origin | Own | OwnClass | Starred | None


@dataclass(slots=True)
class Scope:
    """The names of a module, a class or a function.

    Attributes:
        names: what each is; None for what is none of the originals'.
        elsewhere: names that it binds in another scope, as it says ``global`` or ``nonlocal``.
    """

    names: dict[str, Value] = field(default_factory=dict[str, "Value"])
    elsewhere: dict[str, Scope] = field(default_factory=dict[str, "Scope"])


def module_of(support: Support, name: str) -> Origin:
    """One of the originals' modules."""
    place = support.place(name)
    return Origin("module", support, place or "", name, support.refusal(name) if place is None else None)


def named(support: Support, dotted: str) -> Origin:
    """What a dotted name stands for: the longest module in it, and the names below."""
    module, rest = dotted, ""
    while module not in support.modules and module not in support.refused and "." in module:
        module, _, last = module.rpartition(".")
        rest = f"{last}.{rest}"
    origin = module_of(support, module)
    for name in filter(None, rest.split(".")):
        origin = origin.member(name) or origin
    return origin


def shown(path: str) -> str:
    """What an instance of a class is called in a report: by the class alone."""
    return path.rpartition(".")[2]


def _of_class(kind: Kind, support: Support, path: str) -> Origin:
    return Origin(kind, support, path, shown(path))
