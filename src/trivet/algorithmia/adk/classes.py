"""A model's file."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FileData"]


class FileData(NamedTuple):
    """A model's file, as it lies here.

    Attributes:
        md5_checksum: the checksum of its content.
        file_path: where it lies.
    """

    md5_checksum: str
    file_path: str
