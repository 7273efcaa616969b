"""Marks: what `/proc/PID/environ` shows of a process can be overwritten by itself, and only as far as there is room."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
PROGRAM = """
import json, os, sys
from trivet.worker.marks import Marks, Unmarkable
try:
    Marks().write(json.loads(sys.argv[1]))
except Unmarkable as error:
    print(json.dumps(str(error)))
else:
    with open("/proc/self/environ") as file:
        shown = dict(entry.partition("=")[::2] for entry in file.read().split(chr(0)) if entry)
    print(json.dumps([shown, dict(os.environ)]))
"""
ROOM = {"TRIVET_WORKER_ID": "p" * 20, "TRIVET_WORKER_FOLDER": "/data/" + "p" * 20}


def run(environ: dict[str, str], values: dict[str, str]) -> Any:
    command = [sys.executable, "-I", "-c", PROGRAM, json.dumps(values)]
    return json.loads(subprocess.run(command, env=environ, check=True, capture_output=True, timeout=20).stdout)


def test_the_marks_are_overwritten_and_nothing_else() -> None:
    shown, own = run({"A": "1", **ROOM, "Z": "26"}, {"TRIVET_WORKER_ID": "w1", "TRIVET_WORKER_FOLDER": "/data/w1"})
    assert shown == {"A": "1", "TRIVET_WORKER_ID": "w1", "TRIVET_WORKER_FOLDER": "/data/w1", "Z": "26"}
    assert {name: own[name] for name in ROOM} == ROOM  # Python's own copy is another matter


def test_a_mark_that_is_too_long_or_has_no_place_is_refused() -> None:
    long = {"TRIVET_WORKER_ID": "w" * 21, "TRIVET_WORKER_FOLDER": "/data/w"}
    assert run(ROOM, long) == "TRIVET_WORKER_ID has more than 20 bytes"
    assert run({"A": "1"}, ROOM) == "TRIVET_WORKER_ID was not set at the start"
