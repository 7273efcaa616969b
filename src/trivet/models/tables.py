"""Rows as columns: what a predictor works on, made from checked rows or from a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivet.models import cells
from trivet.models.blocks import Block, are_numbers, blocks, column
from trivet.models.columns import fold, match
from trivet.models.converter import Converter
from trivet.models.description import ModelDescription
from trivet.models.features import ROW_LABEL, Feature, FeatureType
from trivet.models.problems import MOST_NAMED, RowsInvalid, TooManyRows, shown
from trivet.models.sheets import MOST_BLANK, Record, Sheet, is_blank, numbered


@dataclass(slots=True)
class Table:
    """Typed columns, all of the same length, one for each independent feature.

    Values by type: `FLOAT` float, `INTEGER` int (64 bits), `BOOLEAN` bool, `CATEGORICAL` the possible value, `SMILES`, `STRING`
    and `TEXT` str, `IMAGE` the picture's bytes, arrays a list. Columns of numbers and truths from a CSV file are numpy arrays
    where numpy is installed. `problems` are of single rows, by position in this table (0 is its first row): such a row has no
    prediction, and its neighbours have theirs. `start` is the position of the first row in all that was given.
    """

    size: int
    columns: Mapping[str, Sequence[Any]]
    labels: Sequence[str | None] | None = None
    problems: Mapping[int, str] = field(default_factory=dict)
    start: int = 0


class CsvTable:
    """A CSV file as a model reads it: encoding, separator and header are found out, and cells become typed columns.

    UTF-8 and UTF-16 are known by their marks, and what is not UTF-8 is read as Latin-1. Cells are separated by `,` `;` tab or
    `|`, whichever finds most features in the header. A column is a feature's by its key, else by its name, in any case; where
    no column is, and there are as many as features, they are taken in the order of the features. Other columns are ignored, and
    `jaqpotRowLabel` is kept as the row's label. Blank lines are left out, and blanks around cells don't count. Where the
    separator is `;`, a number that has one comma and no point has a decimal comma.

    Args:
        data: The file's bytes.
        description: The model.
        limit: The most rows allowed; None for no limit.

    Raises:
        RowsInvalid: The file is no text, has too many rows, or a header that lacks a feature or names it twice.
    """

    def __init__(self, data: bytes, description: ModelDescription, *, limit: int | None = None) -> None:
        self._features = description.independent
        self._sheet = Sheet(data, self._features)
        self._limit = limit
        self._converter = Converter(decimal_comma=self._sheet.separator == ";", underscores=b"_" in data)
        self._label, self._places = self._header()
        self._data = data
        kinds = [feature.type for feature, _ in self._places]
        self._is_numeric = self._label is None and self._converter.is_fast and are_numbers(kinds)
        self.size: int | None = None
        """How many rows the file has; known once `chunks` was read to its end."""
        if limit is not None and data.count(b"\n") + data.count(b"\r") > limit:
            self._check_limit(self._count())

    def chunks(self, rows: int = 8192) -> Iterator[Table]:
        """Reads the rows, a piece at a time; may be called again, and begins anew.

        Args:
            rows: How many rows a table has at most.

        Yields:
            Tables in the order of the file, `start` counting through.

        Raises:
            RowsInvalid: Names up to twenty problems of a piece, with line, key and value; or the file has no rows.
        """
        start = 0
        for table in self._tables(rows):
            if table.size:
                table.start = start
                start += table.size
                self._check_limit(start)
                yield table
        if not start:
            raise RowsInvalid(["input has 0 rows: there is nothing below the header"])
        self.size = start

    def _tables(self, rows: int) -> Iterator[Table]:
        """Blocks of plain numbers first, where the file begins with them; what follows record by record."""
        place, line = self._sheet.body, self._sheet.header_line + 1
        if place is not None and self._is_numeric:
            for block in blocks(self._data, place, self._sheet.separator.encode(), len(self._sheet.header), rows):
                table = self._table_of(block)
                if table is None:
                    break
                yield table
                place, line = block.end, line + block.lines
            if place >= len(self._data):
                return
            records = self._sheet.chunks(rows, start=place, line=line)
        else:
            records = self._sheet.chunks(rows)
        for number, chunk in records:
            yield self._quick_table(chunk) or self._careful_table(chunk, number)

    def _table_of(self, block: Block) -> Table | None:
        columns: dict[str, Sequence[Any]] = {}
        for feature, place in self._places:
            values = column(block.values[:, place], feature.type)
            if values is None:
                return None
            columns[feature.key] = values
        return Table(block.lines, columns)

    def _header(self) -> tuple[int | None, list[tuple[Feature, int]]]:
        """Where the label is, and where each feature is."""
        header = self._sheet.header
        folded = [fold(cell) for cell in header]
        label = folded.index(fold(ROW_LABEL)) if fold(ROW_LABEL) in folded else None
        matched = match(header, self._features)
        line = f"line {self._sheet.header_line}"
        if matched.twice:
            raise RowsInvalid(
                f"{line}: {key} is named by columns {' and '.join(str(place + 1) for place in places)}; keep one of them"
                for key, places in matched.twice.items()
            )
        if not matched.found:
            free = [place for place in range(len(header)) if place != label]
            if len(free) == len(self._features):
                return label, self._by_position(free)
        missing = [feature for feature in self._features if feature.key not in matched.found]
        if missing:
            names = ", ".join(shown(cell.strip()) for cell in header[:20])
            raise RowsInvalid(
                f"{line}: missing {feature.key} ({feature.type})" + (f"; the header has {names}" if not place else "")
                for place, feature in enumerate(missing)
            )
        return label, [(feature, matched.found[feature.key]) for feature in self._features]

    def _by_position(self, free: list[int]) -> list[tuple[Feature, int]]:
        places = list(zip(self._features, free, strict=True))
        for feature, place in places:
            if self._converter.is_number(feature, self._sheet.header[place]):
                raise RowsInvalid(
                    [
                        f"line {self._sheet.header_line}: looks like a row, and the first line names the columns: "
                        + self._sheet.separator.join(feature.key for feature in self._features)
                    ]
                )
        return places

    def _count(self) -> int:
        """How many rows there are. Blank lines are no rows, and about as many of them are read as of rows: they cost as much."""
        size = blank = 0
        for _, records in self._sheet.chunks(8192):
            filled = [record for record in records if record]  # most blank lines have no cells at all
            rows = sum(not is_blank(record) for record in filled)
            size += rows
            blank += len(records) - rows
            if self._limit is not None and blank > self._limit + MOST_BLANK:
                raise RowsInvalid(
                    [f"more than {self._limit + MOST_BLANK:,} lines below the header are blank; leave them out"]
                )
        return size

    def _check_limit(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            raise TooManyRows([f"input has {size} rows, the limit is {self._limit}"])

    def _quick_table(self, records: list[Record]) -> Table | None:
        """The table, at C's speed, where every cell is plain; None where any needs a second look."""
        if set(map(len, records)) != {len(self._sheet.header)}:
            return None
        texts = list(zip(*records, strict=True))
        columns: dict[str, Sequence[Any]] = {}
        for feature, place in self._places:
            column = self._converter.quick(feature, texts[place])
            if column is None:
                return None
            columns[feature.key] = column
        return Table(len(records), columns, self._labels(texts))

    def _careful_table(self, records: list[Record], line: int) -> Table:
        placed = [(number, record) for number, record in numbered(records, line) if not is_blank(record)]
        if not placed:
            return Table(0, {})
        width = len(self._sheet.header)
        ragged = [(number, len(record)) for number, record in placed if len(record) != width]
        if ragged:
            raise RowsInvalid(
                f"line {number}: has {length} cells where the header has {width}"
                for number, length in ragged[: MOST_NAMED + 1]
            )
        texts = list(zip(*(record for _, record in placed), strict=True))
        wrong: list[tuple[int, int, str]] = []  # row, feature, sentence
        problems: dict[int, str] = {}
        columns: dict[str, Sequence[Any]] = {}
        for order, (feature, place) in enumerate(self._places):
            column = self._converter.quick(feature, texts[place])
            if column is None:
                column, refused = self._converter.careful(feature, texts[place])
                wrong += [(row, order, f"line {placed[row][0]}{sentence}") for row, sentence in refused]
            if feature.type is FeatureType.SMILES:
                for row, text in enumerate(column):
                    if not text:
                        problems.setdefault(row, cells.empty_molecule(feature))
            columns[feature.key] = column
        if wrong:
            raise RowsInvalid(sentence for _, _, sentence in sorted(wrong)[: MOST_NAMED + 1])
        return Table(len(placed), columns, self._labels(texts), problems)

    def _labels(self, texts: Sequence[Sequence[str]]) -> list[str | None] | None:
        return None if self._label is None else [text.strip() or None for text in texts[self._label]]
