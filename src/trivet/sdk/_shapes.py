"""Shapes of values that somebody else's program has made: ``isinstance``, with an answer that type checkers can use.

They take what is in a container found that way for unknown; here it is ``Any``, which is what is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it has values under keys."""
    return isinstance(value, Mapping)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a dictionary as JSON and TOML have them, whose keys are texts."""
    return isinstance(value, dict)


def is_listing(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether it is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it has items in an order."""
    return isinstance(value, Sequence)
