"""Fields of a document, read with a sentence for each that is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from trivet.models.problems import shown

T = TypeVar("T")

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text for people holds, and what terminals obey."""


class Reader:
    """Reads fields, and keeps in `problems` what is wrong with them, each with its place in front.

    A method gives None, or nothing, for a field that is wrong: whoever reads on sees at the end whether there are problems.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def wrong(self, where: str, what: str) -> None:
        """Keeps one more problem."""
        self.problems.append(f"{where}: {what}")

    def text(self, where: str, value: object, *, least: int = 0, most: int, required: bool = False) -> str | None:
        """A text of `least` to `most` characters; None where there is none, or it is wrong."""
        if value is None:
            if required:
                self.wrong(where, "is missing")
            return None
        if not isinstance(value, str):
            self.wrong(where, f"must be text, not {shown(value)}")
            return None
        if not least <= len(value) <= most:
            self.wrong(
                where,
                f"must have {f'{least:,} to' if least else 'at most'} {most:,} characters, and has {len(value):,}",
            )
            return None
        if _CONTROLS.search(value):
            self.wrong(where, f"holds a control character: {shown(value)}")
            return None
        return value

    def choice(self, where: str, value: object, choices: Sequence[str], *, usual: str | None = None) -> str | None:
        """One of a closed list of words."""
        if value is None and usual is not None:
            return usual
        if isinstance(value, str) and value in choices:
            return value
        said = "is missing" if value is None else f"{shown(value)} is not known"
        self.wrong(where, f"{said}; it is one of {', '.join(choices)}")
        return None

    def mapping(self, where: str, value: object) -> dict[str, Any]:
        """An object; an absent one is empty."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.wrong(where, f"must be an object, not {shown(value)}")
            return {}
        return dict(value)

    def items(self, where: str, value: object, most: int, read: Callable[[str, Any], T | None]) -> tuple[T, ...]:
        """A list, each item read by `read(where, item)`; items that are wrong are left out."""
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            self.wrong(where, f"must be a list, not {shown(value)}")
            return ()
        if len(value) > most:
            self.wrong(where, f"has {len(value):,} items, the limit is {most:,}")
            return ()
        found = (read(f"{where}[{index}]", item) for index, item in enumerate(value))
        return tuple(item for item in found if item is not None)
