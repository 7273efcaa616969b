"""The statements that every table needs, spelled out from its columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statements:
    """``add`` and ``put`` take a row, ``save`` a row and the id; ``select`` is to be continued with a condition."""

    add: str
    put: str
    save: str
    select: str


def statements(table: str, columns: str) -> Statements:
    """The statements for ``table``, whose ``columns`` are parted by commas. Both are ours, never a caller's."""
    names = ", ".join(column.strip() for column in columns.split(","))
    row = f"({', '.join('?' * len(names.split(',')))})"
    return Statements(
        add=f"INSERT INTO {table} ({names}) VALUES {row}",  # noqa: S608 - see above
        put=f"REPLACE INTO {table} ({names}) VALUES {row}",  # noqa: S608 - see above
        save=f"UPDATE {table} SET ({names}) = {row} WHERE id = ?",  # noqa: S608 - see above
        select=f"SELECT {names} FROM {table}",  # noqa: S608 - see above
    )
