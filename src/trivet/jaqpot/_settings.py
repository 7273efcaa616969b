"""Where the server is and what opens it: arguments, else the environment, else Jaqpot's own service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from trivet.sdk._http import server_url
from trivet.sdk.errors import ConfigurationError

PUBLIC = "https://jaqpot.org"
_KEY_HINT = "Give them as arguments, or set JAQPOT_API_KEY and JAQPOT_API_SECRET; for a Trivet, `trivet env jaqpot` prints both."
_URL_HINT = "Give the address of the API: `api_url='http://127.0.0.1:8300/jaqpot'`, or JAQPOT_API_URL."


class Settings(NamedTuple):
    """What is in force.

    Attributes:
        base_url: the site.
        api_url: its API, as it was given.
        url: its API, as requests are made below it.
        key: the first half of the key.
        secret: the second half.
    """

    base_url: str
    api_url: str
    url: str
    key: str
    secret: str

    def __repr__(self) -> str:
        return f"Settings({self.url!r})"  # without the key


def settle(
    base_url: str | None,
    api_url: str | None,
    api_key: str | None,
    api_secret: str | None,
    environ: Mapping[str, str],
) -> Settings:
    """What is in force. An empty argument counts as none.

    Raises:
        ConfigurationError: the key or the secret is missing, or the address is none (it is a ValueError, too).
    """
    site = base_url or PUBLIC
    api = api_url or ("" if base_url else environ.get("JAQPOT_API_URL", "")) or api_of(site)
    key = api_key or environ.get("JAQPOT_API_KEY")
    secret = api_secret or environ.get("JAQPOT_API_SECRET")
    if not key or not secret:
        raise ConfigurationError("api_key and api_secret must be set", hint=_KEY_HINT)
    return Settings(site, api, server_url(api, _URL_HINT), key, secret)


def api_of(site: str) -> str:
    """The address of a site's API: its host with ``api.`` before it. An IP address or this machine is taken as it is."""
    try:
        parts = urlsplit(site)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return site
    if not host or host == "localhost" or ":" in host or host.rpartition(".")[2].isdigit():
        return site
    return urlunsplit(parts._replace(netloc=f"api.{host}{port}"))


def platform_url(url: str) -> str | None:
    """The address of the platform whose Jaqpot dialect is at ``url``, or None where it can't be told."""
    return url.removesuffix("/jaqpot") if url.endswith("/jaqpot") else None
