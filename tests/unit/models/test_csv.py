"""CSV files as tables: encodings, separators, headers, numbers, and what is said of a bad one."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.models.samples import CATEGORIES, GUIDE, feature, reading
from trivet.models import converter
from trivet.models.description import ModelDescription
from trivet.models.rows import RowsInvalid, check
from trivet.models.tables import CsvTable, Table

NUMBERS = reading(feature("X1", "FLOAT", "Dose"), feature("X2", "INTEGER", "Time"))
TEXTS = reading(feature("a", "STRING"), feature("b", "STRING"))
MIXED = reading(
    feature("SMILES", "SMILES"),
    feature("i", "INTEGER", "Count"),
    feature("f", "FLOAT"),
    feature("b", "BOOLEAN"),
    feature("c", "CATEGORICAL", possibleValues=CATEGORIES),
    feature("s", "STRING"),
)


@pytest.fixture(params=["with numpy", "without"], autouse=True)
def _numpy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(converter, "_numpy", lambda: None)


def tables(data: bytes | str, model: ModelDescription = NUMBERS, *, rows: int = 8192, **more: Any) -> list[Table]:
    content = data.encode() if isinstance(data, str) else data
    return list(CsvTable(content, model, **more).chunks(rows))


def columns(data: bytes | str, model: ModelDescription = NUMBERS, *, rows: int = 8192) -> dict[str, list[Any]]:
    """All columns of a file as Python values."""
    found = tables(data, model, rows=rows)
    return {
        feature.key: [value for table in found for value in list(table.columns[feature.key])]
        for feature in model.independent
    }


def refused(data: bytes | str, model: ModelDescription = NUMBERS, **more: Any) -> tuple[str, ...]:
    with pytest.raises(RowsInvalid) as caught:
        tables(data, model, **more)
    return caught.value.problems


PLAIN = {"X1": [0.5, 2.0], "X2": [1, 3]}


@pytest.mark.parametrize(
    "data",
    [
        "X1,X2\n0.5,1\n2,3\n",
        "X1,X2\n0.5,1\n2,3",
        "X1,X2\r\n0.5,1\r\n2,3\r\n",
        "X1,X2\r0.5,1\r2,3\r",
        "X1;X2\n0.5;1\n2;3\n",
        "X1\tX2\n0.5\t1\n2\t3\n",
        "X1|X2\n0.5|1\n2|3\n",
        "X2,X1\n1,0.5\n3,2\n",
        "\n \n\nX1,X2\n\n0.5,1\n,\n  ,  \n2,3\n\n",
        " X1 , X2 \n 0.5 , 1 \n 2 , 3 \n",
        '"X1","X2"\n"0.5","1"\n2,"3"\n',
        '"X1", "X2"\n"0.5", "1"\n2, "3"\n',
        "x1,X2 \n0.5,1\n2,3\n",
        "Dose,TIME\n0.5,1\n2,3\n",
        "Time;dose\n1;0,5\n3;2\n",
        "X1;X2\n0,5;1\n2,0;3,0\n",
        "X1;X2\n0,5;1,0\n2.0;3\n",
        "X1,X2\n0.5,1.0\n2,3.0\n",
        "other,X1,X2,x1\n_,0.5,1,9\n_,2,3,9\n",
        "first,second\n0.5,1\n2,3\n",
        "first,jaqpotRowLabel,second\n0.5,a,1\n2,b,3\n",
        '"Dose (mg, oral)";X1;X2\n7;0.5;1\n7;2;3\n',
        'X1,X2,note\n0.5,1,"two\nlines, ""said"""\n2,3,\n',
    ],
)
def test_a_file_is_read_however_it_was_saved(data: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        assert columns(data.encode(encoding)) == PLAIN
    assert columns(data, rows=1) == PLAIN


def test_columns_keep_their_types() -> None:
    data = "SMILES,i,f,b,c,s\nCCO,2.0,1,True,Category 1, text\nCC,3,2.5,0,CAT_2,\n"
    assert columns(data, MIXED) == {
        "SMILES": ["CCO", "CC"],
        "i": [2, 3],
        "f": [1.0, 2.5],
        "b": [True, False],
        "c": ["CAT_1", "CAT_2"],
        "s": ["text", ""],
    }


def test_lists_and_pictures_are_read_from_cells() -> None:
    model = reading(feature("a", "FLOAT_ARRAY"), feature("s", "STRING_ARRAY"), feature("p", "IMAGE"))
    data = 'a,s,p\n"[1, 2.5]",x;y,iVBORw0KGgo=\n1;2,"[""x, y""]",iVBORw0KGgo=\n'
    assert columns(data, model) == {
        "a": [[1.0, 2.5], [1.0, 2.0]],
        "s": [["x", "y"], ["x, y"]],
        "p": [b"\x89PNG\r\n\x1a\n"] * 2,
    }


def test_a_file_of_blank_lines_is_not_searched_for_a_header_to_its_end() -> None:
    assert tables("\n" * 900 + "X1,X2\n1,2")[0].size == 1
    with pytest.raises(RowsInvalid, match="the first 1,000 lines are blank"):
        tables("\n" * 3_000_000)


def test_letters_beyond_ascii_are_read_in_utf8_and_in_latin1() -> None:
    model = reading(feature("g", "STRING", "Größe"))
    for encoding in ("utf-8", "utf-8-sig", "latin-1", "utf-16"):
        assert columns("GRÖßE\nmäßig\n".encode(encoding), model) == {"g": ["mäßig"]}


def test_a_column_is_found_by_its_key_before_any_name() -> None:
    model = reading(feature("a", "FLOAT", "b"), feature("b", "FLOAT", "a"))
    assert columns("b,a\n1,2\n", model) == {"a": [2.0], "b": [1.0]}


def test_labels_are_kept() -> None:
    (table,) = tables("X1,JaqpotRowLabel ,X2\n1,first,2\n1,,2\n")
    assert table.labels == ["first", None]


def test_rows_are_counted_through_the_pieces() -> None:
    data = "X1,X2\n" + "\n".join(f"{number},{number}\n" for number in range(7))
    whole = CsvTable(data.encode(), NUMBERS)
    found = list(whole.chunks(4))
    assert [number for table in found for number in list(table.columns["X2"])] == list(range(7))
    assert [(table.start, table.start + table.size) for table in found][-1][1] == 7
    assert whole.size == 7
    assert sum(table.size for table in whole.chunks()) == 7  # and once more from the beginning


def test_an_empty_molecule_costs_its_own_row_alone() -> None:
    model = reading(feature("SMILES", "SMILES"), feature("x", "FLOAT"))
    (table,) = tables("SMILES,x\nCC,1\n,2\nCCO,3\n", model)
    assert list(table.columns["x"]) == [1, 2, 3]
    assert table.problems == {1: "SMILES is empty: SMILES needs at least one atom"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("", "the file is empty; its first line names the columns: X1, X2"),
        ("\n\n ,\n", "the file is empty; its first line names the columns: X1, X2"),
        ("X1,X2\n", "input has 0 rows: there is nothing below the header"),
        ("X1,X2\n\n,\n", "input has 0 rows: there is nothing below the header"),
        ("X1,other\n1,2\n", 'line 1: missing X2 (INTEGER); the header has "X1", "other"'),
        ("a,b,c\n1,2,3\n", 'line 1: missing X1 (FLOAT); the header has "a", "b", "c"'),
        ("1,2\n3,4\n", "line 1: looks like a row, and the first line names the columns: X1,X2"),
        ("X1,X2,X1\n1,2,3\n", "line 1: X1 is named by columns 1 and 3; keep one of them"),
        ("x1,X2,x1\n1,2,3\n", "line 1: X1 is named by columns 1 and 3; keep one of them"),
        ("X1,X2\n1,2\n1,2,3\n", "line 3: has 3 cells where the header has 2"),
        ("X1,X2\n1,2\n\n1\n", "line 4: has 1 cells where the header has 2"),
        ("X1,X2\n1,2\nabc,2\n", 'line 3, X1: "abc" is not a number'),
        ("\n\nX1,X2\n1,2\n\n1,2.5\n", 'line 6, X2: "2.5" is not a whole number'),
        ("X1,X2\n1,2\n,2\n", "line 3: missing X1 (FLOAT)"),
        ('X1,X2,n\n1,2,"a\nb\r\nc"\nx,2,\n', 'line 5, X1: "x" is not a number'),
        ("X1,X2\n1,99999999999999999999\n", 'line 2, X2: "99999999999999999999" is too large a number'),
        ("X1,X2\nnan,2\n", 'line 2, X1: "nan" is not a finite number'),
        ("X1,X2\n1_0,2\n", 'line 2, X1: "1_0" is not a number'),
        ('X1,X2\n"1,5",2\n', 'line 2, X1: "1,5" is not a number'),
        ("X1;X2\n1.000,5;2\n", 'line 2, X1: "1.000,5" is not a number'),
        ("X1;X2\n1,000,5;2\n", 'line 2, X1: "1,000,5" is not a number'),
        ('X1,X2\n1,2\n1,"2\n1,2\n', "line 3: a quote is opened here and never closed"),
        ('X1,X2\n1,"2"3\n', "line 2: a quoted cell goes on after its closing quote"),
        ('"X1,X2\n1,2\n', "line 1: a quote is opened here and never closed"),
        ("," * 20_000 + ";X1|X2\t" * 20_000, "line 1: there are 20,001 columns, the limit is 16,384"),
        (b"X1,X2\n1,\0\n", "the file is not text: there are zero bytes in it"),
        (b"\xff\xfeX", "the file says that it is UTF-16, and is not"),
        (b"\xef\xbb\xbf\xff", "the file says that it is UTF-8, and is not"),
        ("X1,X2\n1," + "2" * 140_000, "line 2: a cell is longer than 131,072 characters"),
    ],
)
def test_a_problem_is_named_with_line_key_and_value(data: bytes | str, sentence: str) -> None:
    assert refused(data)[0].startswith(sentence), refused(data)


