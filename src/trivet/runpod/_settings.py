"""What a program has set on the module: its key, and where the endpoints are. Read when it is needed, not before."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from trivet.runpod.error import AuthenticationError, CredentialsError
from trivet.sdk._http import server_url
from trivet.sdk.errors import ConfigurationError

ENDPOINTS = "https://api.runpod.ai/v2"
"""Where endpoints are, unless the environment or the program says otherwise."""
GRAPHQL = "https://api.runpod.io"
_NO_KEY = "No API key is set."
_KEY_HINT = "Set `runpod.api_key = …`, or pass `api_key=`; `trivet keys create` makes one."
_UNREAD_HINT = (
    'RUNPOD_API_KEY is set, which neither the original nor this reads: `runpod.api_key = os.getenv("RUNPOD_API_KEY")`.'
)


def endpoints_url() -> str:
    """The URL below which endpoints are, from the environment."""
    return os.environ.get("RUNPOD_ENDPOINT_BASE_URL") or ENDPOINTS


def graphql_url() -> str:
    """The URL below which ``/graphql`` is; read at each call, as the original does.

    Raises:
        CredentialsError: it is no URL.
    """
    return checked(os.environ.get("RUNPOD_API_BASE_URL") or GRAPHQL, "RUNPOD_API_BASE_URL")


def current_url() -> str:
    """The module's ``endpoint_url_base``.

    Raises:
        CredentialsError: it is no URL.
    """
    return checked(str(_module().endpoint_url_base), "runpod.endpoint_url_base")


def current_key(given: str | None = None) -> str:
    """The key to call with.

    Args:
        given: what the caller passed; it counts for more than the module's ``api_key``.

    Raises:
        AuthenticationError: there is none.
    """
    key = given or _module().api_key
    if not key:
        raise AuthenticationError(_NO_KEY, hint=_UNREAD_HINT if os.environ.get("RUNPOD_API_KEY") else _KEY_HINT)
    return str(key)


def checked(url: str, name: str) -> str:
    """A base URL without a slash at its end.

    Args:
        url: what was set.
        name: where it was set, for the error.

    Raises:
        CredentialsError: it is no URL of a server.
    """
    try:
        hint = f"Set {name} to a URL such as http://127.0.0.1:8300/runpod/v2; `trivet env runpod` prints yours."
        return server_url(url, hint)
    except ConfigurationError as error:
        raise CredentialsError(error.message, hint=error.hint) from None


def _module() -> Any:
    return sys.modules.get("trivet.runpod") or import_module("trivet.runpod")
