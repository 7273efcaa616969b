"""Real functions on a real platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="session")
def client(platform: RunningPlatform) -> Iterator[trivet.Client]:
    with trivet.Client(platform.url, platform.key) as client:
        yield client


@pytest.fixture(scope="session")
def zoo(client: trivet.Client) -> trivet.Client:
    """The shared platform with every handler of the zoo deployed."""
    client.deploy(PROGRAMS / "zoo.py")
    return client
