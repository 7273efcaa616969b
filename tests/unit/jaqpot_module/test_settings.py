"""Where the server is, and what opens it."""

from __future__ import annotations

from typing import Any

import pytest

from trivet.jaqpot import JaqpotApiClient
from trivet.jaqpot._settings import Settings, api_of, platform_url, settle

KEYS = {"JAQPOT_API_KEY": "jq_k", "JAQPOT_API_SECRET": "s"}


def settled(environ: dict[str, str] | None = None, **given: Any) -> Settings:
    arguments = {"base_url": None, "api_url": None, "api_key": None, "api_secret": None, **given}
    return settle(**arguments, environ=KEYS if environ is None else environ)


def test_without_anything_it_is_jaqpots_own_service() -> None:
    assert (settled().base_url, settled().api_url) == ("https://jaqpot.org", "https://api.jaqpot.org")


def test_an_argument_is_more_than_the_environment() -> None:
    environ = {**KEYS, "JAQPOT_API_URL": "http://127.0.0.1:8300/jaqpot"}
    assert settled(environ).url == "http://127.0.0.1:8300/jaqpot"
    assert settled(environ, api_url="https://a.example/").url == "https://a.example"
    assert settled(environ, api_url="https://a.example/").api_url == "https://a.example/"
    assert settled(environ, base_url="https://corp.example").url == "https://api.corp.example"
    assert settled(api_key="mine", api_secret="too").key == "mine"
    assert settled(api_key="", api_secret="").key == "jq_k"


@pytest.mark.parametrize("environ", [{}, {"JAQPOT_API_KEY": "k"}, {"JAQPOT_API_SECRET": "s"}])
def test_without_both_halves_of_a_key_there_is_no_client(environ: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="api_key and api_secret must be set"):
        settled(environ)


def test_the_client_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="must be set"):
        JaqpotApiClient()
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("JAQPOT_API_URL", raising=False)
    assert JaqpotApiClient().api_url == "https://api.jaqpot.org"


@pytest.mark.parametrize(
    ("site", "api"),
    [
        ("https://corp.example", "https://api.corp.example"),
        ("https://corp.example/jaqpot", "https://api.corp.example/jaqpot"),
        ("https://corp.example:8443", "https://api.corp.example:8443"),
        ("http://localhost:8300/jaqpot", "http://localhost:8300/jaqpot"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("http://[", "http://["),
    ],
)
def test_the_api_of_a_site_is_beside_it(site: str, api: str) -> None:
    assert api_of(site) == api


@pytest.mark.parametrize("address", ["ftp://a", "corp.example", "http://", "http://a:b:c", "http://["])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a server"):
        settled(api_url=address)


@pytest.mark.parametrize("address", ["http://user:password@a", "http://a?key=1"])
def test_an_address_carries_nothing_else(address: str) -> None:
    with pytest.raises(ValueError, match="carries"):
        settled(api_url=address)


def test_the_platform_behind_a_dialect_is_found() -> None:
    assert platform_url("http://a:8300/jaqpot") == "http://a:8300"
    assert platform_url("https://api.jaqpot.org") is None


def test_a_secret_does_not_show() -> None:
    assert "hidden" not in repr(settled(api_secret="hidden", api_key="k"))
