from __future__ import annotations

import pytest

from trivet.cli.tables import GAP, Shape, fitted

JOBS = [Shape(32, True), Shape(9, True), *map(Shape, (11, 7, 5, 6, 4, 8))]


def used(widths: dict[int, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def test_what_fits_is_left_as_it_is() -> None:
    assert fitted(JOBS, 200) == dict(enumerate(shape.width for shape in JOBS))


def test_the_widest_gives_first() -> None:
    assert fitted([Shape(10, True), Shape(40), Shape(30)], 64) == {0: 10, 1: 25, 2: 25}


def test_a_column_is_left_out_before_names_become_stumps() -> None:
    assert fitted(JOBS, 80) == {0: 32, 1: 9, 2: 11, 3: 7, 4: 5, 5: 6}


def test_room_that_a_column_left_goes_to_the_others() -> None:
    assert fitted([Shape(10, True), Shape(20), Shape(30), Shape(16)], 58) == {0: 10, 1: 20, 2: 24}


@pytest.mark.parametrize("room", range(1, 160))
def test_whole_columns_stay_whole_in_any_room(room: int) -> None:
    shapes = [Shape(12), Shape(15, True), Shape(50), Shape(9, True), Shape(70)]
    widths = fitted(shapes, room)
    assert (widths[1], widths[3]) == (15, 9)
    assert all(0 < width <= shapes[position].width for position, width in widths.items())
    assert used(widths) <= room or set(widths) == {0, 1, 3}
