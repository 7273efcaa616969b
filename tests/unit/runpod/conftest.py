from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sdk.server import KEY, Server, serving
from trivet import runpod

BASE = "/api/v2"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RUNPOD_ENDPOINT_BASE_URL", "RUNPOD_API_BASE_URL", "RUNPOD_API_KEY", "RUNPOD_ENDPOINT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(runpod, "api_key", None)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def here(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server that the module's settings point at."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", server.url + BASE)
    monkeypatch.setenv("RUNPOD_API_BASE_URL", server.url + BASE)
    monkeypatch.setattr(runpod, "api_key", KEY)
    return server
