"""``trivet endpoints``: look at endpoints and look after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from trivet.cli import rollouts
from trivet.cli.options import confirmed, worker_range, yes_option
from trivet.cli.output import Column, ago, emit, emit_json, facts, json_option, listing, moment, note, span
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import EndpointInfo, HealthInfo, Scaling, VersionInfo


@click.group()
def endpoints() -> None:
    """Look at endpoints and look after them."""


@endpoints.command("ls")
@json_option
def ls(as_json: bool) -> None:
    """List the endpoints that you may see."""
    columns: list[Column[EndpointInfo]] = [
        Column("NAME", lambda endpoint: endpoint.name, whole=True),
        Column("ID", lambda endpoint: endpoint.id, whole=True),
        Column("VERSION", lambda endpoint: endpoint.version),
        Column("WORKERS", lambda endpoint: f"{sum(endpoint.workers.values())} of {endpoint.scaling.max}"),
        Column("QUEUED", lambda endpoint: endpoint.queued),
        Column("VISIBILITY", lambda endpoint: endpoint.visibility),
        Column("CHANGED", lambda endpoint: ago(endpoint.updated_at)),
        Column("DESCRIPTION", lambda endpoint: endpoint.description),
    ]
    with connect() as client:
        listing(client.endpoints.list(), columns, as_json=as_json, empty="There is no endpoint yet: trivet deploy PATH")


@endpoints.command("show", short_help="Show what the endpoint NAME takes and how it does.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the endpoint NAME: what it takes, how it scales, how it does."""
    with connect() as client:
        endpoint = client.endpoints.get(name)
        health = client.endpoints.health(name)
    if as_json:
        emit_json({**endpoint.to_dict(), "health": health.to_dict()})
    else:
        facts(_described(endpoint, health))


@endpoints.command(
    "scale",
    epilog="""\b
Examples:
  trivet endpoints scale admin/hello --workers 1,4
  trivet endpoints scale admin/hello --policy queue_delay --target 2 --idle-timeout 60""",
)
@click.argument("name")
@click.option("--workers", type=worker_range, metavar="MIN,MAX", help="How many workers at least and at most.")
@click.option(
    "--idle-timeout", type=click.FloatRange(min=0), metavar="S", help="Stop a worker without work after S seconds."
)
@click.option("--policy", type=click.Choice(["queue_delay", "request_count"]), help="What to scale by.")
@click.option(
    "--target",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="What the policy aims at: seconds in the queue, or jobs per worker.",
)
@json_option
def scale(
    *,
    name: str,
    workers: tuple[int, int] | None,
    idle_timeout: float | None,
    policy: str | None,
    target: float | None,
    as_json: bool,
) -> None:
    """Change how many workers the endpoint NAME has, and when. What is not given stays as it is."""
    if workers is None and idle_timeout is None and policy is None and target is None:
        raise click.UsageError("Say what to change: --workers, --idle-timeout, --policy or --target.")
    with connect() as client:
        endpoint = client.endpoints.update(
            name, workers=workers, idle_timeout=idle_timeout, policy=policy, target=target
        )
    emit_json(endpoint) if as_json else emit(f"{endpoint.name}: {_scaling(endpoint.scaling)}")


@endpoints.command("rollback")
@click.argument("name")
@click.option("--to", metavar="REF", help="The version to go back to.")
@json_option
def rollback(name: str, to: str | None, as_json: bool) -> None:
    """Go one step back with the endpoint NAME.

    Ends the canary where there is one; else the version serves that did before.
    """
    with connect() as client:
        rollouts.tell(client.endpoints.rollback(name, to), as_json=as_json)


@endpoints.command("delete", short_help="Delete the endpoint NAME with its versions.")
@click.argument("name")
@yes_option
def delete(name: str, yes: bool) -> None:
    """Delete the endpoint NAME with its versions; waiting jobs are cancelled, running ones stopped."""
    if not confirmed(f"Delete {name} and all its versions?", yes=yes):
        note("Nothing was deleted.")
        return
    with connect() as client:
        client.endpoints.delete(name)
    note(f"{name} was deleted.")


@endpoints.command("purge")
@click.argument("name")
@yes_option
@json_option
def purge(name: str, yes: bool, as_json: bool) -> None:
    """Cancel all jobs that wait for the endpoint NAME. Running ones go on."""
    if not confirmed(f"Cancel all jobs that wait for {name}?", yes=yes):
        note("Nothing was cancelled.")
        return
    with connect() as client:
        count = client.endpoints.purge(name)
    emit_json({"cancelled": count}) if as_json else emit(f"{count} waiting jobs were cancelled.")


