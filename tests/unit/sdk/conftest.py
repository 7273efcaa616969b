from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sdk.server import KEY, Server, serving
from trivet.sdk import Client
from trivet.sdk._retry import Backoff


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, KEY, timeout=5.0) as made:
        made._session.backoff = Backoff(base=0.01)  # the same decisions, without the waiting
        yield made
