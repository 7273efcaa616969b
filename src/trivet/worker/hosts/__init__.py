"""Hosts: one per kind of program that a worker can run. Another kind is one file here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from trivet.authoring.batching import Batching

HOSTS = {
    "algorithm": "trivet.worker.hosts.algorithm",
    "decorated": "trivet.worker.hosts.decorated",
    "model": "trivet.worker.hosts.model",
}
"""The module of each kind. Its function ``open_host(folder, handler)`` loads the program and returns its `Host`."""


class Unfit(Exception):
    """The program can't be loaded or set up.

    Args:
        error: what it raised.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(type(error)))
        self.error = error


class CheckFailed(Exception):
    """A check that the program makes before its first job did not pass.

    Args:
        check: what it is called.
        reason: why.
    """

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(f"{check}: {reason}")


class Host(Protocol):
    """A program that was loaded, ready to run jobs."""

    kind: str
    """``sync``, ``async``, ``generator`` or ``async_generator``."""
    batching: Batching | None
    """How inputs are gathered into batches; ``None`` where the handler takes one at a time."""
    handler: Callable[..., Any]
    """What is called for each job. It may return an iterator (or async iterator): then the output is a stream. One that takes
    batches is called with a list of items, and returns a list with an output for each."""
    bind: Callable[[bytes, str], tuple[list[Any], dict[str, Any]]]
    """From a body and its content type to the handler's arguments; where it takes batches, to its item, the only argument."""
    encode: Callable[[object], tuple[str, bytes]]
    """From what the handler gives to a content type and a body."""

    def setup(self) -> Any:
        """Runs the author's preparations, once. May return an awaitable."""

    def teardown(self) -> Any:
        """Runs the author's clean-up, once. May return an awaitable."""


def open_host(kind: str, folder: str, handler: str) -> Host:
    """Loads a program.

    Args:
        kind: a key of `HOSTS`.
        folder: where the author's code lies.
        handler: what to load there, in the words of that kind of host.

    Raises:
        Unfit: nobody knows this kind, or the author's code raised.
    """
    try:
        if kind not in HOSTS:
            raise LookupError(f"this worker runs no programs of the kind {kind!r}; it knows {', '.join(HOSTS)}")
        host: Host = import_module(HOSTS[kind]).open_host(folder, handler)
    except BaseException as error:
        raise Unfit(error) from error
    return host
