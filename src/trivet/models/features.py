"""What a model reads and gives: features, each with a key, a name and a type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FeatureType(StrEnum):
    """What the values of a feature are. The words are Jaqpot's, as they stand in `model.json` and on the wire."""

    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    CATEGORICAL = "CATEGORICAL"
    SMILES = "SMILES"
    STRING = "STRING"
    TEXT = "TEXT"
    BOOLEAN = "BOOLEAN"
    FLOAT_ARRAY = "FLOAT_ARRAY"
    STRING_ARRAY = "STRING_ARRAY"
    IMAGE = "IMAGE"


KEY_GRAMMAR: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,254}")
"""A key: a letter, then letters, digits, `-` and `_`."""

ROW_LABEL: Final = "jaqpotRowLabel"
"""The cell of a row that is no feature: a caller's own name for the row, given back beside its result."""

RESERVED_KEYS: Final = frozenset({"jaqpotMetadata", "jaqpotRowId", ROW_LABEL})
"""Keys that mean something else in rows and result rows."""


@dataclass(frozen=True, slots=True)
class PossibleValue:
    """One of the values of a categorical feature."""

    value: str
    description: str


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a model's rows or results.

    `key` names it in rows; `name` is for people. `possible_values` are there for `CATEGORICAL` features alone; those of a
    result may be left open. What is not `visible` is left out of forms; it counts nevertheless.
    """

    key: str
    name: str
    type: FeatureType
    units: str | None = None
    range: str | None = None
    description: str | None = None
    possible_values: tuple[PossibleValue, ...] = ()
    visible: bool = True
