"""``trivet accounts``: who there is. For administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from trivet.cli.options import confirmed, job_count, limits_given, yes_option
from trivet.cli.output import (
    Column,
    ago,
    emit,
    emit_json,
    facts,
    json_option,
    limits_in_words,
    listing,
    moment,
    note,
)
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import AccountInfo


@click.group()
def accounts() -> None:
    """Accounts: people and programs that own endpoints and keys. For administrators."""


@accounts.command("create")
@click.argument("name")
@click.option("--email", default="", metavar="ADDRESS", help="Its e-mail address, for which you vouch.")
@json_option
def create(name: str, email: str, as_json: bool) -> None:
    """Make the account NAME. A key for it: trivet keys create --account NAME"""
    with connect() as client:
        account = client.accounts.create(name, email=email)
    emit_json(account) if as_json else emit(
        f"Account {account.name}. A key for it: trivet keys create --account {name}"
    )


@accounts.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the accounts."""
    columns: list[Column[AccountInfo]] = [
        Column("ACCOUNT", lambda account: account.name, whole=True),
        Column("STATE", lambda account: "disabled" if account.disabled else "active"),
        Column("ADMINISTRATOR", lambda account: "yes" if account.administrator else None),
        Column("RATE", lambda account: account.rate),
        Column("CONCURRENT", lambda account: account.concurrent),
        Column("AGE", lambda account: ago(account.created_at)),
    ]
    with connect() as client:
        listing(client.accounts.list(), columns, as_json=as_json, empty="There is no account.")


@accounts.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the account NAME."""
    with connect() as client:
        account = client.accounts.get(name)
    if as_json:
        emit_json(account)
        return
    facts(
        [
            ("Account", account.name),
            ("Id", account.id),
            ("State", "disabled" if account.disabled else "active"),
            ("Administrator", "yes" if account.administrator else "no"),
            ("E-mail", account.email),
            ("Limits", limits_in_words(account.rate, account.concurrent)),
            ("Created", account.created_at and moment(account.created_at)),
        ]
    )


@accounts.command("limit", short_help="Limit how often the account NAME may call.")
@click.argument("name")
@click.option("--rate", metavar="N/UNIT", help="How often all its keys together may call: 1000/min, or none.")
@click.option("--concurrent", type=job_count, metavar="N", help="How many jobs they may have open at a time, or none.")
@json_option
def limit(name: str, rate: str | None, concurrent: int | Literal["none"] | None, as_json: bool) -> None:
    """Limit how often the account NAME may call and how many jobs it may have open, with all its keys together.

    What is left out stays; none removes a limit, and what the platform has as its default applies again.
    """
    limits_given(rate, concurrent)
    with connect() as client:
        account = client.accounts.update(name, rate=rate, concurrent=concurrent)
    emit_json(account) if as_json else note(f"{account.name}: {limits_in_words(account.rate, account.concurrent)}.")


@accounts.command("email", short_help="Say which e-mail address the account NAME has.")
@click.argument("name")
@click.argument("address")
def email(name: str, address: str) -> None:
    """Say that ADDRESS is the e-mail address of the account NAME; none takes it away.

    Invitations to organizations reach the account under it.
    """
    with connect() as client:
        client.accounts.update(name, email="" if address == "none" else address)
    note(f"{name} has no e-mail address." if address == "none" else f"{name} has the e-mail address {address}.")


@accounts.command("disable", short_help="Disable the account NAME, until it is enabled again.")
@click.argument("name")
def disable(name: str) -> None:
    """Disable the account NAME: its keys stop working until it is enabled again."""
    with connect() as client:
        client.accounts.update(name, disabled=True)
    note(f"{name} is disabled.")


@accounts.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Enable the account NAME again."""
    with connect() as client:
        client.accounts.update(name, disabled=False)
    note(f"{name} is enabled.")


@accounts.command("delete")
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Delete the account NAME and its keys."""
    if not confirmed(f"Delete the account {name} and its keys?", yes=yes):
        note("Nothing was deleted.")
        return
    with connect() as client:
        client.accounts.delete(name)
    note(f"{name} was deleted.")
