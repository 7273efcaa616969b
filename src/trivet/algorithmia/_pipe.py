"""The pipe between a platform and an algorithm: a line of JSON on the standard input asks, one on a named pipe answers."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trivet.algorithmia.errors import InputError

PATH = "/tmp/algoout"  # noqa: S108 — the contract's own
"""Where an algorithm answers. That it is there says that a platform runs the algorithm."""
READY = "PIPE_INIT_COMPLETE"
ALGORITHM_ERROR = "AlgorithmError"
LOADING_ERROR = "LoadingError"


def is_local() -> bool:
    """Whether no platform runs this."""
    return not os.path.exists(PATH)  # noqa: PTH110 — the very functions that a platform redirects where it can't mount


def arity(function: Callable[..., Any], usual: int) -> int:
    """How many arguments a function takes by position; ``usual`` where it is one of Python's own that don't say."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return usual
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in parameters)


def say_ready() -> None:
    """Tells the platform that the algorithm is loaded."""
    print(READY, flush=True)  # noqa: T201 — it is the protocol


def requests() -> Iterator[dict[str, Any]]:
    """What is asked, until there is no more."""
    for line in sys.stdin:
        if line.strip():
            yield json.loads(line)


def input_of(request: Mapping[str, Any]) -> Any:
    """The input in a request: text, bytes, or what JSON can hold.

    Raises:
        InputError: its kind is unknown.
    """
    kind = request["content_type"]
    if kind in {"text", "json"}:
        return request["data"]
    if kind == "binary":
        return base64.b64decode(request["data"])
    raise InputError(f"Invalid content_type: {kind}")


def result(value: Any) -> str:
    """A result as the document that answers with it.

    Raises:
        TypeError: it is more than JSON can hold.
        ValueError: it holds itself.
    """
    kind = "json"
    if isinstance(value, bytes | bytearray):
        value, kind = base64.b64encode(value).decode(), "binary"
    elif isinstance(value, str):
        kind = "text"
    return json.dumps({"result": value, "metadata": {"content_type": kind}})


def failure(error: BaseException, kind: str = ALGORITHM_ERROR) -> str:
    """An error as the document that answers with it.

    Args:
        error: what was raised; its ``error_type`` says of what kind it is.
        kind: the kind of one that doesn't say.
    """
    import traceback

    told = {
        "message": str(error),
        "stacktrace": "".join(traceback.format_exception(error)),
        "error_type": getattr(error, "error_type", kind),
    }
    return json.dumps({"error": told}, default=str)


def answer(document: str) -> None:
    """Answers with a document: on the pipe, or where there is none, on the standard output."""
    if is_local():
        print(document, flush=True)  # noqa: T201 — whoever tries it out wants to see it
        return
    # What was printed belongs to this answer, and must be out before it.
    sys.stdout.flush()
    with open(PATH, "w", encoding="utf-8") as pipe:  # noqa: PTH123 — the very function that a platform redirects
        pipe.write(f"{document}\n")