def test_an_unknown_category_is_named() -> None:
    data = "SMILES,X1,X2,Cat_col\nCC,1,2,CAT_9\n"
    assert refused(data, GUIDE) == ('line 2, Cat_col: "CAT_9" is not one of CAT_1, CAT_2, CAT_3',)


def test_problems_come_in_the_order_of_lines_and_twenty_are_told() -> None:
    found = refused("X1,X2\n" + "a,b\n" * 30)
    assert found[:3] == (
        'line 2, X1: "a" is not a number',
        'line 2, X2: "b" is not a number',
        'line 3, X1: "a" is not a number',
    )
    assert len(found) == 21


def test_too_many_rows_are_refused_before_any_is_given() -> None:
    data = b"X1,X2\n" + b"1,2\n" * 11
    with pytest.raises(RowsInvalid, match="input has 11 rows, the limit is 10"):
        CsvTable(data, NUMBERS, limit=10)
    assert sum(table.size for table in tables(b"X1,X2\n\n\n" + b"1,2\n\n" * 10, limit=10)) == 10


@pytest.mark.parametrize("blank", [b"\n", b" , \n"])
def test_blank_lines_are_left_out_as_long_as_they_are_no_more_than_rows_may_be(blank: bytes) -> None:
    assert sum(table.size for table in tables(b"X1,X2\n1,2\n" + blank * 1005, limit=10)) == 1
    with pytest.raises(RowsInvalid, match="more than 1,010 lines below the header are blank; leave them out"):
        CsvTable(b"X1,X2\n1,2\n" + blank * 1011, NUMBERS, limit=10)


