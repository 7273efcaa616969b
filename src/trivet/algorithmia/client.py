"""The client, for programs that wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from trivet.algorithmia._places import LOCAL
from trivet.algorithmia._sync import client
from trivet.algorithmia.algorithm import Algorithm, raiseAlgoApiError
from trivet.algorithmia.datadirectory import AdvancedDataDirectory, DataDirectory, LocalDataDirectory
from trivet.algorithmia.datafile import AdvancedDataFile, DataFile, LocalDataFile
from trivet.algorithmia.insights import Insights
from trivet.algorithmia.util import md5_for_file, md5_for_str

__all__ = [
    "AdvancedDataDirectory",
    "AdvancedDataFile",
    "Algorithm",
    "Client",
    "DataDirectory",
    "DataFile",
    "Insights",
    "LocalDataDirectory",
    "LocalDataFile",
    "md5_for_file",
    "md5_for_str",
    "raiseAlgoApiError",
]


class Client(client.Client):
    """A client of one server under one key. Nobody has to close it.

    Args:
        apiKey: the key; None for the environment's (``ALGORITHMIA_API_KEY``).
        apiAddress: the server's URL; None for the environment's (``ALGORITHMIA_API``), or the original service.
        caCert: a file of certificates (PEM) to trust besides the system's; None for the environment's
            (``REQUESTS_CA_BUNDLE``).
        bearerToken: a token in place of a key; None for the environment's (``ALGORITHMIA_BEARER_TOKEN``).
        timeout: seconds for an ordinary answer, on top of what the request itself may take.

    Raises:
        InputError: the address is none, or certificates are not to be checked.
    """

    def file(self, dataUrl: str, cleanup: bool = False) -> AdvancedDataFile:
        """The file at an address; one of this machine (`LocalDataFile`) after ``file://``.

        Args:
            dataUrl: ``data://owner/collection/name``, ``s3://bucket/key``, ``file:///path``.
            cleanup: whether its local copy goes with the object.
        """
        if dataUrl.startswith(LOCAL):
            return cast("AdvancedDataFile", LocalDataFile(self, dataUrl))  # a type checker takes the usual case
        return AdvancedDataFile(self, dataUrl, cleanup)

    def dir(self, dataUrl: str) -> AdvancedDataDirectory:
        """The directory at an address; one of this machine (`LocalDataDirectory`) after ``file://``."""
        if dataUrl.startswith(LOCAL):
            return cast("AdvancedDataDirectory", LocalDataDirectory(self, dataUrl))
        return AdvancedDataDirectory(self, dataUrl)

    def report_insights(self, insights: Mapping[str, Any]) -> Insights:
        """Reports figures from inside an algorithm; see `Insights`."""
        return Insights(insights)
