from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sdk.server import KEY, Server, serving
from trivet.sdk import Client


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, KEY, timeout=5.0) as made:
        yield made
