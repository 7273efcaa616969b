"""The same verbs for asyncio, each awaited::

    from trivet.algorithmia import aio

    async with aio.client() as client:
        answer = await client.algo("demo/Hello").pipe("Mr. Bond")
        async for file in client.dir("data://.my/photos").files():
            await file.getFile(as_path=True)

A file here does not read as an open file does; what `getFile` gives does.
"""

from __future__ import annotations

import os

from trivet.algorithmia._async.algorithm import AsyncAlgorithm
from trivet.algorithmia._async.client import AsyncClient
from trivet.algorithmia._async.datadirectory import AsyncDataDirectory
from trivet.algorithmia._async.datafile import AsyncDataFile
from trivet.algorithmia._async.local import AsyncLocalDataDirectory, AsyncLocalDataFile
from trivet.algorithmia._async.reporting import report

__all__ = [
    "AsyncAlgorithm",
    "AsyncClient",
    "AsyncDataDirectory",
    "AsyncDataFile",
    "AsyncLocalDataDirectory",
    "AsyncLocalDataFile",
    "client",
    "report",
]


def client(
    api_key: str | None = None,
    api_address: str | None = None,
    ca_cert: str | os.PathLike[str] | bool | None = None,
    bearer_token: str | None = None,
    *,
    timeout: float = 60.0,
) -> AsyncClient:
    """A client; arguments as for `trivet.algorithmia.client`."""
    return AsyncClient(api_key, api_address, ca_cert, bearer_token, timeout=timeout)
