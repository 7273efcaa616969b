"""``trivet orgs``: organizations and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.options import confirmed, yes_option
from trivet.cli.output import Column, ago, emit, emit_json, facts, json_option, listing, moment, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import OrganizationInfo


@click.group()
def orgs() -> None:
    """Organizations: groups of accounts that share endpoints."""


@orgs.command("create")
@click.argument("name")
@click.option("--public", is_flag=True, help="Everybody may know of it, and share endpoints with it.")
@json_option
def create(name: str, *, public: bool, as_json: bool) -> None:
    """Make the organization NAME; you become its owner."""
    with connect() as client:
        organization = client.orgs.create(name, public=public)
    emit_json(organization) if as_json else emit(f"Organization {organization.name}.")


@orgs.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the organizations that you may see."""
    columns: list[Column[OrganizationInfo]] = [
        Column("ORGANIZATION", lambda organization: organization.name, whole=True),
        Column("YOUR ROLE", lambda organization: organization.role),
        Column("AGE", lambda organization: ago(organization.created_at)),
    ]
    with connect() as client:
        listing(client.orgs.list(), columns, as_json=as_json, empty="There is no organization.")


@orgs.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the organization NAME and its members."""
    with connect() as client:
        organization = client.orgs.get(name)
    if as_json:
        emit_json(organization)
        return
    facts(
        [
            ("Organization", organization.name),
            ("Id", organization.id),
            ("Your role", organization.role),
            ("Public", "yes" if organization.public else "no"),
            ("Created", organization.created_at and moment(organization.created_at)),
            ("Members", [f"{member.account} ({member.role})" for member in organization.members] or None),
        ]
    )


@orgs.command("add")
@click.argument("name")
@click.argument("account")
@click.option("--role", type=click.Choice(["owner", "admin", "member"]), default="member", show_default=True)
def add(name: str, account: str, role: str) -> None:
    """Add ACCOUNT to the organization NAME, or change its role there."""
    with connect() as client:
        client.orgs.add(name, account, role=role)
    note(f"{account} is {role} in {name}.")


@orgs.command("remove")
@click.argument("name")
@click.argument("account")
def remove(name: str, account: str) -> None:
    """Take ACCOUNT out of the organization NAME."""
    with connect() as client:
        client.orgs.remove(name, account)
    note(f"{account} is no longer in {name}.")


@orgs.command("delete")
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Delete the organization NAME."""
    if not confirmed(f"Delete the organization {name}?", yes=yes):
        note("Nothing was deleted.")
        return
    with connect() as client:
        client.orgs.delete(name)
    note(f"{name} was deleted.")