@settings(deadline=None)
@given(st.permutations([feature.key for feature in MIXED.independent]), st.integers(0, 2**32))
def test_shuffled_columns_give_the_same_as_ordered_ones(order: list[str], seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        {
            "SMILES": chance.choice(["CCO", "c1ccccc1", ""]),
            "i": chance.randrange(10),
            "f": chance.random(),
            "b": chance.choice([True, False]),
            "c": chance.choice(["CAT_1", "Category 3"]),
            "s": chance.choice(["", "a,b", 'say "a"', "two\nlines"]),
        }
        for _ in range(5)
    ]
    (shuffled,) = tables(written(rows, order), MIXED)
    ordered = check(MIXED, rows)
    assert {key: list(column) for key, column in shuffled.columns.items()} == ordered.columns
    assert shuffled.problems == ordered.problems


def written(rows: Sequence[dict[str, Any]], order: Sequence[str], **dialect: Any) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, order, **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


CELL = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=5
)  # Python's own writer leaves a lone \\r unquoted


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), CELL), min_size=1, max_size=6),
    st.sampled_from([{}, {"delimiter": ";"}, {"delimiter": "\t"}, {"delimiter": "|"}, {"quoting": csv.QUOTE_ALL}]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.integers(1, 3),
)
def test_what_was_written_is_read(
    pairs: list[tuple[float, str]], dialect: dict[str, Any], end: str, encoding: str, size: int
) -> None:
    model = reading(feature("x", "FLOAT"), feature("s", "STRING"))
    data = written([{"x": x, "s": s} for x, s in pairs], ["x", "s"], lineterminator=end, **dialect)
    assert columns(data.encode(encoding), model, rows=size) == {
        "x": [x for x, _ in pairs],
        "s": [s.strip() for _, s in pairs],
    }


@settings(deadline=None)
@given(
    st.binary(max_size=60) | st.text('X12,;\t|"\n\r .é', max_size=60).map(str.encode),
    st.sampled_from([NUMBERS, TEXTS, MIXED]),
)
@example(b'a,b\r"', TEXTS)
@example(b"\xfe\xff\x00", TEXTS)
def test_nothing_but_the_one_error_comes_of_any_bytes(data: bytes, model: ModelDescription) -> None:
    for head in (b"", b"X1,X2,a,b,SMILES,i,f,c,s\n"):
        with suppress(RowsInvalid):
            for table in CsvTable(head + data, model).chunks(2):
                assert all(len(column) == table.size for column in table.columns.values())


def test_the_quick_way_and_the_careful_one_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    data = "SMILES,i,f,b,c,s\n" + "CC,1,2.5,true,CAT_1,a b\nCCO,-2,1e3,0,Category 2,c\n" * 3
    expected = columns(data, MIXED)
    monkeypatch.setattr(converter.Converter, "quick", lambda *_: None)
    assert columns(data, MIXED) == expected
