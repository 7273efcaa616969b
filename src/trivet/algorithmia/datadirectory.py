"""Directories, for programs that wait."""

from __future__ import annotations

from trivet.algorithmia._sync.datadirectory import DataDirectory
from trivet.algorithmia._sync.local import LocalDataDirectory
from trivet.algorithmia.acl import Acl
from trivet.algorithmia.data import DataObject, DataObjectType
from trivet.algorithmia.datafile import AdvancedDataFile, DataFile, LocalDataFile
from trivet.algorithmia.errors import DataApiError
from trivet.algorithmia.util import getParentAndBase, pathJoin

__all__ = [
    "Acl",
    "AdvancedDataDirectory",
    "AdvancedDataFile",
    "DataApiError",
    "DataDirectory",
    "DataFile",
    "DataObject",
    "DataObjectType",
    "LocalDataDirectory",
    "LocalDataFile",
    "getParentAndBase",
    "pathJoin",
]


class AdvancedDataDirectory(DataDirectory):
    """A directory whose files read as open files do."""

    def file(self, name: str, cleanup: bool = True) -> AdvancedDataFile:
        """The file of this name in it.

        Args:
            name: its name.
            cleanup: whether its local copy goes with the object.
        """
        return AdvancedDataFile(self.client, pathJoin(self.path, name), cleanup)
