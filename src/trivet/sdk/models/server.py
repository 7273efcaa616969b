"""The server itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trivet.sdk.models.base import Model


@dataclass(frozen=True, slots=True)
class Readiness(Model):
    """Whether the server takes calls (true in a condition); ``checks`` is what it says about itself."""

    ready: bool
    checks: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __bool__(self) -> bool:
        return self.ready
