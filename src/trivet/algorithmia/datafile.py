"""Files, for programs that wait; also one that reads as a local file does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from io import RawIOBase
from typing import TYPE_CHECKING, TextIO

from trivet.algorithmia._sync.datafile import DataFile
from trivet.algorithmia._sync.local import LocalDataFile
from trivet.algorithmia.data import DataObject, DataObjectType
from trivet.algorithmia.errors import DataApiError, raiseDataApiError
from trivet.algorithmia.util import getParentAndBase

if TYPE_CHECKING:
    from trivet.algorithmia._sync.conversation import Conversation

__all__ = [
    "AdvancedDataFile",
    "DataApiError",
    "DataFile",
    "DataObject",
    "DataObjectType",
    "LocalDataFile",
    "getParentAndBase",
    "raiseDataApiError",
]


class AdvancedDataFile(DataFile, RawIOBase):
    """A file on the server that reads as an open file does. It is downloaded when it is first read.

    As with the original, what is read is text.

    Args:
        client: the way to the server.
        dataUrl: where it lies.
        cleanup: whether the local copy goes with this object.
    """

    def __init__(self, client: Conversation, dataUrl: str, cleanup: bool = True) -> None:
        super().__init__(client, dataUrl)
        self.cleanup = cleanup
        self.local_file: TextIO | None = None

    def __del__(self) -> None:
        self._release()

    def close(self) -> None:
        """Lets go of the local copy. May be called again."""
        self._release()
        super().close()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def writable(self) -> bool:
        """False: `put` and its kin replace the whole of it."""
        return False

    def read(self, size: int | None = None, /) -> str:
        """The next ``size`` characters; None for all that is left."""
        return self._copy().read() if size is None else self._copy().read(size)

    def readline(self, size: int | None = None, /) -> str:  # type: ignore[override]  # text, as the original gives
        """The next line, or its first ``size`` characters."""
        return self._copy().readline() if size is None else self._copy().readline(size)

    def readlines(self, hint: int | None = None, /) -> list[str]:  # type: ignore[override]  # text, as the original gives
        """The lines that are left; about ``hint`` characters of them, where that is given."""
        return self._copy().readlines() if hint is None else self._copy().readlines(hint)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # text, as the original gives
        return iter(self._copy())

    def __next__(self) -> str:  # type: ignore[override]  # text, as the original gives
        return next(self._copy())

    def tell(self) -> int:
        """Where it is read on."""
        return self._copy().tell()

    def seek(self, offset: int, whence: int | None = None, /) -> int:
        """Goes to another place in it."""
        return self._copy().seek(offset, whence or os.SEEK_SET)

    def _copy(self) -> TextIO:
        if self.local_file is None:
            self.local_file = self.getFile()
        return self.local_file

    def _release(self) -> None:
        copy, self.local_file = getattr(self, "local_file", None), None
        if copy is not None:
            copy.close()
            if self.cleanup:
                with suppress(OSError):
                    os.unlink(copy.name)  # noqa: PTH108 — also at the interpreter's end, where little else works
