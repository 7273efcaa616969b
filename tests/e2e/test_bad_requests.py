"""What is no good gets a clear answer, and nothing is queued."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

import trivet
from tests.conftest import RunningPlatform


def post(
    platform: RunningPlatform, body: bytes, content_type: str | None = "application/json"
) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(f"{platform.url}/api/v1/endpoints/admin/echo/run", data=body)
    request.add_header("Authorization", f"Bearer {platform.key}")
    if content_type:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {"output": json.loads(answer.read())}
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{not json", "application/json", 400, "invalid_json"),
        (b"[" * 5000 + b"]" * 5000, "application/json", 400, "invalid_json"),
        (b"NaN", "application/json", 400, "invalid_json"),
        (b"\xff\xfe", "application/json", 400, "invalid_json"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_is_no_good_is_refused(
    platform: RunningPlatform, zoo: trivet.Client, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = post(platform, body, content_type)
    assert (answer[0], answer[1]["code"]) == (status, code)


def checkers(platform: RunningPlatform) -> list[psutil.Process]:
    """The processes in which the platform checks large inputs."""

    def is_one(process: psutil.Process) -> bool:
        try:
            return "trivet.platform.server.checker" in process.cmdline()
        except psutil.NoSuchProcess:  # a worker that has just ended
            return False

    return [process for process in psutil.Process(platform.pid).children() if is_one(process)]


def test_what_is_large_is_refused_as_what_is_small_by_a_process_of_its_own(
    platform: RunningPlatform, zoo: trivet.Client
) -> None:
    status, answer = post(platform, b"[" + b"1," * 50_000 + b"one]")
    assert (status, answer["code"]) == (400, "invalid_json")
    assert checkers(platform)


def test_a_body_over_the_limit_is_refused_with_the_limit(platform: RunningPlatform, zoo: trivet.Client) -> None:
    host, port = platform.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        head = (
            f"POST /api/v1/endpoints/admin/echo/run HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {platform.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n"
        )
        raw.sendall(head.encode())
        answer = raw.recv(65536)
        while b'"limit"' not in answer and (more := raw.recv(65536)):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"limit":52428800' in answer.replace(b" ", b"")


def test_a_port_in_use_is_said_in_a_sentence(platform: RunningPlatform, tmp_path: Path) -> None:
    port = platform.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "up", "--port", port, "--data", str(tmp_path / "d")],
        env={**os.environ, "TRIVET_CONFIG": str(tmp_path / "c.toml")}, check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {port}" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_in_use_is_said_in_a_sentence(platform: RunningPlatform, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "up", "--port", "0", "--data", str(platform.data)],
        env={**os.environ, "TRIVET_CONFIG": str(tmp_path / "c.toml")}, check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Another platform is using" in done.stdout + done.stderr


@pytest.mark.parametrize("what", ["newer", "corrupt"])
def test_a_database_that_can_not_be_used_is_said_in_a_sentence(tmp_path: Path, what: str) -> None:
    import sqlite3

    data = tmp_path / "data"
    data.mkdir()
    if what == "newer":
        with sqlite3.connect(data / "trivet.db") as db:
            db.execute("PRAGMA user_version = 9999")
        db.close()
    else:
        (data / "trivet.db").write_bytes(b"this is no database" * 1000)
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "up", "--port", "0", "--data", str(data)],
        env={**os.environ, "TRIVET_CONFIG": str(tmp_path / "c.toml")}, check=False, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "can't start" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
