"""The commands of ``trivet endpoints`` that decide which versions get calls: the canary, promotion, aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trivet.cli.options import version_weight
from trivet.cli.output import Column, emit, emit_json, json_option, listing, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import AliasInfo, EndpointInfo, VersionHealthInfo


@click.command(
    "canary",
    short_help="Send a share of the calls of NAME to a VERSION.",
    epilog="""\b
Examples:
  trivet endpoints canary admin/hello 1.3.0 --weight 10
  trivet endpoints canary admin/hello
  trivet endpoints canary admin/hello --off""",
)
@click.argument("name")
@click.argument("version", required=False)
@click.option("--weight", type=click.IntRange(1, 99), metavar="PERCENT", help="How many percent of the calls it gets.")
@click.option("--off", is_flag=True, help="End it: all calls go to the version that serves.")
@json_option
def canary(*, name: str, version: str | None, weight: int | None, off: bool, as_json: bool) -> None:
    """Send a share of the calls of NAME that name no version to VERSION; the rest goes to the one that serves.

    Without VERSION, shows how the two do.
    """
    if off and (version or weight):
        raise click.UsageError("--off takes neither a version nor a weight.")
    if (version is None) != (weight is None):
        raise click.UsageError("Say both: which version, and how many percent it gets with --weight.")
    with connect() as client:
        if off:
            tell(client.endpoints.end_canary(name), as_json=as_json)
        elif version is not None and weight is not None:
            tell(client.endpoints.canary(name, version, weight), as_json=as_json)
        else:
            _compare(client, name, as_json=as_json)


@click.command("promote", short_help="Let the canary of the endpoint NAME serve all calls.")
@click.argument("name")
@click.argument("version", required=False)
@json_option
def promote(name: str, version: str | None, as_json: bool) -> None:
    """Let the canary of the endpoint NAME serve all calls, or VERSION where one is given."""
    with connect() as client:
        tell(client.endpoints.promote(name, version), as_json=as_json)


@click.command(
    "alias",
    short_help="Let ALIAS stand for a version of the endpoint NAME.",
    epilog="""\b
Examples:
  trivet endpoints alias admin/hello prod 1.2.0
  trivet endpoints alias admin/hello prod 1.2.0 1.3.0=10""",
)
@click.argument("name")
@click.argument("alias")
@click.argument("versions", metavar="VERSION[=PERCENT]...", nargs=-1, required=True, type=version_weight)
@json_option
def alias(name: str, alias: str, versions: tuple[tuple[str, int | None], ...], as_json: bool) -> None:
    """Let ALIAS stand for a version of the endpoint NAME, or for several that its calls are split among.

    Percents add up to 100; one version may go without and gets the rest. Call it in place of a version:
    trivet call NAME --version ALIAS.
    """
    if len({version for version, _ in versions}) < len(versions):
        raise click.UsageError("A version is named twice.")
    with connect() as client:
        changed = client.endpoints.set_alias(name, alias, dict(versions))
    emit_json(changed) if as_json else emit(f"{name} {changed.name}: {shares(changed)}")


@click.command("unalias")
@click.argument("name")
@click.argument("alias")
def unalias(name: str, alias: str) -> None:
    """End an ALIAS of the endpoint NAME. Calls by it are refused from then on."""
    with connect() as client:
        client.endpoints.delete_alias(name, alias)
    note(f"{name} has no alias {alias} any more.")


@click.command("aliases")
@click.argument("name")
@json_option
def aliases(name: str, as_json: bool) -> None:
    """List the aliases of the endpoint NAME."""
    columns: list[Column[AliasInfo]] = [
        Column("ALIAS", lambda alias: alias.name, whole=True),
        Column("VERSIONS", shares, whole=True),
    ]
    with connect() as client:
        found = client.endpoints.aliases(name)
        listing(
            found, columns, as_json=as_json, empty="There is no alias yet: trivet endpoints alias NAME prod VERSION"
        )


def shares(alias: AliasInfo) -> str:
    """What an alias stands for, for people."""
    if len(alias.versions) == 1:
        return alias.versions[0].version
    return ", ".join(f"{share.version} ({share.weight} %)" for share in alias.versions)


def serving(endpoint: EndpointInfo) -> str:
    """Which versions get calls that name none, for people."""
    if endpoint.canary is None:
        return str(endpoint.version)
    rest = 100 - endpoint.canary.weight
    return f"{endpoint.version} ({rest} %) and {endpoint.canary.version} ({endpoint.canary.weight} %)"


def tell(endpoint: EndpointInfo, *, as_json: bool) -> None:
    """Prints which versions serve after a change."""
    verb = "serves" if endpoint.canary is None else "serve"
    emit_json(endpoint) if as_json else emit(f"{endpoint.name} {serving(endpoint)} {verb} now.")


def _compare(client: Client, name: str, *, as_json: bool) -> None:
    endpoint = client.endpoints.get(name)
    split = [(endpoint.version, 100 if endpoint.canary is None else 100 - endpoint.canary.weight)]
    if endpoint.canary is not None:
        split.append((endpoint.canary.version, endpoint.canary.weight))
    found = [
        (client.endpoints.version_health(name, version), weight) for version, weight in split if version is not None
    ]
    if as_json:
        listing([{**health.to_dict(), "weight": weight} for health, weight in found], (), as_json=True, empty="")
        return
    columns: list[Column[tuple[VersionHealthInfo, int]]] = [
        Column("VERSION", lambda row: row[0].version, whole=True),
        Column("CALLS", lambda row: f"{row[1]} %"),
        Column("SUCCEEDED", lambda row: row[0].jobs.get("succeeded", 0)),
        Column("FAILED", lambda row: _failures(row[0])),
        Column("OPEN", lambda row: row[0].jobs.get("queued", 0) + row[0].jobs.get("running", 0)),
        Column("P50", lambda row: _milliseconds(row[0].p50_ms)),
        Column("P95", lambda row: _milliseconds(row[0].p95_ms)),
    ]
    listing(found, columns, as_json=False, empty="There is no version yet.")


def _failures(health: VersionHealthInfo) -> int:
    """What did not succeed though nobody cancelled it."""
    return health.jobs.get("failed", 0) + health.jobs.get("timed_out", 0)


def _milliseconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} ms"


COMMANDS = (canary, promote, alias, unalias, aliases)
