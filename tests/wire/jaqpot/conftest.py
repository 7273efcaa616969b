"""A world for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.jaqpot.world import JaqpotWorld


@pytest.fixture
def world(tmp_path: Path) -> JaqpotWorld:
    """Where ann and ben are, and no model yet."""
    return JaqpotWorld(tmp_path)
