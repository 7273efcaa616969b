"""One request as the resolvers see it: who asks, and the services that answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trivet.platform.core.accounts import Principal
from trivet.platform.dialects.runpod.context import RunPodServices


@dataclass(frozen=True, slots=True)
class GraphCall:
    """Given to every resolver."""

    services: RunPodServices
    principal: Principal


Arguments = Mapping[str, Any]
"""The arguments of a field, as the schema has checked them: only those that were given."""
Resolver = Callable[[GraphCall, Arguments], Awaitable[Any]]
"""Answers one field of the schema's roots, or of the account. It may raise a `CoreError`."""
