from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner, Result

from tests.unit.sdk.server import KEY, Server, serving
from trivet.cli.main import cli


class Trivet(Protocol):
    """Runs the command line, as a script would: no terminal on either end."""

    def __call__(self, *arguments: str, input: str | bytes | None = None) -> Result: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A profile that does not exist yet, in place of the user's own."""
    path = tmp_path / "config" / "config.toml"
    monkeypatch.setenv("TRIVET_CONFIG", str(path))
    for name in ("TRIVET_URL", "TRIVET_API_KEY", "TRIVET_DATA", "TRIVET_PORT", "TRIVET_HOST", "TRIVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def trivet(profile: Path) -> Trivet:
    def invoke(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, arguments, input=input, prog_name="trivet")

    return invoke


@pytest.fixture
def logged_in(server: Server, profile: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server that the commands of this test reach, with a key."""
    monkeypatch.setenv("TRIVET_URL", server.url)
    monkeypatch.setenv("TRIVET_API_KEY", KEY)
    return server
