"""The guard: which URLs and addresses a message of ours may go to.

A caller who names a URL must not reach through the platform what only the platform can reach: itself, its neighbours in
private networks, the metadata service of a cloud (server-side request forgery). So a message goes to public unicast addresses
alone, and to what an operator has allowed.

URLs are read by the very parser that the sender's library uses. Another one might see another host in the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pyreqwest.http import Url

from trivet.platform.core.errors import BadRequest
from trivet.platform.core.webhooks import MAX_URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NO_RECEIVER = "A webhook's URL begins with `https://` or `http://` and names a host."
_WITH_HOST = re.compile(r"[A-Za-z]+://[^/?#]")
_REFUSED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        # IPv4: what the IANA's registry of special addresses holds, and multicast
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # between carriers and their customers; some clouds have their metadata service here
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # looks public, and is a cloud's own service for its machines
        # IPv6: everything that is not global unicast, and the special parts of that
        "::/3",
        "4000::/2",
        "8000::/1",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


class Allowed:
    """What an operator lets through although it is private.

    Args:
        entries: addresses and networks (``10.0.0.0/8``), host names (``hooks.internal``), and domains with all hosts below
            (``*.internal``).

    Raises:
        ValueError: an entry is none of these.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._names: set[str] = set()
        self._domains: list[str] = []
        for entry in entries:
            self._add(entry.strip().lower())

    def _add(self, entry: str) -> None:
        network = _network(entry)
        if network is not None:
            self._networks.append(network)
            return
        name = entry.removeprefix("*.").rstrip(".")
        if "*" in name or not Url.is_valid(f"http://{name}/") or Url(f"http://{name}/").host_str != name:
            raise ValueError(f"{entry!r} is neither an address, a network nor the name of a host")
        if entry.startswith("*."):
            self._domains.append(f".{name}")
        else:
            self._names.add(name)

    def host(self, name: str) -> bool:
        """Whether a host may be reached whatever its addresses are."""
        plain = name.rstrip(".")
        return plain in self._names or any(plain.endswith(domain) for domain in self._domains)

    def address(self, address: Address) -> bool:
        """Whether an address may be reached by whatever name."""
        return any(address in network for network in self._networks)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: ``address`` where its host is one, else None, and the name has to be looked up."""

    url: str = field(repr=False)
    host: str
    port: int
    address: Address | None


class Guard:
    """Decides; see the module.

    Args:
        allowed: what may be reached although it is private.
    """

    def __init__(self, allowed: Allowed | None = None) -> None:
        self._allowed = allowed or Allowed()

    def target(self, url: str) -> Target:
        """Where a URL leads.

        Raises:
            BadRequest: a message can't or may not be sent there.
        """
        target = _read(url)
        name = target.host.rstrip(".")
        is_local_name = name == "localhost" or name.endswith(".localhost")
        refused = is_local_name if target.address is None else not self.permits(target.host, target.address)
        if refused and not self._allowed.host(target.host):
            raise BadRequest(
                f"{target.host} is an address of this machine or of a private network, where webhooks are not sent.",
                hint="Use a public address, or have it allowed by whoever runs the platform: `TRIVET_WEBHOOK_ALLOW`.",
            )
        return target

    def permits(self, host: str, address: Address) -> bool:
        """Whether a message for ``host`` may be sent to ``address``, one of its own."""
        return is_public(address) or self._allowed.address(_plain(address)) or self._allowed.host(host)


@lru_cache(maxsize=1024)
def _read(url: str) -> Target:
    if len(url) > MAX_URL:
        raise BadRequest(f"The webhook's URL has {len(url)} characters; at most {MAX_URL} may be.")
    if not url.isprintable() or " " in url or "\\" in url:  # the parser would mend these, each in its own way
        raise BadRequest("The webhook's URL has characters that no URL has.", hint="Send it percent-encoded.")
    if _WITH_HOST.match(url) is None:  # the parser would take the path of `https:///path` for a host
        raise BadRequest(_NO_RECEIVER)
    try:
        parsed = Url(url)
    except ValueError:
        raise BadRequest(
            "The webhook's URL can't be read.", hint="Write it like `https://example.com/hooks/trivet`."
        ) from None
    host = parsed.host_str
    port = parsed.port_or_known_default
    if parsed.scheme not in ("http", "https") or not host or not port:
        raise BadRequest(_NO_RECEIVER)
    if parsed.username or parsed.password is not None:
        raise BadRequest(
            "A webhook's URL can't hold a name or a password.",
            hint="Verify the message's signature instead; a token of your own may stand in the path or the query.",
        )
    return Target(str(parsed.with_fragment(None)), host, port, _literal(host))


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is a public unicast one, also where it only wraps another."""
    plain = _plain(address)
    return not any(plain in network for network in _REFUSED)


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to (mapped, 6to4, NAT64), or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
