"""``trivet examples``: the examples that ship with Trivet."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from trivet.cli.deploy import publish, publish_image, summary
from trivet.cli.output import Column, emit, emit_json, json_option, listing, note, to_json
from trivet.cli.session import connect
from trivet.protocol.words import meant

if TYPE_CHECKING:
    from trivet.examples import Example
    from trivet.sdk import Client
    from trivet.sdk.models import DeployedEndpoint


@click.group()
def examples() -> None:
    """The examples that ship with Trivet: small, real, and offline."""


@examples.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the examples, with the folders that hold their code."""
    from trivet.examples import catalogue

    columns: list[Column[dict[str, Any]]] = [
        Column("EXAMPLE", lambda row: row["name"], whole=True),
        Column("WHAT IT DOES", lambda row: row["title"]),
        Column("NEEDS", lambda row: row["requirements"]),
        Column("FOLDER", lambda row: row["path"]),
    ]
    rows = [
        {
            "name": example.name,
            "title": example.title,
            "endpoint": example.endpoint,
            "requirements": list(example.requirements),
            "path": str(example.path),
        }
        for example in catalogue()
    ]
    listing(rows, columns, as_json=as_json, empty="No example is installed.")


@examples.command("deploy", short_help="Deploy the examples, or only those that are named.")
@click.argument("names", nargs=-1, metavar="[EXAMPLE]...")
@json_option
def deploy(names: tuple[str, ...], as_json: bool) -> None:
    """Deploy the examples, or only those that are named, under your account.

    Those that a guide of another service calls get the ids, names and versions that stand in that guide, and are published as
    its images too, so that its programs run as they are. An id that another endpoint has already stays there, and where a key
    may not deploy for the owner in a name, they are deployed under your account.

    Without --json, prints a call to paste for each, behind what uploads the files that it reads; with it, one object per
    endpoint and line.
    """
    chosen = _chosen(names)
    with connect() as client:
        for example in chosen:
            for endpoint in _publish(client, example):
                if as_json:
                    emit_json(summary(endpoint))
                else:
                    for line in (*_beforehand(example), f"trivet call {endpoint.name} {_sample(example)}"):
                        emit(line)
            for image in example.images:
                publish_image(client, example.path, image)


def _publish(client: Client, example: Example) -> list[DeployedEndpoint]:
    from trivet.sdk.errors import TrivetError

    ours = {"name": f"{example.owner}/{example.endpoint}"} if example.owner is not None else {}
    numbers = {"id": example.id, "version": example.version, "model_id": example.model_id}
    theirs = {name: value for name, value in numbers.items() if value is not None}
    try:
        deployed = publish(client, example.path, **ours, **theirs)
    except TrivetError as error:
        if error.code == "conflict" and theirs:
            note(f"{error.message} So {example.name} is deployed without it.")
            deployed = publish(client, example.path, **ours)
        elif error.code in {"forbidden", "not_found"} and ours:
            note(f"{error.message} So {example.name} is deployed under your own account.")
            return publish(client, example.path)
        else:
            raise
    if ours or example.is_model:  # what the guides know, by a name or a number, is for everybody to call
        client.endpoints.update(deployed[0].name, visibility="public")
    return deployed


def _chosen(names: tuple[str, ...]) -> list[Example]:
    from trivet.examples import catalogue

    known = {example.name: example for example in catalogue()}
    unknown = [name for name in names if name not in known]
    if unknown:
        near = meant(unknown[0], known)
        raise click.UsageError(f"There is no example {unknown[0]!r}{near}; there are: {', '.join(known)}.")
    return [known[name] for name in names] or list(known.values())


def _beforehand(example: Example) -> list[str]:
    """The commands that put what the sample input reads into hosted data."""
    return [
        f"trivet files cp {shlex.quote(str(file))} {shlex.quote(uri)} --create" for uri, file in example.reads.items()
    ]


def _sample(example: Example) -> str:
    if isinstance(example.sample_input, bytes):
        return shlex.quote(f"@{example.sample_path}")
    return shlex.quote(to_json(example.sample_input))
