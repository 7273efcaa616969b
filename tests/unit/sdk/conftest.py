from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sdk.server import KEY, Server, serving
from trivet.sdk import Client
from trivet.sdk._retry import Backoff


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TRIVET_URL", "TRIVET_API_KEY", "SSL_CERT_FILE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRIVET_CONFIG", str(tmp_path / "no-profile.toml"))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture(params=["loopback", "library"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything twice: over the short way to a server on this machine, and over the way to any other."""
    if request.param == "library":
        monkeypatch.setattr("trivet.sdk._sync.transport.loopback", lambda url, headers: None)


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, KEY, timeout=5.0) as made:
        made._session.backoff = Backoff(base=0.01)  # the same decisions, without the waiting
        yield made
