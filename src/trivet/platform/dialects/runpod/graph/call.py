"""One request as the resolvers see it: who asks, and the services that answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trivet.platform.core.accounts import Principal
from trivet.platform.core.errors import BadRequest
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


def given(arguments: Arguments, name: str) -> Mapping[str, Any]:
    """The object in an argument.

    Raises:
        BadRequest: it was left out, or is null.
    """
    value = arguments.get(name)
    if value is None:
        raise _missing(name)
    found: Mapping[str, Any] = value
    return found


def required(arguments: Arguments, name: str) -> str:
    """The text in an argument, or in a field of an input.

    Raises:
        BadRequest: it was left out, is null, or empty.
    """
    value = arguments.get(name)
    if not value:
        raise _missing(name)
    return str(value)


def _missing(name: str) -> BadRequest:
    return BadRequest(f"{name} is missing, and nothing can be done without it.", hint=f"Give {name}.")
