"""A village for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wire.jaqpot_people.village import Village


@pytest.fixture
def village(tmp_path: Path) -> Village:
    """Where nobody has made an organization yet."""
    return Village(tmp_path)
