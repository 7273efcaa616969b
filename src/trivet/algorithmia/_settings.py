"""Where the server is and what opens it: arguments, else the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from trivet.algorithmia.errors import InputError
from trivet.sdk._http import server_url
from trivet.sdk.errors import ConfigurationError

DEFAULT_ADDRESS = "https://api.algorithmia.com"
_ADDRESS_HINT = "Give a URL such as http://127.0.0.1:8300/algorithmia (argument `api_address`, or ALGORITHMIA_API)."


class Credential(NamedTuple):
    """A key, or a token where there is no key."""

    api_key: str | None
    bearer_token: str | None


def credential(api_key: str | None, bearer_token: str | None, environ: Mapping[str, str] = os.environ) -> Credential:
    """What is in force: arguments, else ``ALGORITHMIA_API_KEY``, else ``ALGORITHMIA_BEARER_TOKEN``; an empty one is none."""
    if api_key is None and (known := environ.get("ALGORITHMIA_API_KEY")):
        return Credential(known, bearer_token)
    if bearer_token is None:
        bearer_token = environ.get("ALGORITHMIA_BEARER_TOKEN") or None
    return Credential(api_key, bearer_token)


def headers(known: Credential) -> dict[str, str]:
    """The header that a credential is sent in: a key bare or with the scheme that it was given with, a token as a bearer's."""
    if known.api_key is not None:
        return {"Authorization": known.api_key.strip()} if known.api_key.strip() else {}
    return {"Authorization": f"Bearer {known.bearer_token.strip()}"} if known.bearer_token else {}


def address(text: str) -> str:
    """An address without the slash at its end.

    Raises:
        InputError: it is no http(s) URL, or carries a password, a query or a fragment.
    """
    try:
        return server_url(text, _ADDRESS_HINT)
    except ConfigurationError as error:
        raise InputError(error.message, hint=error.hint) from None


def certificates(
    ca_cert: str | os.PathLike[str] | bool | None, address: str, environ: Mapping[str, str] = os.environ
) -> str | os.PathLike[str] | bool:
    """The certificates to trust besides the system's: the argument, else ``REQUESTS_CA_BUNDLE``; True for none.

    Raises:
        InputError: they are not to be checked.
    """
    if ca_cert is False and address.startswith("https:"):
        raise InputError(
            "Certificates are always checked: without that, anybody on the way could read the key.",
            hint="Give the file with the certificate of your own authority: `ca_cert='ca.pem'`, or REQUESTS_CA_BUNDLE.",
        )
    if ca_cert is None:
        return environ.get("REQUESTS_CA_BUNDLE") or True
    return ca_cert or True
