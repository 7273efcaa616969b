"""What is left behind is found: processes and files are planted into a folder like a platform's."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import leaks
from tests.faults.leaks import find_leaks
from tests.faults.records import Disk
from tests.faults.server import Server

NAME = "ab" * 16


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that never ran, with the folders of one that did."""
    server = Server(tmp_path)
    for folder in ("blobs/ab", "blobs/unfinished", "workers", "uploads", "run", "bundles/kept"):
        (server.data / folder).mkdir(parents=True)
    with closing(sqlite3.connect(server.database)) as connection, connection:
        connection.execute("CREATE TABLE versions (bundle TEXT)")
        connection.execute("INSERT INTO versions VALUES ('kept')")
    (server.data / "blobs" / "ab" / NAME).write_bytes(b"x")
    yield server
    server.close()


def found(server: Server) -> list[str]:
    return [leak.about for leak in find_leaks(server, Disk((), frozenset({NAME}), ()))]


def test_nothing_is_found_where_everything_belongs_to_something(server: Server) -> None:
    assert found(server) == []


@pytest.mark.parametrize(
    "path", [f"blobs/cd/{'cd' * 16}", "blobs/unfinished/x", "workers/wrk_1", "uploads/x", "run/link.sock"]
)
def test_a_file_that_belongs_to_nothing_is_found(server: Server, path: str) -> None:
    (server.data / path).parent.mkdir(exist_ok=True)
    (server.data / path).write_bytes(b"x")
    assert [Path(about).name for about in found(server)] == [Path(path).name]


def test_a_bundle_of_no_version_is_found(server: Server) -> None:
    (server.data / "bundles" / "other").mkdir()
    assert found(server) == ["bundles/other"]


def test_a_process_that_stands_in_the_data_folder_is_found(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "PATIENCE", 0.2)
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, cwd=server.data, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert found(server) == [str(process.pid)]
        process.kill()
    assert found(server) == []
