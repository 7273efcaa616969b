"""A bar on the terminal for the progress that a job tells; it appears with the first word and leaves no trace."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class ProgressLine:
    """Use it as a context; `show` may be called any number of times, or never."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._row: TaskID | None = None

    def show(self, fraction: float | None, message: str | None) -> None:
        """Shows how far the job is.

        Args:
            fraction: from 0 to 1; ``None`` where the job told none.
            message: what it is doing.
        """
        if self._bar is None or self._row is None:
            self._bar, self._row = _open()
        self._bar.update(self._row, completed=fraction or 0.0, description=message or "")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _open() -> tuple[Bar, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    row = bar.add_task("", total=1.0)
    bar.start()
    return bar, row
