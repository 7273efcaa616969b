"""``trivet images``: builds under a name, that endpoints can be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.options import confirmed, yes_option
from trivet.cli.output import Column, ago, emit_json, facts, json_option, listing, moment, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import ImageInfo


@click.group(short_help="Images: builds that endpoints are made of.")
def images() -> None:
    """Images: builds under a name, that templates and endpoints are made of.

    `trivet deploy PATH --image NAME` publishes one. You can use your own, those of your organizations, and those of the
    platform's first administrator.
    """


@images.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the images that you can use."""
    columns: list[Column[ImageInfo]] = [
        Column("IMAGE", lambda image: image.name, whole=True),
        Column("OWNER", lambda image: image.owner, whole=True),
        Column("PROGRAM", lambda image: image.host),
        Column("BUILT", lambda image: ago(image.updated_at)),
        Column("HASH", lambda image: (image.hash or "")[:12]),
        Column("ID", lambda image: image.id, whole=True),
    ]
    with connect() as client:
        listing(client.images.list(), columns, as_json=as_json, empty="There is no image.")


@images.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the image NAME, or the one of that id."""
    with connect() as client:
        image = _found(client, name)
    if as_json:
        emit_json(image)
        return
    facts(
        [
            ("Image", image.name),
            ("Id", image.id),
            ("Owner", image.owner),
            ("Program", image.host),
            ("Description", image.description),
            ("Hash", image.hash),
            ("Created", image.created_at and moment(image.created_at)),
            ("Built", image.updated_at and moment(image.updated_at)),
        ]
    )


@images.command("delete")
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Delete the image NAME, or the one of that id. Endpoints that were made of it keep what they have."""
    with connect() as client:
        image = _found(client, name)
        if not confirmed(f"Delete the image {image.name} of {image.owner}?", yes=yes):
            note("Nothing was deleted.")
            return
        client.images.delete(image.id)
    note(f"{image.name} was deleted.")


def _found(client: Client, name: str) -> ImageInfo:
    from trivet.sdk.errors import NotFoundError

    found = client.images.list(name) or [image for image in client.images.list() if image.id == name]
    if not found:
        raise NotFoundError(
            f"There is no image {name!r} that this key may see.",
            hint="`trivet images ls` lists those that there are; `trivet deploy PATH --image NAME` publishes one.",
        )
    return found[0]
