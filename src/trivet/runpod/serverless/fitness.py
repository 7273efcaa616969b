"""Checks that a worker makes before it takes its first job: whoever is not fit says so, and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

C = TypeVar("C", bound=Callable[[], Any])

_checks: list[Callable[[], Any]] = []


class Unfit(NamedTuple):
    """A check that did not pass."""

    check: str
    reason: str


def register_fitness_check(func: C) -> C:
    """Has a function called before the worker takes its first job, in the order of registration; to be used as a decorator.

    Args:
        func: plain or asynchronous, without arguments; the worker is not fit where it raises.

    Returns:
        The same function.
    """
    _checks.append(func)
    return func


def clear_fitness_checks() -> None:
    """Forgets all checks."""
    _checks.clear()


def first_failure() -> Unfit | None:
    """Makes the checks, up to the first that does not pass."""
    for check in tuple(_checks):
        try:
            found = check()
            if hasattr(found, "__await__"):
                import asyncio

                asyncio.run(_awaited(found))
        except Exception as error:  # noqa: BLE001 - a check may raise anything, and that is its answer
            return Unfit(getattr(check, "__name__", "check"), f"{type(error).__name__}: {error}")
    return None


async def _awaited(found: Any) -> None:
    await found
