from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.worker.server import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server without a worker yet. Its folder has a short name: a socket's path may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="trv") as folder:
        server = FakeServer(Path(folder))
        yield server
        server.close()
