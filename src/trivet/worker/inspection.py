"""``python -I -m trivet.worker inspect FOLDER``: loads a bundle once, in its own environment, and says what is in it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from trivet.worker.failures import message_of, traceback_of, type_of


def inspect(folder: str) -> int:
    """Prints one line of JSON on stdout: the endpoints, or why they can't be loaded.

    Whatever the author's code prints meanwhile goes to stderr.

    Args:
        folder: the bundle.

    Returns:
        The exit status: 0, or 1 where it can't be loaded.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    status, answer = _look(os.path.realpath(folder))
    with open(answers, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - a descriptor, not a path
        stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    return status


def _look(folder: str) -> tuple[int, dict[str, Any]]:
    from trivet.authoring.discover import load
    from trivet.authoring.errors import LoadFailed

    try:
        return 0, {"endpoints": [endpoint.describe() for endpoint in load(folder)]}
    except BaseException as error:  # noqa: BLE001 - the author's module can raise anything, SystemExit included
        told = {"message": message_of(error), "type": type_of(error), "traceback": ""}
        if not isinstance(error, LoadFailed):  # what we found wrong ourselves says it all in its message
            told["traceback"] = traceback_of(error, folder)
        return 1, {"error": told}
