from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import KEY, Server
from trivet import __version__
from trivet.cli import accounts
from trivet.cli.main import SECTIONS, cli
from trivet.sdk._config import Profile, write_profile


def commands(group: click.Group, context: click.Context) -> list[tuple[str, click.Command]]:
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((f"{context.command_path} {name}", command))
        if isinstance(command, click.Group):
            found += commands(command, click.Context(command, parent=context, info_name=name))
    return found


ALL = commands(cli, click.Context(cli, info_name="trivet"))


def test_the_version_is_printed_without_importing_what_calls_need() -> None:
    program = (
        "import sys\nfrom trivet.cli.main import cli\ncli(['--version'], standalone_mode=False)\n"
        "print(sorted({'pyreqwest', 'rich', 'asyncio', 'trivet.sdk', 'trivet.platform'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [f"trivet {__version__}", "[]"]


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_every_command_says_what_it_does(path: str, command: click.Command) -> None:
    assert command.help, path
    assert command.get_short_help_str(200).rstrip("."), path
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "role":
            assert parameter.help, f"{path}: {parameter.opts[0]} has no help"


LISTINGS = [(path, command) for path, command in ALL if path.endswith((" ls", " ps", " versions"))]


@pytest.mark.parametrize(("path", "command"), LISTINGS, ids=[path for path, _ in LISTINGS])
def test_every_listing_takes_json(path: str, command: click.Command) -> None:
    assert any("--json" in parameter.opts for parameter in command.params), path


def test_the_help_page_names_every_command(trivet: Trivet) -> None:
    shown = trivet("--help")
    assert shown.exit_code == 0
    for heading, names in SECTIONS.items():
        assert f"{heading}:" in shown.stdout
        for name in names:
            assert f"\n  {name} " in shown.stdout


def test_a_mistyped_command_is_wrong_usage_and_suggests_the_right_one(trivet: Trivet) -> None:
    result = trivet("job", "ls")
    assert result.exit_code == 2
    assert "jobs" in result.stderr
    assert result.stdout == ""


def test_no_server_is_status_3_and_says_what_to_do(trivet: Trivet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRIVET_API_KEY", "trv_a_b")
    result = trivet("endpoints", "ls")
    assert result.exit_code == 3
    assert "127.0.0.1:9" in result.stderr
    assert "→" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("status", "code"), [(401, "unauthenticated"), (403, "forbidden")])
def test_a_key_that_is_not_enough_is_status_3(trivet: Trivet, logged_in: Server, status: int, code: str) -> None:
    logged_in.on("GET", "/accounts", lambda it: it.problem(status, code, detail="This key may not.", hint="Ask."))
    result = trivet("accounts", "ls")
    assert result.exit_code == 3
    assert result.stderr.startswith("Error: This key may not.\n→ Ask.\n")


def test_a_key_that_is_refused_is_told_with_the_place_it_came_from(
    trivet: Trivet, logged_in: Server, profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in.on("GET", "/accounts", lambda it: it.problem(401, "unauthenticated", detail="Unknown.", hint="Ask."))
    assert "unset TRIVET_API_KEY" in trivet("accounts", "ls").stderr
    write_profile(Profile(logged_in.url, KEY), profile)
    monkeypatch.delenv("TRIVET_API_KEY")
    monkeypatch.delenv("TRIVET_URL")
    assert f"the profile {profile}" in trivet("accounts", "ls").stderr


GROUPS = ["trivet", *(path for path, command in ALL if isinstance(command, click.Group))]


@pytest.mark.parametrize("path", GROUPS)
def test_no_line_of_a_list_of_commands_breaks_off(trivet: Trivet, path: str) -> None:
    shown = trivet(*path.split()[1:], "--help").stdout.splitlines()[1:]
    assert shown
    assert [line for line in shown if line.endswith("...")] == []


def test_no_key_is_status_3_and_nothing_is_asked(
    trivet: Trivet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_URL", server.url)
    assert trivet("endpoints", "ls").exit_code == 3
    assert server.seen == []


def test_what_is_not_there_is_status_1(trivet: Trivet, logged_in: Server) -> None:
    result = trivet("endpoints", "show", "admin/nothing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "→ Look again." in result.stderr


def test_a_bug_shows_no_traceback_unless_it_is_asked_for(trivet: Trivet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(accounts, "connect", broken)
    result = trivet("accounts", "ls")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "TRIVET_DEBUG=1" in result.stderr
    monkeypatch.setenv("TRIVET_DEBUG", "1")
    assert "Traceback" in trivet("accounts", "ls").stderr


def test_ctrl_c_is_status_130(trivet: Trivet, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(accounts, "connect", interrupted)
    assert trivet("accounts", "ls").exit_code == 130


@pytest.mark.parametrize(("arguments", "status"), [(["--version"], 0), (["nonsense"], 2)])
@pytest.mark.parametrize("goes_on", [True, False])
def test_a_thread_that_goes_on_does_not_live_to_see_the_interpreter_end(
    arguments: list[str], status: int, goes_on: bool
) -> None:
    program = f"""
import sys, threading, time
from trivet.cli.main import main

class Late:
    def __del__(self):
        print("taken down")

late = Late()
if {goes_on}:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
sys.argv = ["trivet", *{arguments!r}]
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert ("taken down" in done.stdout) is not goes_on
    assert (__version__ in done.stdout) is (status == 0)
    assert ("No such command" in done.stderr) is (status == 2)


def test_a_reader_that_goes_away_is_met_quietly(logged_in: Server, profile: object) -> None:
    rows = [{"name": f"account-{number}"} for number in range(5000)]
    logged_in.on("GET", "/accounts", lambda it: it.json({"items": rows, "next": None}))
    command = [sys.executable, "-m", "trivet.cli", "accounts", "ls"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1


def test_json_listings_are_one_array_with_one_element_a_line(trivet: Trivet, logged_in: Server) -> None:
    logged_in.on("GET", "/accounts", lambda it: it.json({"items": [{"name": "ada"}, {"name": "bo"}], "next": None}))
    printed = trivet("accounts", "ls", "--json").stdout
    assert [account["name"] for account in json.loads(printed)] == ["ada", "bo"]
    assert len(printed.splitlines()) == 4
