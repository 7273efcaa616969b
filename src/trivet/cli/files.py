"""``trivet files``: hosted data, and the ways between it and this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivet.cli.errors import Failure
from trivet.cli.options import confirmed, yes_option
from trivet.cli.output import Column, ago, emit, emit_json, is_terminal, json_option, listing, note
from trivet.cli.progress import ProgressLine
from trivet.cli.session import connect

if TYPE_CHECKING:
    from trivet.sdk import Client
    from trivet.sdk.models import DataEntry

ACLS = ("private", "owners_endpoints", "organization", "public")
BIG = 8 << 20
"""Bytes from which on a terminal is shown how far a file is."""
_PIECE = 1 << 20
_STREAM = "-"
_UNITS = ("kB", "MB", "GB", "TB")

Told = Callable[[int, int | None], object]


@click.group(short_help="Hosted data: list, copy and delete files, say who may read.")
def files() -> None:
    """Hosted data: files in collections, data://OWNER/COLLECTION/FILE.

    .my in place of OWNER is your own account. Endpoints read and write the same files.
    """


@files.command("ls", short_help="List what lies at URI, or your collections.")
@click.argument("uri", default="data://.my")
@json_option
def ls(uri: str, as_json: bool) -> None:
    """List what lies at URI: your collections if it is left out, the owners for data://."""
    from trivet.sdk._uris import DataUri

    place = DataUri.parse(uri)
    holds_files = place.is_collection or place.is_file
    columns: list[Column[DataEntry]] = [Column("NAME", lambda entry: entry.name, whole=True)]
    if holds_files:
        columns += [
            Column("SIZE", lambda entry: size_in_words(entry.size)),
            Column("TYPE", lambda entry: entry.content_type),
        ]
    else:
        columns += [Column("READABLE BY", lambda entry: entry.acl)]
    columns += [Column("AGE", lambda entry: ago(entry.modified_at))]
    with connect() as client:
        entries = [client.files.stat(uri)] if place.is_file else client.files.list(uri)
        listing(entries, columns, as_json=as_json, empty=f"There is nothing in {place}.")


@files.command(
    "cp",
    epilog="""\b
Examples:
  trivet files cp photo.jpg data://.my/photos/photo.jpg
  trivet files cp *.jpg data://.my/photos/ --create
  trivet files cp data://.my/photos/photo.jpg .
  pg_dump shop | trivet files cp - data://.my/backups/shop.sql
  trivet files cp data://.my/lists/names.txt - | wc -l""",
)
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
@click.argument("target", metavar="DST")
@click.option("--create", "make", is_flag=True, help="Make the collection where it is not there yet.")
@click.option("-n", "--no-clobber", "keep", is_flag=True, help="Fail where there is such a file already.")
def cp(sources: tuple[str, ...], target: str, make: bool, keep: bool) -> None:
    """Copy files to or from hosted data, or within it.

    SRC and DST are files of this machine or data:// URIs, one side at least; - is standard input or output. A collection or
    a folder as DST takes files under their own names. A file appears when all of it has come, and not before.
    """
    from trivet.sdk._uris import is_data_uri

    if not is_data_uri(target) and not all(map(is_data_uri, sources)):
        raise click.UsageError(
            "One side has to be hosted data.\n→ Begin SRC or DST with data://, such as data://.my/photos/photo.jpg"
        )
    with connect() as client:
        if is_data_uri(target):
            _put(client, sources, target, make=make, keep=keep)
        elif make:
            raise click.UsageError("--create makes a collection, and DST is none.")
        else:
            _get(client, sources, target, keep=keep)


@files.command("rm", short_help="Delete files, collections, and with -r all in them.")
@click.argument("uris", nargs=-1, required=True, metavar="URI...")
@click.option("-r", "--recursive", is_flag=True, help="Delete collections with all their files.")
@yes_option
def rm(uris: tuple[str, ...], recursive: bool, yes: bool) -> None:
    """Delete files, and collections that are empty; with -r collections with all that is in them."""
    from trivet.sdk._uris import DataUri
    from trivet.sdk.errors import ConflictError

    whole = [uri for uri in uris if not DataUri.parse(uri).is_file]
    if recursive and whole and not confirmed(f"Delete {', '.join(whole)} with all files?", yes=yes):
        note("Nothing was deleted.")
        return
    with connect() as client:
        for uri in uris:
            try:
                count = client.files.delete(uri, force=recursive)
            except ConflictError as error:
                raise Failure(error.message, "Say -r to delete it with all its files.") from error
            note(f"{uri} was deleted{f' with {count} files' if uri in whole and count else ''}.")


