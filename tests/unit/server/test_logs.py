"""The server's own log: one event per line, and never a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from trivet.platform.core.keys import Token
from trivet.platform.server import logs

TOKEN = Token.make(bytes(range(31)))
HIDDEN = f"{TOKEN.client_key}_…"
NOISY = ("uvicorn.access", "uvicorn.error", "asyncio")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


@pytest.mark.parametrize("style", ["text", "json"])
def test_the_secret_half_of_a_key_is_never_written(capsys: pytest.CaptureFixture[str], style: str) -> None:
    logs.configure("info", style)
    log = logging.getLogger("trivet.test")
    log.info("plain %s", TOKEN)
    log.info("Authorization: Bearer %s, and again %s", TOKEN, TOKEN)
    log.info("url http://localhost/?key=%s&x=1", TOKEN)
    log.info("%r", {"token": str(TOKEN)})
    try:
        raise ValueError(f"what is {TOKEN}?")
    except ValueError:
        log.exception("it broke")
    text = "\n".join(written(capsys))
    assert TOKEN.secret not in text
    assert text.count(HIDDEN) == 6
    assert f"key={HIDDEN}&x=1" in text


@pytest.mark.parametrize("style", ["text", "json"])
def test_what_is_no_secret_is_left_as_it_is(capsys: pytest.CaptureFixture[str], style: str) -> None:
    logs.configure("info", style)
    logging.getLogger("trivet.test").info("key %s of %s", TOKEN.client_key, "job_000003f1a2b3c4d5e6f7")
    (line,) = written(capsys)
    assert f"key {TOKEN.client_key} of job_000003f1a2b3c4d5e6f7" in line


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    logging.getLogger("trivet.test").warning("the disk is full")
    (line,) = written(capsys)
    assert line[2::3][:2] == "::"
    assert line.endswith(" WARNING trivet.test: the disk is full")


def test_json_is_one_object_a_line_whatever_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log = logging.getLogger("trivet.test")
    log.error('two\nlines and "quotes" and Grüße')
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("it broke")
    first, second = (json.loads(line) for line in written(capsys))
    assert (first["level"], first["logger"]) == ("error", "trivet.test")
    assert first["message"] == 'two\nlines and "quotes" and Grüße'
    assert first["time"].endswith("Z")
    assert len(first["time"]) == len("2024-01-01T00:00:00.000Z")
    assert "ValueError: why" in second["exception"]


def test_the_level_is_kept_and_noisy_neighbours_are_quieter(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    logging.getLogger("trivet.test").debug("too much")
    for name in NOISY:
        logging.getLogger(name).info("a request")
    logging.getLogger("asyncio").warning("slow")
    assert [line.rpartition(": ")[2] for line in written(capsys)] == ["slow"]
    logs.configure("error", "text")
    logging.getLogger("asyncio").warning("slow")
    assert written(capsys) == []


def test_configuring_again_replaces_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text")
    logs.configure("info", "json")
    logging.getLogger("trivet.test").info("once")
    (line,) = written(capsys)
    assert json.loads(line)["message"] == "once"


def test_text_that_no_encoding_takes_does_not_stop_the_log() -> None:
    program = (
        "import logging; from trivet.platform.server import logs; logs.configure('info', 'json');"
        "logging.info('half \\ud83d'); logging.info('goes on')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=30)
    assert [json.loads(line)["message"] for line in ended.stderr.splitlines()] == ["half \ud83d", "goes on"]
