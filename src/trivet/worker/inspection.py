"""``python -I -m trivet.worker inspect FOLDER [PROGRAM [HOST]]``: loads a bundle once, and says what it is."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from trivet.worker.failures import message_of, traceback_of, type_of


def inspect(folder: str, program: str | None = None, host: str = "") -> int:
    """Prints one line of JSON on stdout: the endpoints, or why they can't be loaded.

    Whatever the author's code prints meanwhile goes to stderr.

    Args:
        folder: the bundle.
        program: the file in it that is run to learn of its endpoint; None: they are imported.
        host: the kind of program that it is.

    Returns:
        The exit status: 0, or 1 where it can't be loaded.
    """
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    folder = os.path.realpath(folder)
    if program is None:
        status, answer = _look(folder)
        tell(answers, answer)
        return status
    if host == "algorithm":
        from trivet.worker.algorithms.check import rehearse
    else:
        from trivet.worker.rehearsal import rehearse

    return rehearse(folder, program, answers)


def tell(answers: int, answer: dict[str, Any]) -> None:
    """Writes an answer to where the loader reads it."""
    with open(answers, "w", encoding="utf-8") as stdout:
        stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")


def failure(error: BaseException, folder: str) -> dict[str, Any]:
    """The answer where the author's code in a folder could not be loaded."""
    from trivet.authoring.errors import LoadFailed

    told = {"message": message_of(error), "type": type_of(error), "traceback": ""}
    if not isinstance(error, LoadFailed):  # what we found wrong ourselves says it all in its message
        told["traceback"] = traceback_of(error, folder)
    return {"error": told}


def _look(folder: str) -> tuple[int, dict[str, Any]]:
    from trivet.authoring.discover import load

    try:
        return 0, {"endpoints": [endpoint.describe() for endpoint in load(folder)]}
    except BaseException as error:  # noqa: BLE001 - the author's module can raise anything, SystemExit included
        return 1, failure(error, folder)
