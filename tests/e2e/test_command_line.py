"""The command line against a real platform, as people and scripts use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import trivet
from tests.conftest import RunningPlatform
from tests.e2e.conftest import PROGRAMS


@pytest.fixture(scope="module")
def cli(platform: RunningPlatform, zoo: trivet.Client) -> RunningPlatform:
    assert zoo.ready()
    return platform


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_deploy_prints_one_object_per_endpoint_for_scripts(cli: RunningPlatform) -> None:
    done = cli.trivet("deploy", str(PROGRAMS / "hello.py"), "--name", "admin/scripted", "--json")
    assert done.returncode == 0, done.stderr
    (document,) = [json.loads(line) for line in lines(done.stdout)]
    assert set(document) == {"id", "name", "version", "model_id", "state"}
    assert (document["name"], document["version"], document["state"]) == ("admin/scripted", "1.0.0", "ready")


def test_a_deployment_that_does_not_load_is_refused_with_its_own_words(cli: RunningPlatform, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import trivet\n\n@trivet.endpoint\ndef f(): ...\n\nraise KeyError('no such luck')\n"
    )
    done = cli.trivet("deploy", str(tmp_path / "broken.py"))
    assert done.returncode == 1
    assert "no such luck" in done.stderr
    assert done.stdout == ""


def test_call_takes_json_files_and_standard_input_and_prints_the_output_alone(
    cli: RunningPlatform, tmp_path: Path
) -> None:
    (tmp_path / "value.json").write_text('{"value": [1, 2]}')
    (tmp_path / "bytes.bin").write_bytes(b"\x00\x01\xff")
    assert cli.trivet("call", "admin/echo", '{"value": "x"}').stdout == "x\n"
    assert json.loads(cli.trivet("call", "admin/echo", f"@{tmp_path / 'value.json'}").stdout) == [1, 2]
    assert cli.trivet("call", "admin/echo", "-", stdin='{"value": true}').stdout == "true\n"
    reversed_bytes = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "call", "admin/reverse", f"@{tmp_path / 'bytes.bin'}"],
        env=cli.env, check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    assert reversed_bytes.stdout == b"\xff\x01\x00"


def test_call_streams_and_submits(cli: RunningPlatform) -> None:
    assert lines(cli.trivet("call", "admin/count", '{"n": 3}', "--stream").stdout) == ['{"i":0}', '{"i":1}', '{"i":2}']
    job_id = cli.trivet("call", "admin/echo", '{"value": 1}', "--submit").stdout.strip()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        shown = json.loads(cli.trivet("jobs", "show", job_id, "--json").stdout)
        if shown["status"] == "succeeded":
            break
    assert shown["output"] == 1
    assert "succeeded" in cli.trivet("jobs", "explain", job_id).stdout
    assert job_id in [job["id"] for job in json.loads(cli.trivet("jobs", "ls", "--json").stdout)]
    assert cli.trivet("jobs", "replay", job_id).returncode == 0


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("call", "admin/misbehave", '{"how": "raise"}'), 1),
        (("call", "admin/echo", "not json"), 2),
        (("call", "admin/nowhere", "1"), 1),
        (("call",), 2),
        (("nonsense",), 2),
        (("files", "ls", "data://nobody/nothing"), 1),
        (("jobs", "show", "job_none"), 1),
    ],
)
def test_exit_statuses_tell_what_went_wrong(cli: RunningPlatform, words: tuple[str, ...], status: int) -> None:
    done = cli.trivet(*words)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr
    assert "trivet/cli" not in done.stderr  # the handler's own traceback is told, never the command's


def test_not_reachable_and_not_authorised_are_status_three(cli: RunningPlatform) -> None:
    for changed in ({"TRIVET_URL": "http://127.0.0.1:9"}, {"TRIVET_API_KEY": "trv_000000000000_" + "a" * 40}):
        done = subprocess.run(
            [sys.executable, "-m", "trivet.cli", "jobs", "ls"],
            env={**cli.env, **changed}, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 3, done.stderr


def test_every_listing_gives_json(cli: RunningPlatform) -> None:
    for words in (("endpoints", "ls"), ("jobs", "ls"), ("ps",), ("keys", "ls"), ("accounts", "ls"), ("orgs", "ls"),
                  ("secrets", "ls"), ("examples", "ls"), ("endpoints", "versions", "admin/echo")):  # fmt: skip
        done = cli.trivet(*words, "--json")
        assert done.returncode == 0, (words, done.stderr)
        assert isinstance(json.loads(done.stdout), list), words


def test_a_rotated_key_counts_beside_the_old_one_until_the_overlap_ends(cli: RunningPlatform) -> None:
    made = json.loads(cli.trivet("keys", "create", "--label", "rotates", "--json").stdout)
    assert set(made) >= {"id", "key", "expires_at"}
    turned = json.loads(cli.trivet("keys", "rotate", made["id"], "--json").stdout)
    for key in (made["key"], turned["key"]):
        with trivet.Client(cli.url, key) as client:
            assert client.me().account.name == "admin"
    listed = {key["id"]: key["state"] for key in json.loads(cli.trivet("keys", "ls", "--json").stdout)}
    assert listed[made["id"]] == "rotating"
    assert cli.trivet("keys", "revoke", made["id"]).returncode == 0
    for key in (made["key"], turned["key"]):
        with trivet.Client(cli.url, key) as client, pytest.raises(trivet.AuthenticationError):
            client.me()


def test_env_makes_the_commands_work_in_another_shell(cli: RunningPlatform) -> None:
    printed = cli.trivet("env").stdout
    script = f'{printed}\n{sys.executable} -m trivet.cli call admin/echo \'{{"value": "from a shell"}}\''
    bare = {k: v for k, v in cli.env.items() if not k.startswith("TRIVET_")}
    done = subprocess.run(["bash", "-c", script], env=bare, check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "from a shell", done.stderr


def test_an_interrupted_call_cancels_its_job(cli: RunningPlatform, zoo: trivet.Client) -> None:
    call = subprocess.Popen(
        [sys.executable, "-m", "trivet.cli", "call", "admin/sleeper", '{"seconds": 60}'],
        env=cli.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    running: list[str] = []
    while not running and time.monotonic() < until:
        running = [job.id for job in zoo.jobs.list(endpoint="admin/sleeper", status=["running"], limit=5)]
    call.send_signal(signal.SIGINT)
    _, told = call.communicate(timeout=60)
    assert call.returncode == 130, told
    (job_id,) = running
    assert str(zoo.job(job_id).wait(timeout=60)) == "cancelled"


def test_endpoints_are_scaled_shared_rolled_back_and_deleted(cli: RunningPlatform, tmp_path: Path) -> None:
    for text in ("return 1", "return 2"):
        (tmp_path / "managed.py").write_text(f"import trivet\n\n@trivet.endpoint\ndef managed() -> int:\n    {text}\n")
        assert cli.trivet("deploy", str(tmp_path / "managed.py")).returncode == 0
    assert cli.trivet("call", "admin/managed").stdout == "2\n"
    assert cli.trivet("endpoints", "rollback", "admin/managed").returncode == 0
    assert cli.trivet("call", "admin/managed").stdout == "1\n"
    assert cli.trivet("endpoints", "scale", "admin/managed", "--workers", "1,2").returncode == 0
    shown = json.loads(cli.trivet("endpoints", "show", "admin/managed", "--json").stdout)
    assert (shown["scaling"]["min"], shown["scaling"]["max"]) == (1, 2)
    assert cli.trivet("endpoints", "delete", "admin/managed", "--yes").returncode == 0
    assert cli.trivet("endpoints", "show", "admin/managed").returncode == 1


def test_dev_serves_a_file_and_takes_up_its_changes(cli: RunningPlatform, tmp_path: Path) -> None:
    program = "import trivet\n\n@trivet.endpoint\ndef dev_hello() -> str:\n    return {answer!r}\n"
    (tmp_path / "dev_hello.py").write_text(program.format(answer="first"))
    dev = subprocess.Popen(
        [sys.executable, "-m", "trivet.cli", "dev", str(tmp_path / "dev_hello.py")],
        env=cli.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip

    def answers(wanted: str) -> bool:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if cli.trivet("call", "admin/dev_hello").stdout.strip() == wanted:
                return True
        return False

    try:
        assert answers("first")
        (tmp_path / "dev_hello.py").write_text(program.format(answer="second"))
        assert answers("second")
    finally:
        os.killpg(dev.pid, signal.SIGINT)
        assert dev.wait(60) in (0, 130)


def test_run_needs_no_platform(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "run", str(PROGRAMS / "hello.py"), '{"name": "Bond", "times": 2}'],
        env={**os.environ, "TRIVET_URL": "http://127.0.0.1:9", "TRIVET_CONFIG": str(tmp_path / "none.toml")},
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "Hello Bond Hello Bond\n", done.stderr


def test_doctor_says_that_all_is_well(cli: RunningPlatform) -> None:
    done = cli.trivet("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
