"""``trivet secrets``: values that workers get and nobody can read back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.options import confirmed, yes_option
from trivet.cli.output import Column, json_option, listing, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import SecretInfo


_owner_option = click.option(
    "--owner", metavar="NAME", help="The account or organization whose secret it is; your own account if left out."
)


@click.group()
def secrets() -> None:
    """Secrets: values for workers, never shown again.

    The workers of an endpoint get those that its settings name, as environment variables.
    """


@secrets.command(
    "set",
    epilog="""\b
Examples:
  trivet secrets set DB_PASSWORD               asks for the value
  trivet secrets set DB_PASSWORD @password.txt
  trivet secrets set DB_PASSWORD --owner science
  pass show db | trivet secrets set DB_PASSWORD -""",
)
@click.argument("name")
@click.argument("value", required=False)
@_owner_option
def set_(name: str, value: str | None, owner: str | None) -> None:
    """Store the secret NAME, or replace it.

    VALUE is the value itself (which your shell's history may keep), @FILE, or - for standard input. If left out, it is
    asked for. One line break at the end of a file or of standard input is not part of it.
    """
    secret = _value(name, value)
    with connect() as client:
        client.secrets.set(name, secret, owner=owner)
    note(f"{name} is stored. Workers that start from now on get it.")


@secrets.command("ls")
@_owner_option
@json_option
def ls(owner: str | None, as_json: bool) -> None:
    """List the names of the secrets."""
    columns: list[Column[SecretInfo]] = [Column("SECRET", lambda secret: secret.name, whole=True)]
    with connect() as client:
        listing(client.secrets.list(owner=owner), columns, as_json=as_json, empty="There is no secret.")


@secrets.command("delete")
@click.argument("name")
@_owner_option
@yes_option
def delete(name: str, owner: str | None, yes: bool) -> None:
    """Delete the secret NAME."""
    if not confirmed(f"Delete the secret {name}?", yes=yes):
        note("Nothing was deleted.")
        return
    with connect() as client:
        client.secrets.delete(name, owner=owner)
    note(f"{name} was deleted.")


def _value(name: str, value: str | None) -> str:
    if value is None and sys.stdin.isatty():
        asked: str = click.prompt(name, hide_input=True, err=True)
        return asked
    if value is None or value == "-":
        return _without_line_break(sys.stdin.read())
    if not value.startswith("@"):
        return value
    try:
        return _without_line_break(Path(value[1:]).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"Cannot read {value[1:]} as text: {error}.") from None


def _without_line_break(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
