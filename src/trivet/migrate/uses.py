"""What a reading finds: uses of the original packages."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.migrate.support import Entry, Verdict


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an original package.

    Attributes:
        file: the file, below the path that was asked about.
        line: the line, from 1; in a notebook, that of the cell.
        column: the column, from 1.
        package: which original: ``runpod``, ``algorithmia`` or ``jaqpot``.
        name: what is used, by the name that the original has for it.
        verdict: what becomes of it.
        why: the reason.
        instead: what to use in its place, where it is not supported.
        cell: the notebook's cell, from 1; None elsewhere.
        needs: what has to be there for it; empty where that is nothing.
        requires: a distribution that the original brought along, and that has to be required now.
        is_requirement: whether it says that the package is to be installed; else it is code.
        is_set: whether it sets something on the package itself, which all modules of a program share.
    """

    file: str
    line: int
    column: int
    package: str
    name: str
    verdict: Verdict
    why: str = ""
    instead: str = ""
    cell: int | None = None
    needs: str = ""
    requires: str = ""
    is_requirement: bool = False
    is_set: bool = False

    def to_dict(self) -> dict[str, object]:
        """The use as a JSON object."""
        cell = {} if self.cell is None else {"cell": self.cell}
        return {
            "file": self.file, "line": self.line, "column": self.column, **cell,
            "kind": "requirement" if self.is_requirement else "code", "package": self.package,
            "name": self.name, "verdict": self.verdict.value, "why": self.why, "instead": self.instead,
            "needs": self.needs,
        }  # fmt: skip


def use_of(
    file: str, at: tuple[int, int], package: str, name: str, entry: Entry, *,
    is_requirement: bool = False, is_set: bool = False,
) -> Use:  # fmt: skip
    """A use with what is known of its name."""
    return Use(
        file, at[0], at[1], package, name, entry.verdict, entry.why, entry.instead,
        needs=entry.needs, requires=entry.requires, is_requirement=is_requirement, is_set=is_set,
    )  # fmt: skip
