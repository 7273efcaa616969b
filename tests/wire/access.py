"""What tests of access share: the state of a world to compare, worlds that are as new, paths, and answers that are alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from tests.wire.fakes import Answer, World
from trivet.platform.core.accounts import Scope
from trivet.platform.core.keys import ApiKey
from trivet.platform.stores.memory.tables import Table

USUAL = frozenset({Scope.CALL, Scope.READ, Scope.DEPLOY, Scope.DATA})
"""What a key may do of which nothing else is said."""
PARTS = re.compile(r"\{(\w+)\}")
W = TypeVar("W", bound=World)


class Stage(Generic[W]):
    """Gives a world to one test after another, and makes a new one where a test has changed anything in it."""

    def __init__(self, make: Callable[[], W]) -> None:
        self._make = make
        self._world: W | None = None
        self._state: list[Any] = []

    def world(self) -> W:
        """A world in which everything is as it was made."""
        if self._world is None or state_of(self._world) != self._state:
            self._world = self._make()
            self._state = state_of(self._world)
        return self._world


def state_of(world: World) -> list[Any]:
    """All that a platform holds, but for when a key was used last: rows, blobs, open jobs, workers."""
    parts = vars(world.store._transaction).values()
    tables = (rows for part in parts for rows in vars(part).values() if isinstance(rows, Table))
    return [
        dict(world.blobs.blobs),
        sorted(job.id for job in world.dispatcher.open_jobs.jobs()),
        len(world.runtime.started),
        *([replace(row, last_used_at=None) if isinstance(row, ApiKey) else row for row in rows] for rows in tables),
    ]


def filled(path: str, parts: Mapping[str, str]) -> str:
    """A path with its parts in their places."""
    return PARTS.sub(lambda match: parts[match[1]], path)


def same(hidden: Answer, parts: Mapping[str, str], missing: Answer, others: Mapping[str, str]) -> bool:
    """Whether two answers differ in nothing but the names that were asked for."""
    text = missing.body.decode()
    for name in sorted(others, key=lambda name: -len(others[name])):
        text = text.replace(others[name], parts[name])
    of_names = {"content-length", "x-error-message"}
    one, other = ({n: v for n, v in each.headers.items() if n not in of_names} for each in (hidden, missing))
    return (hidden.status, hidden.body.decode(), one) == (missing.status, text, other) and (
        hidden.headers.keys() == missing.headers.keys()
    )
