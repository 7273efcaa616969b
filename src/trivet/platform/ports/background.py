"""Work that goes on behind the caller's back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Background = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a coroutine to its end without anybody waiting; what it raises is logged."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""
