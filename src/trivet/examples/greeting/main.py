"""A greeting: the smallest endpoint."""

from __future__ import annotations

import trivet


@trivet.endpoint(workers=(0, 3), timeout=60)
def hello(name: str, times: int = 1) -> str:
    """Greets somebody, as often as asked."""
    return " ".join([f"Hello {name}"] * times)
