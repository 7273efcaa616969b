"""What files and directories have in common."""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["DataObject", "DataObjectType"]


class DataObjectType(Enum):
    """What something in the data API is."""

    file = 1
    directory = 2


class DataObject:
    """A file or a directory.

    Args:
        data_object_type: which of them.
    """

    def __init__(self, data_object_type: DataObjectType) -> None:
        self.data_object_type = data_object_type

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.data_object_type is DataObjectType.file

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.data_object_type is DataObjectType.directory

    def get_type(self) -> DataObjectType:
        """Which of them it is."""
        return self.data_object_type

    def set_attributes(self, *attributes: Any, **more: Any) -> None:
        """Takes what a listing tells about it, if it keeps any of that."""
