from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests import ports
from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import KEY, Exchange, Server
from trivet.cli import checks, devserver, up, watch
from trivet.cli.checks import Verdict
from trivet.cli.errors import Failure
from trivet.cli.extra import server_extra
from trivet.platform.server import demo as server_demo
from trivet.sdk._config import Profile, read_profile, write_profile


@dataclass
class FakeSettings:
    data: Path


@dataclass
class FakePlatform:
    """What `up` looks at of a platform that has started."""

    settings: FakeSettings
    first: Any


@dataclass
class FakeAccount:
    name: str = "admin"


def welcome(url: str, tmp_path: Path, *, first: bool) -> None:
    platform = FakePlatform(FakeSettings(tmp_path / "data"), (FakeAccount(), KEY) if first else None)
    up._welcome(url, cast("Any", platform))


# -- up


def test_the_first_start_shows_the_key_once_and_stores_it(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    welcome("http://0.0.0.0:8300", tmp_path, first=True)
    shown = capsys.readouterr().out
    assert KEY in shown
    assert str(tmp_path / "data") in shown
    assert read_profile(profile) == Profile("http://127.0.0.1:8300", KEY)
    assert profile.stat().st_mode & 0o777 == 0o600
    welcome("http://127.0.0.1:8300", tmp_path, first=False)
    assert KEY not in capsys.readouterr().out


def test_another_platforms_key_in_the_profile_is_kept(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_profile(Profile("http://elsewhere:8300", "trv_old_key"), profile)
    welcome("http://127.0.0.1:8300", tmp_path, first=True)
    assert read_profile(profile.with_name("config.toml.old")).api_key == "trv_old_key"
    assert "config.toml.old" in capsys.readouterr().out


def test_a_third_platform_does_not_cost_the_first_ones_key(profile: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_profile(Profile(f"http://127.0.0.1:830{number}", f"trv_key_{number}"), profile)
        welcome("http://127.0.0.1:8300", tmp_path, first=True)
    kept = [read_profile(profile.with_name(f"config.toml.old{number}")).api_key for number in ("", 2, 3)]
    assert kept == ["trv_key_1", "trv_key_2", "trv_key_3"]
    write_profile(Profile("http://127.0.0.1:8302", "trv_key_2"), profile)
    welcome("http://127.0.0.1:8300", tmp_path, first=True)
    assert not profile.with_name("config.toml.old4").exists(), "one that is kept already is not kept twice"


def test_a_profile_that_cannot_be_written_does_not_stop_the_platform(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile.parent.write_text("a file where the folder should be")
    welcome("http://127.0.0.1:8300", tmp_path, first=True)
    shown = capsys.readouterr().out
    assert KEY in shown
    assert "not stored" in shown


def test_a_profile_for_another_server_is_pointed_out(
    profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_profile(Profile("http://127.0.0.1:8300", KEY), profile)
    welcome("http://127.0.0.1:9000", tmp_path, first=False)
    assert "TRIVET_URL=http://127.0.0.1:9000" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("listening", "reachable"),
    [
        ("http://0.0.0.0:8300", "http://127.0.0.1:8300"),
        ("http://[::]:8300", "http://[::1]:8300"),
        ("http://10.0.0.1:8300", "http://10.0.0.1:8300"),
    ],
)
def test_a_platform_that_listens_everywhere_is_called_on_the_loopback(listening: str, reachable: str) -> None:
    assert up.reachable_url(listening) == reachable


def test_a_missing_library_of_the_extra_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(Failure) as caught, server_extra():
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn.config")
    assert "uvicorn" in caught.value.message
    assert caught.value.hint == 'pip install "trivet[server]"'


def test_a_missing_part_of_trivet_itself_is_a_bug_and_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError), server_extra():
        raise ModuleNotFoundError("No module named 'trivet.none'", name="trivet.none")


# -- doctor


def me(**key: Any) -> dict[str, Any]:
    return {"account": {"name": "admin"}, "key": {"id": "k1", **key}, "organizations": [], "scopes": ["call", "read"]}


def healthy(server: Server, **key: Any) -> None:
    server.on("GET", "/readyz", lambda it: it.json({"ready": True}))
    server.on("GET", "/me", lambda it: it.json(me(**key)))


def verdicts(trivet: Trivet, status: int) -> dict[str, str]:
    result = trivet("doctor", "--json")
    assert result.exit_code == status, result.output
    return {check["name"]: check["verdict"] for check in json.loads(result.stdout)}


@pytest.fixture
def free_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    number = ports.free_port()
    monkeypatch.setenv("TRIVET_PORT", str(number))
    monkeypatch.setenv("TRIVET_DATA", str(tmp_path / "data"))
    return number


def test_a_sound_installation_passes(trivet: Trivet, logged_in: Server, free_port: int) -> None:
    healthy(logged_in)
    found = verdicts(trivet, 0)
    assert found["server"] == found["key"] == found["data folder"] == "ok"
    assert "ready" in trivet("doctor").stdout


def test_a_refused_key_is_status_3(trivet: Trivet, logged_in: Server, free_port: int) -> None:
    healthy(logged_in)
    logged_in.on("GET", "/me", lambda it: it.problem(401, "unauthenticated", detail="No.", hint="Make one."))
    assert verdicts(trivet, 3)["key"] == "failed"
    assert "→ Make one." in trivet("doctor").stdout


def test_no_server_is_a_failure_only_where_one_was_named(
    trivet: Trivet, profile: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(Profile(f"http://127.0.0.1:{free_port}", KEY), profile)
    assert verdicts(trivet, 3)["server"] == "failed"


def test_a_key_that_others_can_read_is_a_failure(trivet: Trivet, server: Server, profile: Path, free_port: int) -> None:
    healthy(server)
    write_profile(Profile(server.url, KEY), profile)
    profile.chmod(0o644)
    assert verdicts(trivet, 1)["profile"] == "failed"
    assert f"chmod 600 {profile}" in trivet("doctor").stdout


def test_a_broken_profile_is_told_without_a_traceback(trivet: Trivet, profile: Path, free_port: int) -> None:
    profile.parent.mkdir()
    profile.write_text("url = ")
    assert verdicts(trivet, 1)["profile"] == "failed"


def test_a_key_that_expires_soon_is_a_warning(trivet: Trivet, logged_in: Server, free_port: int) -> None:
    healthy(logged_in, expires_at=(datetime.now(UTC) + timedelta(days=3)).isoformat())
    assert verdicts(trivet, 0)["key"] == "warning"
    assert "trivet keys rotate k1" in trivet("doctor").stdout


def test_what_the_extra_needs_everywhere_is_read_from_the_metadata() -> None:
    stated = [
        "click>=8.1",
        "msgspec>=0.19; extra == 'server'",
        'uv>=0.5; extra == "server"',
        "uvloop>=0.20; (sys_platform != 'win32') and extra == 'server'",
        "trivet[server]; extra == 'all'",
    ]
    assert checks.needed_by_extra(stated) == ["msgspec", "uv"]


def test_an_old_python_is_a_failure() -> None:
    assert checks.python((3, 10, 9)).verdict is Verdict.FAILED
    assert checks.python((3, 11, 0)).verdict is Verdict.OK


def test_a_data_folder_that_is_a_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert checks.data_folder({"TRIVET_DATA": str(tmp_path / "file")}).verdict is Verdict.FAILED
    assert checks.data_folder({"TRIVET_DATA": str(tmp_path / "file" / "below")}).verdict is Verdict.FAILED
    assert checks.data_folder({"TRIVET_DATA": str(tmp_path / "new" / "folder")}).verdict is Verdict.OK


def test_a_port_in_use_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check = checks.port({"TRIVET_PORT": str(taken.getsockname()[1])})
    assert "in use" in check.detail
    assert checks.port({"TRIVET_PORT": "none"}).verdict is Verdict.FAILED


# -- dev


def test_a_change_is_seen_when_writing_has_settled(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("1")
    (tmp_path / ".hidden").touch()
    before = watch.snapshot(tmp_path)
    assert list(before) == [str(file)]
    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) in (2, 3):
            file.write_text("1" * len(looks))

    after = watch.wait_for_change(tmp_path, before, pause)
    assert len(looks) == 4
    assert after == watch.snapshot(tmp_path)


def test_a_file_that_goes_and_comes_back_unchanged_is_no_change(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text("1")
    before = watch.snapshot(file)
    looks = 0

    def pause(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            file.rename(tmp_path / "away.py")
        elif looks == 2:
            (tmp_path / "away.py").rename(file)
        elif looks == 4:
            file.write_text("22")

    watch.wait_for_change(file, before, pause)
    assert looks == 5


def test_dev_deploys_again_after_a_change_and_stops_with_ctrl_c(logged_in: Server, tmp_path: Path) -> None:
    file, env = tmp_path / "main.py", tmp_path / ".env"
    file.write_text("1")
    env.write_text("A=1")
    deployed = queue.Queue[bytes]()

    def upload(exchange: Exchange) -> None:
        exchange.json({"id": "d1", "state": "building", "detail": "Building."}, 202)
        deployed.put(exchange.body)

    failed = {"id": "d1", "state": "failed", "error": {"code": "build_failed", "message": "It can't be loaded."}}
    ready = {"id": "d1", "state": "ready", "endpoints": [{"id": "ep1", "name": "admin/hello", "version": "1.0.1"}]}
    logged_in.on("GET", "/readyz", lambda it: it.json({"ready": True}))
    logged_in.on("POST", "/deployments", upload)
    logged_in.on("GET", "/deployments/d1", lambda it: it.json(failed), lambda it: it.json(ready))
    logged_in.on("GET", "/endpoints/ep1", lambda it: it.json({"id": "ep1", "name": "admin/hello"}))
    command = [sys.executable, "-m", "trivet.cli", "dev", str(file), "--env-file", str(env)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            first = deployed.get(timeout=30)
            told = b"".join(iter(process.stderr.readline, f"Watching {file}; Ctrl-C ends it.\n".encode()))
            assert b"It can't be loaded." in told
            assert first.startswith(b'{"A": "1"}')
            env.write_text("A=2")
            file.write_text("two")
            assert deployed.get(timeout=30).startswith(b'{"A": "2"}')
            assert process.stdout.readline() == b"admin/hello 1.0.1 is ready.\n"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_a_platform_for_dev_that_does_not_start_says_what_it_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("Trivet can't start. No room.")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"]) as process:
        process.wait(30)
        with pytest.raises(Failure, match="did not start"):
            devserver._started(process, tmp_path / "config.toml", log)
    assert "No room." in capsys.readouterr().err


def test_the_module_can_be_run() -> None:
    command = [sys.executable, "-m", "trivet.cli", "--version"]
    assert subprocess.run(command, capture_output=True, timeout=30, check=True).stdout.startswith(b"trivet ")


# -- demo


def test_a_demo_that_is_stopped_from_outside_ends_as_by_ctrl_c(trivet: Trivet, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = []

    def run_demo(echo: object) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            let_go.append("the temporary folder")
        return 0

    monkeypatch.setattr(server_demo, "run_demo", run_demo)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert trivet("demo").exit_code == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert let_go == ["the temporary folder"]
