"""What can't be undone: asked about where somebody sits, and done where a script says so."""

from __future__ import annotations

import click
import pytest

from tests.unit.cli.conftest import Trivet
from tests.unit.sdk.server import Server
from trivet.cli.main import cli

IMAGE = {"id": "img_1", "name": "ada/base", "owner": "ada"}
COMMANDS = {
    "DELETE /endpoints/admin/hello": ("endpoints", "delete", "admin/hello"),
    "POST /endpoints/admin/hello/purge": ("endpoints", "purge", "admin/hello"),
    "DELETE /keys/k1": ("keys", "revoke", "k1"),
    "DELETE /accounts/ada": ("accounts", "delete", "ada"),
    "DELETE /orgs/acme": ("orgs", "delete", "acme"),
    "DELETE /secrets/TOKEN": ("secrets", "delete", "TOKEN"),
    "DELETE /images/img_1": ("images", "delete", "ada/base"),
    "DELETE /files/.my/photos": ("files", "rm", "-r", "data://.my/photos"),
    "POST /webhooks/secret/rotate": ("webhooks", "secret", "--rotate"),
}
"""Every command that does what can't be undone, by what it asks the server to do."""


def test_these_are_all_the_commands_that_ask() -> None:
    def asking(group: click.Group, context: click.Context, *path: str) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                found |= asking(command, click.Context(command, parent=context), *path, name)
            elif command is not None and any(parameter.name == "yes" for parameter in command.params):
                found.add((*path, name))
        return found

    assert asking(cli, click.Context(cli)) == {command[:2] for command in COMMANDS.values()}


@pytest.fixture(params=COMMANDS.items(), ids=lambda item: " ".join(item[1][:2]))
def case(request: pytest.FixtureRequest) -> tuple[str, tuple[str, ...]]:
    found: tuple[str, tuple[str, ...]] = request.param
    return found


@pytest.fixture
def asked(logged_in: Server) -> Server:
    logged_in.on("GET", "/images", lambda it: it.json({"items": [IMAGE], "next": None}))
    for what in COMMANDS:
        method, _, path = what.partition(" ")
        logged_in.on(method, path, lambda it: it.json({"cancelled": 0, "deleted": 1, "secret": "whsec_a"}))
    return logged_in


def done(server: Server) -> list[str]:
    """What the server was asked to change."""
    said = [f"{exchange.method} {exchange.path.removeprefix('/api/v1').partition('?')[0]}" for exchange in server.seen]
    return [what for what in said if not what.startswith("GET")]


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet.cli.options._somebody_is_there", lambda: True)


def test_a_script_is_not_asked(trivet: Trivet, asked: Server, case: tuple[str, tuple[str, ...]]) -> None:
    what, command = case
    result = trivet(*command)
    assert result.exit_code == 0, result.stderr
    assert done(asked) == [what]
    assert "[y/N]" not in result.stderr


@pytest.mark.usefixtures("somebody")
@pytest.mark.parametrize(("said", "goes_on"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_who_sits_at_a_terminal_is_asked(
    trivet: Trivet, asked: Server, case: tuple[str, tuple[str, ...]], said: str, goes_on: bool
) -> None:
    what, command = case
    result = trivet(*command, input=said)
    assert result.exit_code == 0, result.stderr
    assert done(asked) == ([what] if goes_on else [])
    assert "[y/N]" in result.stderr
    assert ("Nothing was" in result.stderr) is not goes_on


@pytest.mark.usefixtures("somebody")
def test_who_has_said_yes_is_not_asked(trivet: Trivet, asked: Server, case: tuple[str, tuple[str, ...]]) -> None:
    what, command = case
    assert "[y/N]" not in trivet(*command, "--yes").stderr
    assert done(asked) == [what]
