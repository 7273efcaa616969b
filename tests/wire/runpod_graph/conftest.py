"""A platform with one image, `repo/img:1`."""

from __future__ import annotations

import pytest

from tests.wire.runpod_graph.world import GraphWorld


@pytest.fixture
def world() -> GraphWorld:
    world = GraphWorld()
    world.image("repo/img:1")
    return world
