"""The text side of CSV: which encoding, which separator, which lines; nothing about what cells mean."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from trivet.models.columns import match
from trivet.models.features import Feature
from trivet.models.problems import RowsInvalid

if TYPE_CHECKING:
    from _csv import Reader

Record = list[str]

SEPARATORS: Final = (",", ";", "\t", "|")
MOST_COLUMNS: Final = 16_384  # as many as a spreadsheet has
MOST_BLANK: Final = 1000
"""Blank lines above the header. They are read once for each separator, and nobody means so many."""

_BREAK: Final = re.compile(r"\r\n|\r|\n")
_NOTHING: Final = re.compile(r"[\s,;|]*")  # a header that is read with the wrong separator may hold the right one
_PIECE: Final = 2**20
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Sheet:
    """A CSV file whose encoding, separator and header are known.

    `separator` is what stands between cells, `header` are the cells of the first line that isn't blank, `header_line` is its
    number.

    Args:
        data: The file's bytes. They are kept, and text is made of them piece by piece.
        features: What the header should name: the separator is the one that finds most of them.

    Raises:
        RowsInvalid: The file is empty or not text, or its header cannot be read.
    """

    def __init__(self, data: bytes, features: Sequence[Feature]) -> None:
        self._data = data
        self._encoding = encoding(data)
        self.header: Record = []
        best = (-1, -1)
        trouble: csv.Error | None = None
        for separator in SEPARATORS:
            try:
                skipped, line, header = self._find_header(separator)
            except csv.Error as error:
                trouble = error
                continue
            if len(header) > MOST_COLUMNS:
                trouble = csv.Error(f"there are {len(header):,} columns, the limit is {MOST_COLUMNS:,}")
                continue
            matched = match(header, features)
            score = (len(matched.found) + len(matched.twice), len(header))
            if score > best:
                best = score
                self.separator, self.header, self.header_line, self._skipped = separator, header, line, skipped
        if best == (-1, -1):
            raise RowsInvalid([f"line 1: {_said(trouble)}"])
        if not self.header:
            keys = ", ".join(feature.key for feature in features[:20])
            raise RowsInvalid([f"the file is empty; its first line names the columns: {keys}"])

    @property
    def body(self) -> int | None:
        """Where the line below the header begins, in bytes; None where that can't be told without reading the header again."""
        if self._encoding not in ("utf-8", "utf-8-sig", "latin-1"):
            return None
        place = 0
        for _ in range(self.header_line):
            place = self._data.find(b"\n", place) + 1
            if not place:
                return None
        head = self._data[:place]
        return None if b'"' in head or head.count(b"\r") != head.count(b"\r\n") else place

    def chunks(self, size: int, *, start: int | None = None, line: int = 0) -> Iterator[tuple[int, list[Record]]]:
        """Reads what stands below the header, or from a line on.

        Args:
            size: How many records a chunk has at most; a blank line is a record of no cells.
            start: Where that line begins, in bytes; None begins below the header.
            line: The number of that line.

        Yields:
            The number of a chunk's first line, and its records.

        Raises:
            RowsInvalid: A quote is not closed, or a cell is longer than the reader allows.
        """
        reader = self._reader(self.separator, start or 0)
        before = line - 1 if start is not None else 0
        try:
            for _ in range(self._skipped if start is None else 0):
                next(reader)
            line = before + reader.line_num + 1
            while records := list(islice(reader, size)):
                yield line, records
                line = before + reader.line_num + 1
        except csv.Error as error:
            raise RowsInvalid([f"line {self._broken_line()}: {_said(error)}"]) from None

    def _reader(self, separator: str, start: int = 0) -> Reader:
        file = io.BytesIO(self._data)
        file.seek(start)
        text = io.TextIOWrapper(file, encoding=self._encoding, newline="")
        return csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True)

    def _find_header(self, separator: str) -> tuple[int, int, Record]:
        """How many records end with the header, the line it begins at, and its cells; no cells where there is none."""
        reader = self._reader(separator)
        line = 1
        for number, record in enumerate(reader, 1):
            if not _NOTHING.fullmatch("".join(record)):
                return number, line, record
            if number == MOST_BLANK:
                raise RowsInvalid(
                    [f"line 1: the first {MOST_BLANK:,} lines are blank; the first line names the columns"]
                )
            line = reader.line_num + 1
        return 0, line, []

    def _broken_line(self) -> int:
        """The line where the record begins that cannot be read."""
        reader = self._reader(self.separator)
        line = 1
        try:
            for _ in reader:
                line = reader.line_num + 1
        except csv.Error:
            pass  # as it was for whoever asks
        return line


def is_blank(record: Record) -> bool:
    """Whether a record says nothing: a blank line, or separators alone."""
    return not "".join(record).strip()


def numbered(records: Sequence[Record], line: int) -> Iterator[tuple[int, Record]]:
    """Gives each record with the number of the line it begins at; a quoted cell may hold line breaks.

    Args:
        records: Records in their order.
        line: Where the first begins.
    """
    for record in records:
        yield line, record
        line += 1 + sum(len(_BREAK.findall(cell)) for cell in record)


def encoding(data: bytes) -> str:
    """Says how the bytes of a file are to be read.

    Returns:
        UTF-8 or UTF-16 where a mark at the beginning says so, else UTF-8, else Latin-1, which reads anything.

    Raises:
        RowsInvalid: The file is not text.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            if not _decodes(data, name):
                raise RowsInvalid(
                    [f"the file says that it is {name.removesuffix('-sig').upper()}, and is not; save it as UTF-8"]
                )
            return name
    if b"\0" in data:
        raise RowsInvalid(["the file is not text: there are zero bytes in it; save the table as CSV, in UTF-8"])
    return "utf-8" if data.isascii() or _decodes(data, "utf-8") else "latin-1"


def _decodes(data: bytes, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(view[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _said(error: csv.Error | None) -> str:
    words = str(error)
    if "unexpected end" in words:
        return "a quote is opened here and never closed"
    if "expected after" in words:
        return "a quoted cell goes on after its closing quote; a quote inside of a cell is written twice"
    if "field limit" in words:
        return f"a cell is longer than {csv.field_size_limit():,} characters; is a quote open that should be closed?"
    return words
