"""What was found in a program: the uses of names of the originals."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from trivet.migrate import mentions
from trivet.migrate.origins import Origin, named
from trivet.migrate.support import Entry, Support, Verdict
from trivet.migrate.uses import Use, use_of


class Findings:
    """Collects uses.

    Args:
        file: the program's name, for the report.
        roots: whose modules are whose, by the first part of their name.
    """

    def __init__(self, file: str, roots: Mapping[str, Support]) -> None:
        self.uses: list[Use] = []
        self._file = file
        self._roots = roots

    def origin(self, node: ast.AST, origin: Origin, *, is_set: bool = False) -> None:
        """Something that came from an original is used.

        Args:
            node: where.
            origin: what.
            is_set: whether it is given another value.
        """
        if origin.kind == "module":
            self.name(node, origin.support, origin.original, origin.known or Entry())
            return
        owner = origin.support.names.get(origin.path.rpartition(".")[0])
        if owner is None or not owner.is_open:  # what is data has no end of names
            self.name(node, origin.support, origin.original, origin.entry, is_set=is_set)

    def texts(self, node: ast.Call | ast.Subscript) -> None:
        """Names that stand in texts, where a text names a module, as in ``patch("…")``."""
        for place, name, why in mentions.texts(node):
            support = self._roots.get(name.partition(".")[0])
            if support is not None:
                origin = named(support, name)
                known = origin.known or (Entry() if origin.kind == "module" else origin.entry)
                if known.verdict.is_good:
                    known = Entry(Verdict.UNCLEAR, why, f'write "{origin.target}" there')
                self.name(place, support, name, known)

    def name(self, node: ast.AST, support: Support, name: str, entry: Entry, *, is_set: bool = False) -> None:
        """A name is used.

        Args:
            node: where.
            support: the table that it stands in.
            name: as the original has it.
            entry: what is known of it.
            is_set: whether it is given another value.
        """
        at = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.uses.append(use_of(self._file, at, support.package, name, entry, is_set=is_set))
