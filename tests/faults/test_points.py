"""The table of kill points fits the product."""

from __future__ import annotations

import importlib
from collections import Counter

import pytest

from tests.faults.points import POINTS, Point


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_a_kill_point_is_a_method_of_the_product(point: Point) -> None:
    module, _, path = point.target.partition(":")
    owner, _, method = path.partition(".")
    assert callable(getattr(getattr(importlib.import_module(module), owner), method))


def test_every_kill_point_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(point.name for point in POINTS).items() if times > 1] == []
