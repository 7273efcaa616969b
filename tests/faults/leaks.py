"""What must not be left behind once a platform has stopped: processes, files, sockets."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil

from tests.faults.auditor import Violation
from tests.faults.records import Disk
from tests.faults.server import Server

PATIENCE = 30.0
"""Seconds that a killed process may need to be gone."""


def find_leaks(server: Server, disk: Disk) -> list[Violation]:
    """What a stopped platform has left behind."""
    return [
        *(Violation("a process was left behind", *found) for found in _orphans(server)),
        *(Violation("a file was left behind", *found) for found in _files(server.data, disk)),
    ]


def _orphans(server: Server) -> Iterator[tuple[str, str]]:
    until = time.monotonic() + PATIENCE
    while (left := server.descendants()) and time.monotonic() < until:
        time.sleep(0.05)
    for process in left:
        with suppress(psutil.NoSuchProcess):  # it has gone in this moment
            yield str(process.pid), " ".join(process.cmdline())


def _files(data: Path, disk: Disk) -> Iterator[tuple[str, str]]:
    for path in (data / "blobs").rglob("*"):
        if path.is_dir():
            continue
        if path.parent.name == "unfinished":
            yield path.name, "an unfinished blob"
        elif path.name not in disk.blob_names:
            yield path.name, f"a blob of {path.stat().st_size} bytes that no row refers to"
    for name in ("workers", "uploads", "run"):
        for path in (data / name).glob("*"):
            yield str(path.relative_to(data)), "left over"
    with closing(sqlite3.connect(data / "trivet.db")) as connection:
        bundles = {bundle for (bundle,) in connection.execute("SELECT bundle FROM versions")}
    for path in (data / "bundles").glob("*"):
        if path.name not in bundles:
            yield str(path.relative_to(data)), "a bundle of no version"
