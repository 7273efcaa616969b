"""The module itself: its names, its defaults, and what it costs to import it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it
from tests.unit.algorithmia_module.conftest import quicken
from tests.unit.sdk.server import serving
from trivet.algorithmia import _settings
from trivet.algorithmia.client import Client
from trivet.algorithmia.errors import ConnectionFailed, InputError, raiseAlgoApiError, raiseDataApiError


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_name_can_be_had_whatever_was_imported_before() -> None:
    for name in Algorithmia.__all__:
        assert name in dir_of(Algorithmia)
        getattr(Algorithmia, name)


def dir_of(module: Any) -> list[str]:
    return list(module.__dir__())


def test_a_function_stays_one_where_a_module_of_its_name_is_imported() -> None:
    code = """
from trivet.algorithmia.client import Client
from trivet.algorithmia.handler import Handler
import trivet.algorithmia as Algorithmia  # noqa: N812 - as programs name it
assert isinstance(Algorithmia.client('k', 'http://x'), Client)
assert isinstance(Algorithmia.handler(lambda value: value), Handler)
"""
    python(code)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        Algorithmia.nonsense  # noqa: B018


def test_importing_it_loads_nothing_that_takes_time() -> None:
    code = "import sys; old = set(sys.modules); import trivet.algorithmia; print(*sorted(set(sys.modules) - old))"
    loaded = python(code).split()
    assert "trivet.algorithmia" in loaded
    assert not {"typing", "json", "re", "asyncio", "dataclasses", "inspect", "pyreqwest", "trivet.platform"} & set(
        loaded
    )


def test_a_client_that_waits_loads_no_event_loop() -> None:
    assert (
        python(
            "import sys, trivet.algorithmia as A; A.client('k', 'http://x').algo('a/b'); print('asyncio' in sys.modules)"
        )
        == "False"
    )


# -- where the server is, and what opens it


def test_an_argument_counts_more_than_the_module_and_that_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Algorithmia.client().apiAddress == Algorithmia.getApiAddress() == "https://api.algorithmia.com"
    monkeypatch.setenv("ALGORITHMIA_API", "http://env.test/")
    assert Algorithmia.client().apiAddress == "http://env.test"
    monkeypatch.setattr(Algorithmia, "apiAddress", "http://module.test")
    assert Algorithmia.client().apiAddress == "http://module.test"
    assert Algorithmia.client("k", "http://argument.test/w/7").apiAddress == "http://argument.test/w/7"


def test_a_key_comes_from_the_argument_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Algorithmia.client().apiKey, Algorithmia.client().bearerToken) == (None, None)
    monkeypatch.setenv("ALGORITHMIA_BEARER_TOKEN", "token")
    assert Algorithmia.client().bearerToken == "token"
    assert Algorithmia.client(bearer_token="other").bearerToken == "other"
    monkeypatch.setenv("ALGORITHMIA_API_KEY", "env")
    assert (Algorithmia.client().apiKey, Algorithmia.client().bearerToken) == ("env", None)
    assert Algorithmia.client("argument").apiKey == "argument"
    monkeypatch.setenv("ALGORITHMIA_API_KEY", "")
    assert (Algorithmia.client().apiKey, Algorithmia.client().bearerToken) == (None, "token")


def test_no_key_is_shown_where_a_client_is() -> None:
    assert "secret" not in repr(Algorithmia.client("secret", "http://x"))


@pytest.mark.parametrize(
    "address", ["", "server", "ftp://x", "http://", "http://me:pw@x", "http://x?y", "http://x:99999"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Algorithmia.client("k", address)


def test_a_key_that_can_not_be_sent_is_refused() -> None:
    with pytest.raises(InputError):
        Algorithmia.client("kéy", "http://127.0.0.1:9").algo("a/b").pipe(1)


def test_certificates_are_always_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="always checked"):
        Algorithmia.client("k", "https://x", ca_cert=False)
    assert Algorithmia.client("k", "http://x", ca_cert=False).ca_cert is True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/env.pem")
    assert Algorithmia.client("k", "https://x").ca_cert == "/env.pem"
    assert Algorithmia.client("k", "https://x", "/argument.pem").ca_cert == "/argument.pem"


def test_certificates_that_can_not_be_read_are_said() -> None:
    with pytest.raises(InputError, match=r"nowhere\.pem"):
        Algorithmia.client("k", "https://x", "nowhere.pem").algo("a/b").pipe(1)


def test_the_default_client_is_kept_until_its_key_or_address_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Algorithmia, "apiKey", "one")
    first = Algorithmia.getDefaultClient()
    assert Algorithmia.algo("a/b").client is Algorithmia.file("x/y/z").client is Algorithmia.dir("x/y").client is first
    assert Algorithmia.defaultClient is first
    monkeypatch.setattr(Algorithmia, "apiKey", "two")
    second = Algorithmia.getDefaultClient()
    assert (second.apiKey, second is first) == ("two", False)
    monkeypatch.setattr(Algorithmia, "apiAddress", "http://other.test")
    assert Algorithmia.getDefaultClient().apiAddress == "http://other.test"


def test_a_closed_client_can_be_used_again(tmp_path: Path) -> None:
    with serving() as server:
        server.on("GET", "/scms", lambda exchange: exchange.json({"results": []}))
        client = Client("k", f"{server.url}/api")
        quicken(client)
        with client:
            assert client.scms().results == []
        client.close()
        assert client.scms() == {"results": []}
        client.close()


# -- insights


def test_insights_go_to_the_platform_that_runs_this_and_carry_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        server.on("POST", "/insights", lambda exchange: exchange.answer(403))
        monkeypatch.setenv("ALGORITHMIA_API", f"{server.url}/api")
        Algorithmia.client("secret", "http://elsewhere.test").report_insights({"risk": 0.1, "ok": 1})
        (exchange,) = server.seen
    assert (
        exchange.body == b'[{"insight_key": "risk", "insight_value": 0.1}, {"insight_key": "ok", "insight_value": 1}]'
    )
    assert exchange.headers["content-type"] == "application/json"
    assert "authorization" not in exchange.headers


def test_insights_that_nobody_takes_are_an_error_as_with_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as gone:
        address = gone.url
    monkeypatch.setenv("ALGORITHMIA_API", address)
    with pytest.raises(ConnectionFailed):
        Algorithmia.client("k").report_insights({"a": 1})


# -- errors made of documents


def test_errors_are_made_of_documents_as_with_the_original() -> None:
    assert str(raiseDataApiError({"error": {"message": "m"}})) == "m"
    assert raiseDataApiError({}) is None
    error = raiseAlgoApiError({"error": {"message": "m", "error_type": "t", "stack_trace": "s"}})
    assert str(error) == repr("m\ns")
    assert str(raiseAlgoApiError({"error": "m"})) == "'m'"
    assert "Non-Algorithm related Failure" in str(raiseAlgoApiError({}))


def test_an_empty_credential_is_none() -> None:
    assert _settings.headers(_settings.Credential("  ", None)) == {}
