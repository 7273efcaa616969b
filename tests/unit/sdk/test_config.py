"""Where the server is and which key opens it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from trivet.sdk import Client
from trivet.sdk._config import DEFAULT_URL, Profile, profile_path, read_profile, resolve, write_profile
from trivet.sdk.errors import ConfigurationError

HOME = "http://127.0.0.1:8300"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    write_profile(Profile(HOME, "trv_home"), path)
    return path


def test_arguments_win_over_the_environment_and_that_over_the_profile(profile: Path) -> None:
    environ = {"TRIVET_CONFIG": str(profile), "TRIVET_URL": "http://env", "TRIVET_API_KEY": "trv_env"}
    assert resolve("http://given", "trv_given", None, environ).url == "http://given"
    assert resolve("http://given", "trv_given", None, environ).api_key == "trv_given"
    assert (resolve(None, None, None, environ).url, resolve(None, None, None, environ).api_key) == (
        "http://env",
        "trv_env",
    )
    only_file = {"TRIVET_CONFIG": str(profile)}
    assert (resolve(None, None, None, only_file).url, resolve(None, None, None, only_file).api_key) == (
        HOME,
        "trv_home",
    )
    assert resolve(None, None, profile, {}).api_key == "trv_home"


def test_without_anything_the_local_server_is_meant(tmp_path: Path) -> None:
    settings = resolve(None, None, tmp_path / "none.toml", {})
    assert (settings.url, settings.api_key) == (DEFAULT_URL, None)


def test_the_profiles_key_is_not_told_to_another_server(profile: Path) -> None:
    settings = resolve("http://elsewhere:8300", None, profile, {})
    assert settings.api_key is None
    assert "elsewhere" in settings.withheld
    assert "trv_home" not in settings.withheld
    assert resolve("http://localhost:8300/", None, profile, {}).api_key == "trv_home"


def test_a_key_of_the_environment_goes_with_the_profiles_url(profile: Path) -> None:
    settings = resolve(None, None, profile, {"TRIVET_API_KEY": "trv_env\n"})
    assert (settings.url, settings.api_key) == (HOME, "trv_env")


def test_a_profile_is_its_owners_alone_and_replaced_in_one_go(profile: Path) -> None:
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    profile.chmod(0o644)
    write_profile(Profile(HOME, 'odd "key" \\ \x7f'), profile)
    assert stat.S_IMODE(profile.stat().st_mode) == 0o600
    assert read_profile(profile) == Profile(HOME, 'odd "key" \\ \x7f')
    assert [path.name for path in profile.parent.iterdir()] == ["config.toml"]


def test_a_profile_makes_the_folders_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trivet" / "config.toml"
    write_profile(Profile(HOME), path)
    assert read_profile(path) == Profile(HOME)


def test_a_profile_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="TRIVET_CONFIG"):
        write_profile(Profile(HOME), tmp_path / "file" / "config.toml")


@pytest.mark.parametrize("content", [b"url = ", b"\xff\xfe", b"url = 3"])
def test_a_profile_that_is_none_says_which_file_to_mend(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"config\.toml") as caught:
        read_profile(path)
    assert "Mend or delete" in caught.value.hint


def test_the_profile_lies_where_the_platform_keeps_such_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile_path({}, "linux") == tmp_path / ".config/trivet/config.toml"
    assert profile_path({"XDG_CONFIG_HOME": "/x"}, "linux") == Path("/x/trivet/config.toml")
    assert profile_path({}, "darwin") == tmp_path / "Library/Application Support/trivet/config.toml"
    assert profile_path({"APPDATA": "/a"}, "win32") == Path("/a/trivet/config.toml")
    assert profile_path({"TRIVET_CONFIG": "~/t.toml"}, "linux") == tmp_path / "t.toml"


def test_keys_stay_out_of_reprs(profile: Path) -> None:
    assert "trv_home" not in repr(read_profile(profile))
    assert "trv_home" not in repr(resolve(None, None, profile, {}))
    assert "trv_home" not in repr(Client(profile=profile))


@pytest.mark.parametrize("key", ["trv_a\nX-Evil: 1", "trv_é"])
def test_a_key_with_characters_that_no_key_has_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="characters"):
        Client(HOME, key)


def test_certificates_are_always_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="always checked"):
        Client(HOME, "trv_x", verify=False)
    with pytest.raises(ConfigurationError, match="can't be read"):
        Client(HOME, "trv_x", verify=tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ConfigurationError, match="no certificate"):
        Client(HOME, "trv_x", verify=tmp_path / "empty.pem")


@pytest.mark.parametrize("given", [{"api_key": 123}, {"url": b"http://127.0.0.1:8300"}])
def test_what_is_no_text_is_refused_by_name(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"`{next(iter(given))}` is a text"):
        resolve(**given, profile=tmp_path / "none", environ={})
