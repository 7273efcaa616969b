"""Blocks of plain numbers: read as the careful way reads them, and left to that way where anything else stands in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.models.samples import document, feature
from trivet.models import tables
from trivet.models.description import ModelDescription, parse
from trivet.models.problems import RowsInvalid
from trivet.models.tables import CsvTable

MODEL = parse(document(independentFeatures=[feature("a", "FLOAT"), feature("n", "INTEGER"), feature("b", "FLOAT")]))
CELLS = st.one_of(
    st.floats(allow_nan=False, width=32).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["", " 1", "2 ", "1e3", "1_0", "nan", "inf", "-0.0", '"1"', "0x1", "١", "1,5", "x", "2.0", "+3", "1\r"]
    ),
)


def read(data: bytes, model: ModelDescription = MODEL, rows: int = 3) -> list[dict[str, Any]] | str:
    """All rows of a file, or what is wrong with it."""
    found = []
    try:
        for table in CsvTable(data, model).chunks(rows):
            assert table.start == len(found)
            columns = {key: np.asarray(values).tolist() for key, values in table.columns.items()}
            found += [{key: columns[key][row] for key in columns} for row in range(table.size)]
    except RowsInvalid as error:
        return str(error)
    return found


def slowly(data: bytes, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]] | str:
    """The same without blocks."""
    with monkeypatch.context() as patch:
        patch.setattr(tables, "blocks", lambda *_: iter(()))
        return read(data)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=9),
    header=st.sampled_from(["a,n,b", "b,n,a,more", '"a",n,b', "a,n,b\r"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    last=st.booleans(),
)
def test_a_file_is_read_the_same_in_blocks_and_without(
    rows: list[list[str]], header: str, ending: str, last: bool
) -> None:
    text = ending.join([header, *(",".join(cells) for cells in rows)]) + (ending if last else "")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert read(text.encode()) == slowly(text.encode(), monkeypatch)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(-(2**50), 2**50)), min_size=1, max_size=20))
def test_plain_numbers_come_as_they_were_written(rows: list[tuple[float, int]]) -> None:
    text = "n;b;a\r\n" + "".join(f"{whole};{real!r};{real!r}\r\n" for real, whole in rows)
    assert read(text.encode()) == [{"a": real, "n": whole, "b": real} for real, whole in rows]


def test_what_follows_a_block_is_read_on_with_the_right_lines() -> None:
    plain = "".join(f"{n},{n},{n}\n" for n in range(7))
    assert read(f'a,n,b\n{plain}"7",7,7\n8,8,8\n'.encode()) == [
        {"a": float(n), "n": n, "b": float(n)} for n in range(9)
    ]
    assert read(f"a,n,b\n{plain}7,x,7\n".encode()) == 'line 9, n: "x" is not a number'


def test_a_line_with_too_many_cells_and_one_with_too_few_do_not_make_up_for_each_other() -> None:
    said = read(b"a,n,b\n1,2,3\n1,2,3,4\n1,2\n1,2,3\n")
    assert isinstance(said, str)
    assert "line 3: has 4 cells where the header has 3" in said


def test_a_mark_at_the_beginning_is_no_part_of_a_key() -> None:
    assert read("\ufeffa,n,b\n1,2,3\n".encode()) == [{"a": 1.0, "n": 2, "b": 3.0}]
