"""Settings: arguments before the environment before the defaults; what can't be is refused in a sentence."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from trivet.platform.dialects.runpod.context import RunPodSettings
from trivet.platform.server.settings import MIB, SettingError, Settings


def load(**environ: str) -> Settings:
    return Settings.load({"TRIVET_DATA": "/somewhere", **environ})


def test_without_anything_said_the_defaults_hold() -> None:
    settings = Settings.load({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8300)
    assert (settings.max_input, settings.metrics_public) == (50 * MIB, False)
    assert settings.data.name == "trivet"


def test_runsync_answers_before_a_client_that_waits_for_a_minute_gives_up() -> None:
    assert Settings.load({}).runpod_hold == RunPodSettings().hold == 50.0


def test_an_argument_comes_before_the_environment_and_none_is_no_argument() -> None:
    settings = Settings.load({"TRIVET_PORT": "1234", "TRIVET_HOST": "0.0.0.0"}, port=0, host=None, data=Path("here"))
    assert (settings.port, settings.host, settings.data) == (0, "0.0.0.0", Path("here"))


def test_an_empty_variable_is_none() -> None:
    assert load(TRIVET_PORT="", TRIVET_METRICS_PUBLIC="").port == 8300


def test_a_variable_of_another_program_is_left_alone() -> None:
    assert load(PORT="1", TRIVET_SOMETHING="x") == load()


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("1KiB", 1024), ("2 MiB", 2 * MIB), ("1.5gib", 1536 * MIB), (" 7 ", 7)],
)
def test_sizes_are_bytes_or_have_a_unit(text: str, size: int) -> None:
    assert load(TRIVET_MAX_INPUT=text).max_input == size


@pytest.mark.parametrize(
    ("text", "flag"), [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("off", False)]
)
def test_flags_are_read_in_the_usual_words(text: str, flag: bool) -> None:
    assert load(TRIVET_METRICS_PUBLIC=text).metrics_public is flag


def test_a_folder_may_begin_with_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert load(TRIVET_DATA="~/trivet").data == Path("/home/ada/trivet")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TRIVET_PORT", "http"),
        ("TRIVET_PORT", "65536"),
        ("TRIVET_PORT", "-1"),
        ("TRIVET_MAX_INPUT", "50MB"),
        ("TRIVET_MAX_INPUT", "infMiB"),
        ("TRIVET_MAX_INPUT", "1e999GiB"),
        ("TRIVET_MAX_INPUT", "nanKiB"),
        ("TRIVET_MAX_INPUT", "0"),
        ("TRIVET_MAX_OUTPUT", "-5"),
        ("TRIVET_MAX_UPLOAD", "much"),
        ("TRIVET_RUNPOD_MAX_RUN", "0"),
        ("TRIVET_RUNPOD_MAX_RUNSYNC", "-1"),
        ("TRIVET_RUNPOD_HOLD", "inf"),
        ("TRIVET_RUNPOD_POLL", "61"),
        ("TRIVET_RUNPOD_RETENTION", "-1"),
        ("TRIVET_JOB_RETENTION", "nan"),
        ("TRIVET_JOB_RETENTION", "-1"),
        ("TRIVET_JOB_RETENTION", "a week"),
        ("TRIVET_SHUTDOWN_GRACE", "inf"),
        ("TRIVET_HEAD_PATIENCE", "0"),
        ("TRIVET_HEAD_PATIENCE", "nan"),
        ("TRIVET_LOAD_TIMEOUT", "0"),
        ("TRIVET_LOAD_TIMEOUT", "inf"),
        ("TRIVET_BODY_PATIENCE", "-1"),
        ("TRIVET_BODY_PATIENCE", "inf"),
        ("TRIVET_METRICS_PUBLIC", "maybe"),
        ("TRIVET_LOG_LEVEL", "loud"),
        ("TRIVET_LOG_FORMAT", "xml"),
    ],
)
def test_a_value_that_can_not_be_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingError) as refused:
        load(**{name: text})
    sentence = str(refused.value)
    assert text in sentence
    assert name in sentence or name == "TRIVET_PORT"
    assert sentence.endswith(".")


@pytest.mark.parametrize("given", [{"port": 70_000}, {"max_input": 0}, {"shutdown_grace": -1.0}])
def test_an_argument_that_can_not_be_is_refused_as_well(given: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        Settings.load({}, data=Path("here"), **given)


def test_every_setting_has_a_variable_of_its_own_and_says_what_it_is() -> None:
    rows = [field.metadata for field in fields(Settings)]
    assert len({row["env"] for row in rows}) == len(rows)
    assert all(row["env"].startswith("TRIVET_") and row["help"].endswith(".") for row in rows)


def test_levels_are_taken_in_any_case() -> None:
    assert load(TRIVET_LOG_LEVEL="DEBUG").log_level == "DEBUG"


def test_limits_of_accounts_are_off_until_somebody_sets_them() -> None:
    assert (load().default_rate, load().default_concurrent) == (None, None)
    settings = load(TRIVET_DEFAULT_RATE="1000/min", TRIVET_DEFAULT_CONCURRENT="0")
    assert (str(settings.default_rate), settings.default_concurrent) == ("1000/min", 0)
    none = load(TRIVET_DEFAULT_RATE="none", TRIVET_DEFAULT_CONCURRENT="None")
    assert (none.default_rate, none.default_concurrent) == (None, None)


@pytest.mark.parametrize(
    ("name", "text"),
    [("TRIVET_DEFAULT_RATE", "fast"), ("TRIVET_DEFAULT_CONCURRENT", "-1"), ("TRIVET_DEFAULT_CONCURRENT", "many")],
)
def test_a_limit_that_can_not_be_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=name):
        load(**{name: text})


def test_where_webhooks_may_go_is_a_list_that_is_checked_at_start() -> None:
    assert load().webhook_allow == ()
    assert load(TRIVET_WEBHOOK_ALLOW="10.0.0.0/8, *.internal,").webhook_allow == ("10.0.0.0/8", "*.internal")
    with pytest.raises(SettingError, match="TRIVET_WEBHOOK_ALLOW"):
        load(TRIVET_WEBHOOK_ALLOW="http://hooks.internal/")
