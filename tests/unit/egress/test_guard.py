"""The guard: what a caller can't reach through the platform."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from trivet.platform.core.errors import BadRequest
from trivet.platform.egress.guard import Allowed, Guard, is_public

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
SPECIAL = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
"""One of each kind: loopback, private, carriers', link-local, metadata, documentation, multicast, and those wrapped in others."""


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_reached(text: str) -> None:
    assert is_public(ip_address(text))
    assert Guard().permits("anything.example", ip_address(text))


@pytest.mark.parametrize("text", SPECIAL)
def test_no_special_address_may_be_reached(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not Guard().permits("anything.example", ip_address(text))
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(BadRequest, match="private network"):
        Guard().target(f"http://{host}:8080/x")


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "127.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0",
        "[::ffff:7f00:1]",
    ],
)
def test_no_spelling_of_an_address_gets_past(host: str) -> None:
    with pytest.raises(BadRequest):
        Guard().target(f"http://{host}/")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "a.b.localhost"])
def test_names_that_always_mean_this_machine_are_refused_at_once(host: str) -> None:
    with pytest.raises(BadRequest, match="private network"):
        Guard().target(f"https://{host}:1234/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "https:///",
        "https:///example.com/hook",
        "http:////example.com/",
        "http:/example.com/",
        "https:example.com/",
        "http://?example.com",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://example.com/\r\nx: y",
        "http:\\\\example.com\\x",
        "http://example.com/\x00",
        "http://ann:secret@example.com/",
        "http://ann@example.com/",
        "http://[::1%25eth0]/",
        "http://example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_url_of_a_receiver_is_refused_with_a_reason(url: str) -> None:
    with pytest.raises(BadRequest) as caught:
        Guard().target(url)
    assert caught.value.detail.endswith(".")
    assert "secret" not in caught.value.detail


def test_a_target_says_where_a_url_leads() -> None:
    target = Guard().target("HTTPS://Hooks.Example:8443/a?b=c#fragment")
    assert (target.url, target.host, target.port) == ("https://hooks.example:8443/a?b=c", "hooks.example", 8443)
    assert target.address is None
    assert Guard().target("http://8.8.8.8/").address == ip_address("8.8.8.8")
    assert "b=c" not in repr(target)


def test_an_operator_may_allow_addresses_and_networks() -> None:
    guard = Guard(Allowed(["10.0.0.0/8", "127.0.0.1", "fd00::/8", "[::1]"]))
    for text in ("10.9.9.9", "127.0.0.1", "::ffff:10.0.0.1", "fd12::1", "::1"):
        assert guard.permits("any.example", ip_address(text))
    for text in ("127.0.0.2", "192.168.0.1", "169.254.169.254"):
        assert not guard.permits("any.example", ip_address(text))
    assert guard.target("http://10.1.1.1/").port == 80


def test_an_operator_may_allow_hosts_whatever_their_address() -> None:
    guard = Guard(Allowed(["hooks.internal", "*.Corp.Example", "localhost"]))
    inside = ip_address("10.0.0.1")
    for host in ("hooks.internal", "hooks.internal.", "a.corp.example", "a.b.corp.example", "localhost"):
        assert guard.permits(host, inside)
        assert guard.target(f"http://{host}/").address is None
    for host in ("corp.example", "evilcorp.example", "a.hooks.internal", "hooks.internal.evil.example"):
        assert not guard.permits(host, inside)


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "not a host", "http://x", "a/b", "", "*", "*."])
def test_what_can_t_be_allowed_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        Allowed([entry])