@files.command("mkdir")
@click.argument("uris", nargs=-1, required=True, metavar="URI...")
@click.option("--acl", type=click.Choice(ACLS), help="Who may read it; owners_endpoints if left out.")
@json_option
def mkdir(uris: tuple[str, ...], acl: str | None, as_json: bool) -> None:
    """Make collections: data://.my/COLLECTION.

    \b
    Who may read the files in it besides you:
      private           nobody
      owners_endpoints  your endpoints, whoever calls them
      organization      these, and the members of your organizations
      public            every account
    """
    with connect() as client:
        for uri in uris:
            made = client.files.create(uri, acl=acl)
            emit_json(made) if as_json else emit(made.uri)


@files.command("acl")
@click.argument("uri")
@click.argument("acl", required=False, type=click.Choice(ACLS))
@json_option
def acl(uri: str, acl: str | None, as_json: bool) -> None:
    """Show who may read the collection URI, or change it. `trivet files mkdir --help` says what the words mean."""
    with connect() as client:
        entry = client.files.stat(uri) if acl is None else client.files.set_acl(uri, acl)
    if entry.type != "collection":
        raise Failure(f"{entry.uri} is no collection.", "Give the URI of a collection: data://OWNER/COLLECTION.")
    if as_json:
        emit_json(entry)
    else:
        emit(entry.acl or "private")


def size_in_words(size: int | None) -> str | None:
    """A number of bytes for people: ``"512 B"``, ``"48.2 kB"``, ``"1.3 GB"``; None gives None."""
    if size is None or size < 1000:
        return None if size is None else f"{size} B"
    value = float(size)
    for unit in _UNITS:
        value /= 1000
        if value < 999.95 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}"


def _put(client: Client, sources: tuple[str, ...], target: str, *, make: bool, keep: bool) -> None:
    """Copies ``sources`` to hosted data."""
    from trivet.sdk._uris import DataUri
    from trivet.sdk.errors import ConflictError, NotFoundError

    place = DataUri.parse(target)
    takes_many = place.is_folder or place.is_collection
    if not takes_many and (len(sources) > 1 or not place.is_file):
        raise click.UsageError(f"{target} is no collection, and several files need one: data://OWNER/COLLECTION/")
    if takes_many and _STREAM in sources:
        raise click.UsageError("Standard input has no name: give DST one, data://OWNER/COLLECTION/FILE")
    folder = DataUri(place.parts) if takes_many else place.parent
    if make:
        try:
            client.files.create(str(folder))
        except ConflictError:
            """It is there already, which is all that was wanted."""
    for source in sources:
        there = str(folder.child(_name_of(source)) if takes_many else place)
        try:
            entry = _send(client, source, there, keep=keep)
        except NotFoundError as error:
            if not source.startswith("data://") and not client.files.exists(str(folder)):
                raise Failure(error.message, f"`trivet files mkdir {folder}` makes it, or say --create.") from error
            raise
        note(f"{entry.uri} ({size_in_words(entry.size)})")


def _send(client: Client, source: str, there: str, *, keep: bool) -> DataEntry:
    from trivet.sdk._uris import is_data_uri

    if source == _STREAM:
        return client.files.write(there, _stdin(), if_absent=keep)
    if is_data_uri(source):
        kind = client.files.stat(source).content_type
        return client.files.write(there, client.files.stream(source), content_type=kind, if_absent=keep)
    with _shown(Path(source).name) as told:
        return client.files.upload(source, there, if_absent=keep, on_progress=told)


def _get(client: Client, sources: tuple[str, ...], target: str, *, keep: bool) -> None:
    """Copies ``sources`` from hosted data to this machine."""
    if target == _STREAM:
        out = sys.stdout.buffer
        for source in sources:
            for piece in client.files.stream(source):
                out.write(piece)
        out.flush()
        return
    folder = Path(target)
    if len(sources) > 1 and not folder.is_dir():
        raise click.UsageError(f"{target} is no folder, and several files need one.")
    for source in sources:
        path = folder / _name_of(source) if folder.is_dir() else folder
        if keep and path.exists():
            raise Failure(f"There is a file {path} already.", "Leave --no-clobber out to replace it.")
        with _shown(path.name) as told:
            client.files.download(source, path, on_progress=told)
        note(f"{path} ({size_in_words(path.stat().st_size)})")


def _name_of(source: str) -> str:
    from trivet.sdk._uris import DataUri, is_data_uri

    return DataUri.parse(source).name if is_data_uri(source) else Path(source).name


def _stdin() -> Iterator[bytes]:
    stream = sys.stdin.buffer
    while piece := stream.read(_PIECE):
        yield piece


@contextmanager
def _shown(name: str) -> Iterator[Told | None]:
    """Shows on a terminal how far a big file is."""
    if not is_terminal(sys.stderr):
        yield None
        return
    with ProgressLine() as line:

        def told(done: int, size: int | None) -> None:
            if size is not None and size >= BIG:
                line.show(done / size, f"{name}, {size_in_words(size)}")

        yield told
