"""``trivet keys``: API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from trivet.cli.options import confirmed, job_count, lifetime, limits_given, words, yes_option
from trivet.cli.output import Column, ago, emit, emit_json, json_option, limits_in_words, listing, moment, note
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk.models import KeyInfo, NewKey


@click.group()
def keys() -> None:
    """API keys: make, list, limit, rotate, disable and revoke them."""


@keys.command(
    "create",
    epilog="""\b
Examples:
  trivet keys create --label laptop
  KEY=$(trivet keys create --label ci --scopes call,read --expires 30)
  trivet keys create --account ada --json
  trivet keys create --scopes call --rate 100/min --concurrent 10""",
)
@click.option("--account", metavar="NAME", help="For this account, not your own; takes an administrator.")
@click.option("--label", default="", metavar="TEXT", help="What it is for, for people.")
@click.option("--scopes", type=words, metavar="a,b", help="What it may do: call, read, deploy, data, work, admin.")
@click.option(
    "--expires", type=lifetime, metavar="DAYS", help="Days until it expires, or never; half a year if left out."
)
@click.option("--rate", metavar="N/UNIT", help="How often it may call: 100/min; units are s, min, h, day.")
@click.option("--concurrent", type=click.IntRange(min=0), metavar="N", help="How many jobs it may have open at a time.")
@json_option
def create(
    *,
    account: str | None,
    label: str,
    scopes: list[str] | None,
    expires: int | None,
    rate: str | None,
    concurrent: int | None,
    as_json: bool,
) -> None:
    """Make an API key, and print it. It is shown this once, and can't be shown again.

    --json prints {"id","key","expires_at"}.
    """
    with connect() as client:
        made = client.keys.create(
            label=label,
            scopes=scopes,
            expires_days=expires,
            never_expires=expires == 0,
            account=account,
            rate=rate,
            concurrent=concurrent,
        )
    _show(made, as_json=as_json)


@keys.command("ls")
@click.option("--account", metavar="NAME", help="The keys of this account; takes an administrator.")
@json_option
def ls(account: str | None, as_json: bool) -> None:
    """List your keys. Secrets are never shown."""
    columns: list[Column[KeyInfo]] = [
        Column("KEY", lambda key: key.id, whole=True),
        Column("STATE", lambda key: key.state, whole=True),
        Column("LABEL", lambda key: key.label),
        Column("ACCOUNT", lambda key: key.account),
        Column("SCOPES", lambda key: key.scopes),
        Column("RATE", lambda key: key.rate),
        Column("CONCURRENT", lambda key: key.concurrent),
        Column("AGE", lambda key: ago(key.created_at)),
        Column("LAST USED", lambda key: ago(key.last_used_at)),
        Column("EXPIRES", lambda key: ago(key.expires_at) or "never"),
    ]
    with connect() as client:
        listing(client.keys.list(account=account), columns, as_json=as_json, empty="There is no key.")


@keys.command("limit")
@click.argument("key_id", metavar="KEY")
@click.option("--rate", metavar="N/UNIT", help="How often it may call: 100/min, or none.")
@click.option("--concurrent", type=job_count, metavar="N", help="How many jobs it may have open at a time, or none.")
@json_option
def limit(key_id: str, rate: str | None, concurrent: int | Literal["none"] | None, as_json: bool) -> None:
    """Limit how often KEY may call and how many jobs it may have open. What is left out stays; none removes a limit.

    The limits of its account apply as well.
    """
    limits_given(rate, concurrent)
    with connect() as client:
        key = client.keys.limit(key_id, rate=rate, concurrent=concurrent)
    emit_json(key) if as_json else note(f"{key.id}: {limits_in_words(key.rate, key.concurrent)}.")


@keys.command("rotate")
@click.argument("key_id", metavar="KEY")
@click.option(
    "--overlap",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="How long the old secret still counts.",
)
@json_option
def rotate(key_id: str, overlap: float, as_json: bool) -> None:
    """Give KEY a new secret, and print it. The old one counts for the overlap.

    If it is the key in your profile, the profile gets the new one.
    """
    with connect() as client:
        made = client.keys.rotate(key_id, overlap_hours=overlap)
    _show(made, as_json=as_json)
    _renew_profile(made)


@keys.command("disable")
@click.argument("key_id", metavar="KEY")
def disable(key_id: str) -> None:
    """Disable KEY: it stops working until it is enabled again."""
    with connect() as client:
        client.keys.disable(key_id)
    note(f"{key_id} is disabled.")


@keys.command("enable")
@click.argument("key_id", metavar="KEY")
def enable(key_id: str) -> None:
    """Enable KEY again."""
    with connect() as client:
        client.keys.enable(key_id)
    note(f"{key_id} is enabled.")


@keys.command("revoke")
@click.argument("key_ids", nargs=-1, required=True, metavar="KEY...")
@yes_option
def revoke(key_ids: tuple[str, ...], yes: bool) -> None:
    """End keys, at once and for ever."""
    if not confirmed(f"Revoke {', '.join(key_ids)}?", yes=yes):
        note("Nothing was revoked.")
        return
    with connect() as client:
        for key_id in key_ids:
            client.keys.revoke(key_id)
            note(f"{key_id} was revoked.")


def _show(made: NewKey, *, as_json: bool) -> None:
    expires = moment(made.expires_at) if made.expires_at is not None else None
    if as_json:
        emit_json({"id": made.id, "key": made.key, "expires_at": expires})
        return
    emit(made.key)
    note(f"Key {made.id}, expires {expires or 'never'}. It is shown this once: keep it now.")


def _renew_profile(made: NewKey) -> None:
    """Replaces the profile's key where ``made`` is its successor: else the next command would stop working one day."""
    from trivet.sdk._config import Profile, profile_path, read_profile, write_profile

    path = profile_path()
    profile = read_profile(path)
    if profile.api_key is not None and _key_id(profile.api_key) == _key_id(made.key):
        write_profile(Profile(profile.url, made.key), path)
        note(f"The profile {path} has the new key.")


def _key_id(token: str) -> str:
    """The part of a token (``trv_<id>_<secret>``) that names the key."""
    return token.strip().rpartition("_")[0]
