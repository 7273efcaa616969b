"""Which addresses a job's URLs may lead to: public ones.

Whoever calls a worker names URLs, and the worker fetches them. Without a check, a caller could read through it what only it can
reach: a cloud's metadata service, its neighbours in a private network. RUNPOD_DOWNLOAD_ALLOW names what is let through
nevertheless (``10.0.0.0/8, store.internal, *.corp.example``), and RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS=1 lets everything through.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from trivet.runpod.error import InputError

__all__ = ["SSRFError", "all_is_allowed", "is_safe_address", "max_download_bytes", "resolve_and_validate"]

ALLOW = "RUNPOD_DOWNLOAD_ALLOW"
ALLOW_ALL = "RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS"
LARGEST = "RUNPOD_MAX_DOWNLOAD_BYTES"
UNKNOWN_HOST = "unknown_host"
_USUAL_LARGEST = 5 * 1024**3
_CLOUDS_OWN = (
    ip_network("168.63.129.16/32"),  # looks public, and serves a cloud's machines alone
    ip_network("192.0.0.0/24"),  # another cloud's metadata are there; Pythons before 3.11.10 take most of it for public
    ip_network("192.88.99.0/24"),
)
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")


class SSRFError(InputError):
    """A URL leads where a job's URL may not lead, or to more than may be fetched."""

    default_code = "unsafe_download"


def all_is_allowed() -> bool:
    """Whether RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS says that any address will do."""
    return os.environ.get(ALLOW_ALL, "").strip().lower() in {"1", "true", "yes"}


def max_download_bytes() -> int:
    """Bytes that one download may have: RUNPOD_MAX_DOWNLOAD_BYTES, else 5 GiB."""
    said = os.environ.get(LARGEST, "").strip()
    return int(said) if said.isdecimal() and int(said) > 0 else _USUAL_LARGEST


def is_safe_address(ip: str) -> bool:
    """Whether an address is one of the public network, and of a single machine.

    Args:
        ip: the address as text; what is none is not safe.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return _is_public(address)


def resolve_and_validate(host: str, port: int) -> list[str]:
    """The addresses of a host, all of which are safe, or let through.

    Args:
        host: its name, or an address.
        port: the port that is going to be used.

    Raises:
        SSRFError: it has no address, or one that is not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SSRFError(f"{host!r} has no address: {error}.", hint="Check the URL.", code=UNKNOWN_HOST) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all_is_allowed():
        for address in addresses:
            if not is_safe_address(address) and not _is_let_through(host, address):
                what = "it" if host == address else f"its address {address}"
                raise SSRFError(
                    f"Files are not fetched from {host}: {what} is not public.",
                    hint=f"A job's URLs lead to public addresses. {ALLOW}={address} in the worker's environment lets this "
                    f"one through, {ALLOW_ALL}=1 all.",
                )
    return addresses


def _is_let_through(host: str, address: str) -> bool:
    name = host.lower().rstrip(".")
    for entry in os.environ.get(ALLOW, "").lower().replace(",", " ").split():
        if name == entry.rstrip(".") or (entry.startswith("*.") and name.endswith(entry[1:])):
            return True
        with suppress(ValueError):  # it is a name
            if ip_address(address) in ip_network(entry, strict=False):
                return True
    return False


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (_behind(address) if address in _NAT64 else None)
        if inner is not None:
            return _is_public(inner)
        if address not in _GLOBAL_UNICAST or address.scope_id:
            return False
    if any(address in network for network in _CLOUDS_OWN if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _behind(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)