@endpoints.command("versions")
@click.argument("name")
@json_option
def versions(name: str, as_json: bool) -> None:
    """List the versions of the endpoint NAME."""
    columns: list[Column[VersionInfo]] = [
        Column("VERSION", lambda version: version.version, whole=True),
        Column("STATE", lambda version: version.state),
        Column("CALLS", lambda version: f"{version.weight} %" if version.weight else None),
        Column("ALIASES", lambda version: version.aliases),
        Column("AGE", lambda version: ago(version.created_at)),
        Column("HASH", lambda version: version.hash),
        Column("REQUIREMENTS", lambda version: version.requirements),
    ]
    with connect() as client:
        listing(client.endpoints.versions(name), columns, as_json=as_json, empty="There is no version yet.")


@endpoints.command("log", short_help="Print the build log of a VERSION of the endpoint NAME.")
@click.argument("name")
@click.argument("version", default="latest")
def log(name: str, version: str) -> None:
    """Print the build log of a VERSION of the endpoint NAME; of the latest if left out."""
    with connect() as client:
        text = client.endpoints.build_log(name, version)
    if text:
        click.echo(text, nl=False)
    else:
        note("The build wrote nothing: its environment was there already, or needs no package.")


@endpoints.command(
    "share",
    epilog="""\b
Examples:
  trivet endpoints share admin/hello --with science --with teaching
  trivet endpoints share admin/hello --public
  trivet endpoints share admin/hello --private""",
)
@click.argument("name")
@click.option("--with", "organizations", multiple=True, metavar="ORG", help="Share with this organization; repeatable.")
@click.option("--public", is_flag=True, help="Anybody with a key may call it.")
@click.option("--private", is_flag=True, help="Nobody but its owner may call it.")
@json_option
def share(name: str, organizations: tuple[str, ...], public: bool, private: bool, as_json: bool) -> None:
    """Say who may see and call the endpoint NAME. What is said here replaces what was said before."""
    if (bool(organizations) + public + private) != 1:
        raise click.UsageError("Say one of --with ORG, --public and --private.")
    visibility = "public" if public else "private" if private else "shared"
    with connect() as client:
        endpoint = client.endpoints.update(name, visibility=visibility, shared_with=organizations)
    if as_json:
        emit_json(endpoint)
    else:
        emit(f"{endpoint.name} is {endpoint.visibility}{_with(endpoint)}.")


for command in rollouts.COMMANDS:
    endpoints.add_command(command)


def _described(endpoint: EndpointInfo, health: HealthInfo) -> list[tuple[str, Any]]:
    from trivet.cli.output import to_json

    oldest = health.oldest_queued_ms
    return [
        ("Endpoint", endpoint.name),
        ("Description", endpoint.description),
        ("Id", endpoint.id),
        ("Model id", endpoint.model_id),
        ("Visibility", f"{endpoint.visibility}{_with(endpoint)}"),
        ("Version", endpoint.version and f"{rollouts.serving(endpoint)}, of {endpoint.versions} in all"),
        ("Aliases", [f"{alias.name}: {rollouts.shares(alias)}" for alias in endpoint.aliases] or None),
        ("Kind", endpoint.kind),
        ("Scaling", _scaling(endpoint.scaling)),
        ("Workers", _counts(health.workers)),
        ("Jobs", _counts(health.jobs)),
        ("Oldest waits", None if oldest is None else span(oldest / 1000)),
        ("Created", endpoint.created_at and moment(endpoint.created_at)),
        ("Changed", endpoint.updated_at and moment(endpoint.updated_at)),
        ("Settings", endpoint.settings and to_json(dict(endpoint.settings))),
        ("Input", endpoint.input_schema and to_json(endpoint.input_schema)),
        ("Output", endpoint.output_schema and to_json(endpoint.output_schema)),
    ]


def _with(endpoint: EndpointInfo) -> str:
    return f" with {', '.join(endpoint.shared_with)}" if endpoint.shared_with else ""


def _scaling(scaling: Scaling) -> str:
    from trivet.sdk._deadline import seconds

    text = f"{scaling.min} to {scaling.max} workers, by {scaling.policy}"
    target = "" if scaling.target is None else f" {scaling.target:g}"
    idle = "" if scaling.idle_timeout is None else f", idle ones stop after {seconds(scaling.idle_timeout)}"
    return text + target + idle


def _counts(counts: Any) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "none"
