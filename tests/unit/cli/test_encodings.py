"""Terminals that can't show every character: what is said gets through, in escapes where it must."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sdk.server import Server, accepted, job

SAID = "Bönd → 😀"
LATIN = "B\xf6nd \\u2192 \\U0001f600"
"""The same, as far as Latin-1 goes."""


def said_by(server: Server, profile: Path, encoding: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    """The command's own words, in a process whose streams have this encoding."""
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "TRIVET_CONFIG": str(profile)}
    return subprocess.run(
        [sys.executable, "-m", "trivet.cli", *words], env=environ, check=False, capture_output=True, timeout=60
    )


@pytest.mark.parametrize(
    ("output", "encoding", "printed"),
    [
        (SAID, "utf-8", SAID.encode()),
        (SAID, "ascii", SAID.encode()),  # which nobody means: it is what is left where nothing is set
        (SAID, "latin-1", LATIN.encode("latin-1")),
        ("half \ud800", "utf-8", b"half \\ud800"),
    ],
)
def test_a_text_gets_through(logged_in: Server, profile: Path, output: str, encoding: str, printed: bytes) -> None:
    logged_in.on("POST", "/endpoints/admin/hello/submit", accepted(job()))
    logged_in.on("GET", "/jobs/job_1/result", lambda it: it.output(output))
    done = said_by(logged_in, profile, encoding, "call", "admin/hello")
    assert (done.returncode, done.stdout.rstrip(), done.stderr) == (0, printed, b"")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_stays_json(logged_in: Server, profile: Path, encoding: str) -> None:
    logged_in.on("GET", "/secrets", lambda it: it.json({"items": [{"name": SAID}], "next": None}))
    done = said_by(logged_in, profile, encoding, "secrets", "ls", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["name"] for each in json.loads(done.stdout)] == [SAID]


def test_a_table_and_an_error_get_through(logged_in: Server, profile: Path) -> None:
    logged_in.on("GET", "/secrets", lambda it: it.json({"items": [{"name": SAID}], "next": None}))
    table = said_by(logged_in, profile, "latin-1", "secrets", "ls")
    assert (table.returncode, table.stdout.split(b"  ")[0].splitlines()[1:]) == (0, [LATIN.encode("latin-1")])
    logged_in.on("GET", "/secrets", lambda it: it.problem(404, "not_found", detail=SAID))
    error = said_by(logged_in, profile, "latin-1", "secrets", "ls")
    assert (error.returncode, LATIN.encode("latin-1") in error.stderr) == (1, True)
