"""A program: an endpoint made ready to run, with its instance, its binding and its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trivet.authoring.binding import Arguments
from trivet.authoring.decorator import Endpoint
from trivet.authoring.outputs import encode

if TYPE_CHECKING:
    from trivet.authoring.batching import Batching


class Program:
    """One endpoint in one process. Both ``local`` and the worker run this.

    Args:
        endpoint: what to run. A class is instantiated here; `setup` comes afterwards.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.kind = endpoint.kind
        self.batching: Batching | None = None
        """How its inputs are gathered; None where the handler takes one at a time."""
        if endpoint.takes_batches:
            from trivet.authoring.batching import Batching

            self.batching = Batching.of(endpoint.settings)
        self._binding = endpoint.binding()
        self._instance = endpoint.target() if endpoint.is_class else None
        self.handler = endpoint.function.__get__(self._instance) if endpoint.is_class else endpoint.target
        self.bind = self._binding.bind
        self.encode = encode

    def setup(self) -> Any:
        """Loads what the handler needs, once. Returns an awaitable where the author's ``setup`` is async."""
        return self._call("setup")

    def teardown(self) -> Any:
        """Gives back what `setup` took. Returns an awaitable where the author's ``teardown`` is async."""
        return self._call("teardown")

    def _call(self, name: str) -> Any:
        method = getattr(self._instance, name, None) if self._instance is not None else None
        return method() if callable(method) else None


__all__ = ["Arguments", "Program"]
