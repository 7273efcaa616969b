"""How long parts of a handler take: times are kept under names, and read at the end.

::

    from trivet.runpod.serverless.utils.rp_debugger import FunctionTimer, LineTimer

    @FunctionTimer
    def load():
        ...

    def handler(job):
        with LineTimer("inference"):
            ...

``python handler.py --rp_debugger`` adds them to each output that is an object, as ``rp_debugger``. The times of all jobs of a
process are kept together: what jobs that run side by side have measured comes with whichever ends first.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from types import MethodType, TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

from trivet.runpod.error import RunPodError
from trivet.runpod.version import __version__

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "FunctionTimer",
    "LineTimer",
    "add_debugger_output",
    "clear_debugger_output",
    "get_debugger_output",
]

_KEPT = 10_000
"""Times that are kept; in a program that never reads them, the oldest go."""

P = ParamSpec("P")
R = TypeVar("R")


class CheckpointError(RunPodError, KeyError):
    """A name is there already, or is not there, or was not started."""

    default_code = "checkpoint"


class _Watch:
    """A time that is being taken."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._at = datetime.now(UTC)
        self._begun = time.perf_counter()

    def stop(self) -> dict[str, Any]:
        taken = (time.perf_counter() - self._begun) * 1000
        return {
            "name": self._name,
            "start_utc": _utc(self._at),
            "stop_utc": _utc(datetime.now(UTC)),
            "duration_ms": taken,
        }


class Checkpoints:
    """Times by name; everybody in a process shares the one."""

    _only: Checkpoints | None = None
    _lock = threading.Lock()

    def __new__(cls) -> Self:
        """The one that is there already, or a new one."""
        with cls._lock:
            if not isinstance(cls._only, cls):
                cls._only = super().__new__(cls)
        only: Self = cls._only
        return only

    def __init__(self) -> None:
        if not hasattr(self, "_named"):  # it is called whenever somebody asks for the one
            self._named: dict[str, _Watch | None] = {}
            self._taken: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def add(self, name: str) -> None:
        """Makes a name known.

        Raises:
            CheckpointError: it is known already.
        """
        with self._lock:
            if name in self._named:
                raise CheckpointError(
                    f'Checkpoint name "{name}" already exists.', hint="Add it once, or read and clear."
                )
            self._named[name] = None

    def start(self, name: str) -> None:
        """Begins to take a time.

        Raises:
            CheckpointError: the name was not added.
        """
        with self._lock:
            self._known(name)
            self._named[name] = _Watch(name)

    def stop(self, name: str) -> None:
        """Ends it.

        Raises:
            CheckpointError: the name was not added, or not started.
        """
        with self._lock:
            watch = self._known(name)
            if watch is None:
                raise CheckpointError("Checkpoint has not been started.", hint=f'Call start("{name}") before.')
            self._named[name] = None
            self._taken.append(watch.stop())

    def get_checkpoints(self) -> list[dict[str, Any]]:
        """The times that were taken since the last reading: ``name``, ``start_utc``, ``stop_utc``, ``duration_ms``."""
        with self._lock:
            taken = list(self._taken)
            self._taken.clear()
        return taken

    def clear(self) -> None:
        """Forgets names and times."""
        with self._lock:
            self._named.clear()
            self._taken.clear()

    def keep(self, taken: dict[str, Any]) -> None:
        """Keeps a time that was taken elsewhere."""
        with self._lock:
            self._taken.append(taken)

    def _known(self, name: str) -> _Watch | None:
        if name not in self._named:
            raise CheckpointError(f"Checkpoint name '{name}' does not exist.", hint="Add it first.")
        return self._named[name]


class LineTimer:
    """Takes the time of the lines in a ``with`` statement; may be used again, and by several threads with one name.

    Args:
        name: what they are called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._watches: list[_Watch] = []

    def __enter__(self) -> None:
        """Begins."""
        self._watches.append(_Watch(self.name))

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends; also where the lines have raised."""
        Checkpoints().keep(self._watches.pop().stop())


class FunctionTimer(Generic[P, R]):
    """Takes the time of each call of a function; a decorator for functions, methods and coroutines.

    Args:
        function: the function.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function gives; that of a coroutine is waited for before the time ends."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        if inspect.iscoroutinefunction(self.function):
            timed: Any = _timed(name, self.function(*args, **kwargs))
            return timed  # type: ignore[no-any-return]  # a coroutine like the function's own
        with LineTimer(name):
            return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        """The timer of a method, bound as the method would be."""
        return self if instance is None else MethodType(self, instance)


def get_debugger_output() -> dict[str, Any]:
    """The times that were taken, which are forgotten then, and what they were taken on.

    Returns:
        ``system_info`` (``os``, ``processor``, ``python_version``, ``runpod``), and ``timestamps`` as
        `Checkpoints.get_checkpoints` gives them.
    """
    return {"system_info": _system(), "timestamps": Checkpoints().get_checkpoints()}


def clear_debugger_output() -> None:
    """Forgets the times that were taken."""
    Checkpoints().clear()


def add_debugger_output(report: MutableMapping[str, Any], ready_delay_ms: float) -> None:
    """Adds to a job's report what was measured for it, where its output is an object; any other output stays as it is.

    Args:
        report: what is told of the job: ``output``, ``error``.
        ready_delay_ms: milliseconds from the worker's start to its first question for a job.
    """
    measured = get_debugger_output()
    output = report.get("output")
    if isinstance(output, dict):
        report["output"] = {**output, "rp_debugger": {**measured, "ready_delay_ms": ready_delay_ms}}


async def _timed(name: str, result: Awaitable[R]) -> R:
    with LineTimer(name):
        return await result


@functools.cache
def _system() -> dict[str, str]:
    import platform

    return {
        "os": f"{platform.system()} {platform.release()}",
        "processor": _processor() or platform.machine(),
        "python_version": platform.python_version(),
        "runpod": __version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be loaded for this alone
            return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return ""


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
