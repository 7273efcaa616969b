from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it
from tests.unit.algorithmia_module.fakes import FakeServer, Outcome
from trivet.algorithmia.client import Client
from trivet.sdk._retry import Backoff

NAMES = ("ALGORITHMIA_API", "ALGORITHMIA_API_KEY", "ALGORITHMIA_BEARER_TOKEN", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
Serve = Callable[..., tuple[Client, FakeServer]]


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in ("apiKey", "apiAddress", "defaultClient"):
        monkeypatch.setattr(Algorithmia, name, None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def serve() -> Serve:
    """A client of a server that answers so."""

    def serving(*outcomes: Outcome) -> tuple[Client, FakeServer]:
        server = FakeServer(*outcomes)
        client = Client("simKey", "http://server.test/algorithmia", transport=server)
        quicken(client)
        return client, server

    return serving


def quicken(client: Client) -> None:
    """The same decisions, without the waiting."""
    client._backoff = client._way()._backoff = Backoff(base=0.0)
