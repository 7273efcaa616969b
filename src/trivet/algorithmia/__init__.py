"""Algorithmia's Python client, in the original's words, with nothing but the import changed::

    import trivet.algorithmia as Algorithmia

    client = Algorithmia.client("YOUR_API_KEY", "https://trivet.example/algorithmia")
    print(client.algo("demo/Hello").pipe("Mr. Bond").result)

It speaks the original's wire contract, to a Trivet or to the original service. Everything is imported when it is first used.
`trivet.algorithmia.aio` has the same verbs for asyncio.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

TYPE_CHECKING = False  # type checkers know this name; importing it from `typing` would cost more than this whole module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trivet.algorithmia import (
        acl,
        adk,
        aio,
        algo_response,
        algorithm,
        async_response,
        data,
        datadirectory,
        datafile,
        errors,
        insights,
        util,
    )
    from trivet.algorithmia._sync.algorithm import Algorithm
    from trivet.algorithmia.adk import ADK
    from trivet.algorithmia.algo_response import AlgoResponse
    from trivet.algorithmia.client import Client
    from trivet.algorithmia.datadirectory import AdvancedDataDirectory
    from trivet.algorithmia.datafile import AdvancedDataFile
    from trivet.algorithmia.handler import Handler

__all__ = [
    "ADK",
    "Client",
    "Handler",
    "acl",
    "adk",
    "aio",
    "algo",
    "algo_response",
    "algorithm",
    "apiAddress",
    "apiKey",
    "async_response",
    "client",
    "data",
    "datadirectory",
    "datafile",
    "defaultClient",
    "dir",
    "errors",
    "file",
    "getApiAddress",
    "getDefaultClient",
    "handler",
    "insights",
    "util",
]

apiKey: str | None = None
"""The key of the default client; None for the environment's."""
apiAddress: str | None = None
"""The address of clients that are given none; None for the environment's."""
defaultClient: Client | None = None
"""The client of `algo`, `file` and `dir`, once one of them was called."""

_HOMES = {"ADK": "adk", "Client": "client", "Handler": "handler"}
"""Where a class lives; all other names that are not here are modules."""
_FUNCTIONS = {"client", "handler"}
"""Names of functions here and of modules: the module is found by `import`, the name is the function's."""


def client(
    api_key: str | None = None,
    api_address: str | None = None,
    ca_cert: str | os.PathLike[str] | bool | None = None,
    bearer_token: str | None = None,
    *,
    timeout: float = 60.0,
) -> Client:
    """A client.

    Args:
        api_key: the key; None for the environment's (``ALGORITHMIA_API_KEY``).
        api_address: the server's URL; None for `apiAddress`, the environment's (``ALGORITHMIA_API``), or the original service.
        ca_cert: a file of certificates (PEM) to trust besides the system's; None for the environment's
            (``REQUESTS_CA_BUNDLE``).
        bearer_token: a token in place of a key; None for the environment's (``ALGORITHMIA_BEARER_TOKEN``).
        timeout: seconds for an ordinary answer, on top of what the request itself may take.

    Raises:
        InputError: the address is none, or certificates are not to be checked.
    """
    from trivet.algorithmia.client import Client

    return Client(api_key, api_address, ca_cert, bearer_token, timeout=timeout)


def algo(algoRef: str) -> Algorithm[AlgoResponse]:
    """The algorithm of this name, by the default client."""
    return getDefaultClient().algo(algoRef)


def file(dataUrl: str) -> AdvancedDataFile:
    """The file at an address, by the default client."""
    return getDefaultClient().file(dataUrl)


def dir(dataUrl: str) -> AdvancedDataDirectory:
    """The directory at an address, by the default client."""
    return getDefaultClient().dir(dataUrl)


def handler(apply_func: Callable[..., Any], load_func: Callable[[], Any] = lambda: None) -> Handler:
    """An algorithm of the older form; see `trivet.algorithmia.handler.Handler`."""
    from trivet.algorithmia.handler import Handler

    return Handler(apply_func, load_func)


def getDefaultClient() -> Client:
    """The client for `apiKey` and `apiAddress`, made when it is first asked for, and anew where they have changed."""
    global defaultClient  # noqa: PLW0603 — a name of the original, which programs set
    from trivet.algorithmia import _settings

    address = _settings.address(getApiAddress())
    known = defaultClient
    if known is None or known.apiAddress != address or (apiKey is not None and known.apiKey != apiKey):
        defaultClient = known = client(apiKey)
    return known


def getApiAddress() -> str:
    """The address of clients that are given none: `apiAddress`, else ``ALGORITHMIA_API``, else the original service."""
    return apiAddress or os.environ.get("ALGORITHMIA_API") or "https://api.algorithmia.com"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"{__name__}.{_HOMES.get(name, name)}")
    value: object = getattr(home, name) if name in _HOMES else home
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, which keeps its functions where a module of the same name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _FUNCTIONS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
