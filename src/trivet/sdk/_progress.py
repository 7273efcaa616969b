"""A progress bar where somebody watches: on a terminal or in a notebook. rich is imported only then."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any, Protocol


class Bar(Protocol):
    """Shows how many of some items are done."""

    def advance(self) -> None:
        """One more is done."""

    def close(self) -> None:
        """Leave the bar as it stands."""


class _NoBar:
    def advance(self) -> None:
        pass

    def close(self) -> None:
        pass


class _RichBar:
    def __init__(self, label: str, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._row = self._progress.add_task(label, total=total)
        self._progress.start()

    def advance(self) -> None:
        self._progress.advance(self._row)

    def close(self) -> None:
        self._progress.stop()


def open_bar(label: str, items: Any, show: bool | None) -> Bar:
    """A bar for ``items``.

    Args:
        label: what stands beside it.
        items: what is gone through; its length is the total, where it has one.
        show: True or False; None shows it where somebody watches.
    """
    if not (_watched() if show is None else show):
        return _NoBar()
    try:
        total = len(items)
    except TypeError:
        total = None
    return _RichBar(label, total)


def _watched() -> bool:
    if "ipykernel" in sys.modules:
        return find_spec("ipywidgets") is not None  # without it, rich can only warn in a notebook
    return sys.stderr is not None and sys.stderr.isatty()
