"""From an exception to what the caller is told: a code, the author's own words, and the author's own frames."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceback import TracebackException

_OURS = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib would take a tenth of a worker's start
_OUR_FOLDERS = tuple(f"{_OURS}/{name}/" for name in ("authoring", "protocol", "worker"))
_MAX_MESSAGE = 16 * 1024
_MAX_TRACEBACK = 64 * 1024


class Relayed(Exception):
    """A failure in another process, told in that one's words.

    Args:
        message: what went wrong.
        type: what kind of failure it is, as its author names it.
        traceback: where it happened; may be empty.
        code: the stable word for it.
    """

    def __init__(self, message: str, type: str, traceback: str = "", *, code: str = "handler_error") -> None:
        super().__init__(message)
        self.type = type
        self.traceback = traceback
        self.code = code


def describe(error: BaseException, folder: str = "") -> dict[str, Any]:
    """What an ERROR frame says of ``error``.

    Args:
        error: what the handler raised, or what kept it from being called or answered.
        folder: where the author's code lies; paths in it are shown relative to it.

    Returns:
        ``code``, ``message``, ``type`` and ``traceback``.
    """
    from trivet.authoring.errors import AuthoringError

    code, text = "handler_error", message_of(error)
    if isinstance(error, AuthoringError):
        code = error.code
        if code == "invalid_input":
            text = f"The input does not fit the handler: {text}."
    elif isinstance(error, Relayed):
        code = error.code
    elif isinstance(error, MemoryError):
        code = "out_of_memory"
        text = f"The handler ran out of memory{f' ({text})' if text else ''}; give it more with endpoint(memory=…)."
    elif isinstance(error, SystemExit):
        code = "handler_exited"
        text = f"The handler ended the program (exit status {error.code}) where it should return or raise."
    return {
        "code": code,
        "message": text or type_of(error),
        "type": type_of(error),
        "traceback": traceback_of(error, folder),
    }


def message_of(error: BaseException) -> str:
    """The exception's own words, which may be none."""
    try:
        text = str(error)
    except Exception as worse:  # noqa: BLE001 - the author's __str__ can raise anything
        text = f"(its text can't be had: {type(worse).__name__})"
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"


def type_of(error: BaseException) -> str:
    """The exception's class, with its module unless it is Python's own or ours."""
    if isinstance(error, Relayed):
        return error.type
    kind = type(error)
    plain = kind.__module__ == "builtins" or kind.__module__.startswith("trivet.")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def traceback_of(error: BaseException, folder: str = "") -> str:
    """The traceback without our own frames; the end of it, where it is very long."""
    from traceback import TracebackException

    if isinstance(error, Relayed):
        return error.traceback[-_MAX_TRACEBACK:]
    try:
        summary = TracebackException.from_exception(error)
        _trim(summary, f"{folder}/" if folder else "", set())
        text = "".join(summary.format())
    except Exception:  # noqa: BLE001 - the author's exception can be of any make, and must be reported none the less
        return type_of(error)
    return text if len(text) <= _MAX_TRACEBACK else f"…{text[-_MAX_TRACEBACK:]}"


def _trim(summary: TracebackException, folder: str, seen: set[int]) -> None:
    if id(summary) in seen:
        return
    seen.add(id(summary))
    kept = [frame for frame in summary.stack if not frame.filename.startswith(_OUR_FOLDERS)]
    kept = [frame for frame in kept if not frame.filename.startswith("<frozen importlib")]
    for frame in kept:
        if folder and frame.filename.startswith(folder):
            frame.line  # noqa: B018 - reads the source line while the path still leads to it
            frame.filename = frame.filename[len(folder) :]
    summary.stack[:] = kept
    for inner in (summary.__cause__, summary.__context__, *(summary.exceptions or ())):
        if inner is not None:
            _trim(inner, folder, seen)
