"""The module itself: its names, its settings, its keys."""

from __future__ import annotations

import importlib
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trivet
from trivet import runpod
from trivet.runpod import error
from trivet.runpod._settings import current_key, current_url
from trivet.sdk import errors


def test_every_name_in_the_window_is_there() -> None:
    for name in runpod.__all__:
        assert hasattr(runpod, name), name
    assert set(runpod.__all__) <= set(dir(runpod))


def test_a_name_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        runpod.no_such_name  # type: ignore[attr-defined]  # noqa: B018 - looking is the test


def test_importing_it_imports_nothing_heavy() -> None:
    program = (
        "import sys; before = set(sys.modules); import trivet.runpod as runpod; runpod.api_key = 'k';"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('trivet')))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['__future__']"


def test_a_program_that_waits_needs_no_event_loop() -> None:
    program = "import sys; from trivet.runpod import Endpoint, get_gpus; print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_the_version_is_the_originals() -> None:
    assert runpod.__version__ == runpod.version.get_version() == "1.12.0"


def test_the_url_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_url() == "https://api.runpod.ai/v2"
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "http://here:1/runpod/v2/")
    assert current_url() == "http://here:1/runpod/v2"
    monkeypatch.setattr(runpod, "endpoint_url_base", "http://there", raising=False)
    assert current_url() == "http://there"


@pytest.mark.parametrize("url", ["", "there", "ftp://x", "http://u:p@x", "http://x?q=1"])
def test_a_url_that_is_none_is_refused_before_anything_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runpod, "api_key", "k")
    monkeypatch.setattr(runpod, "endpoint_url_base", url, raising=False)
    with pytest.raises(error.CredentialsError) as caught:
        runpod.Endpoint("e")
    assert "endpoint_url_base" in caught.value.hint


def test_without_a_key_nothing_is_asked() -> None:
    for ask in (
        lambda: runpod.Endpoint("e"),
        lambda: runpod.AsyncioEndpoint("e"),
        lambda: runpod.AsyncioJob("e", "j"),
        runpod.get_user,
        lambda: runpod.create_template("n", "i"),
    ):
        with pytest.raises(error.AuthenticationError) as caught:
            ask()
        assert isinstance(caught.value, RuntimeError)
        assert "api_key" in caught.value.hint


def test_a_key_of_ones_own_counts_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runpod, "api_key", "general")
    assert current_key("mine") == "mine"
    assert current_key() == "general"


def test_a_key_in_the_environment_that_nobody_reads_is_pointed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "from the environment")
    with pytest.raises(error.AuthenticationError) as caught:
        current_key()
    assert 'os.getenv("RUNPOD_API_KEY")' in caught.value.hint


def test_the_key_of_the_profile_is_found() -> None:
    runpod.set_credentials("kept")
    fresh = importlib.reload(runpod)
    vars(fresh).pop("api_key", None)
    try:
        assert fresh.api_key == "kept"
    finally:
        fresh.api_key = None


def test_no_key_shows_in_what_an_object_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = runpod.Endpoint("e", api_key="secret-key")
    assert "secret" not in f"{endpoint!r}{endpoint.rp_client!r}{runpod.AsyncioEndpoint('e', api_key='secret-key')!r}"


# -- errors


def test_every_error_is_ours_and_the_originals() -> None:
    for name in error.__all__:
        assert issubclass(getattr(error, name), trivet.TrivetError)
        assert issubclass(getattr(error, name), error.RunPodError)
    assert issubclass(error.TimedOutError, TimeoutError)
    assert issubclass(error.TimedOutError, errors.TimedOutError)
    assert issubclass(error.InputError, ValueError)
    assert issubclass(error.InputError, TypeError)
    assert issubclass(error.ConnectionFailed, ConnectionError)


def test_an_error_made_as_the_original_makes_it() -> None:
    refused = error.QueryError("no", "query { x }")
    assert (str(refused), refused.message, refused.query) == ("no", "no", "query { x }")
    assert str(error.AuthenticationError("who?")) == "who?"
    assert str(error.RunPodError()) == ""


def test_a_hint_stays_out_of_the_message_and_shows_in_a_traceback() -> None:
    made = error.HTTPError("404: none", hint="Look again.", status=404)
    assert str(made) == "404: none"
    assert made.__notes__ == ["→ Look again."]


# -- the file with the keys


def config(home: Path) -> Path:
    return home / ".runpod" / "config.toml"


def test_a_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    assert runpod.check_credentials() == (False, "~/.runpod/config.toml does not exist.")
    runpod.set_credentials('k"\\1')
    assert runpod.get_credentials() == {"api_key": 'k"\\1'}
    assert runpod.check_credentials() == (True, None)
    assert stat.S_IMODE(config(tmp_path).stat().st_mode) == 0o600


def test_a_key_is_replaced_only_where_that_is_said(tmp_path: Path) -> None:
    runpod.set_credentials("one")
    with pytest.raises(ValueError, match="already"):
        runpod.set_credentials("two")
    runpod.set_credentials("two", overwrite=True)
    assert runpod.get_credentials() == {"api_key": "two"}


def test_what_else_is_in_the_file_stays(tmp_path: Path) -> None:
    config(tmp_path).parent.mkdir()
    config(tmp_path).write_text('# mine\n[work]\napi_key = "w" # keep\n\n[default]\napi_key = "old"\n\n[last]\nx = 1\n')
    runpod.set_credentials("new", overwrite=True)
    runpod.set_credentials("more", profile="a b")
    text = config(tmp_path).read_text()
    assert text.startswith('# mine\n[work]\napi_key = "w" # keep\n')
    assert tomllib.loads(text) == {
        "work": {"api_key": "w"}, "default": {"api_key": "new"}, "last": {"x": 1}, "a b": {"api_key": "more"},
    }  # fmt: skip


def test_a_file_that_is_no_toml_is_left_as_it_is(tmp_path: Path) -> None:
    config(tmp_path).parent.mkdir()
    config(tmp_path).write_text("[")
    assert runpod.get_credentials() is None
    assert runpod.check_credentials()[0] is False
    with pytest.raises(error.CredentialsError, match="TOML"):
        runpod.set_credentials("k")
    assert config(tmp_path).read_text() == "["


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    runpod.set_credentials("k")
    assert runpod.check_credentials("other") == (False, "~/.runpod/config.toml is missing other profile.")
    assert runpod.get_credentials("other") is None
    assert [file.name for file in config(tmp_path).parent.iterdir()] == ["config.toml"]
