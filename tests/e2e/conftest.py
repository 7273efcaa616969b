"""Real functions on a real platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.originals import original_python

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


@pytest.fixture(scope="session")
def originals() -> Callable[[str], Path]:
    """Gives the interpreter of an environment that holds the published `runpod` of a version."""
    return original_python
