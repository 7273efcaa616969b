"""The paths below ``/algorithmia``: who is at the door, and what is asked for."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from trivet.platform.core.errors import BadRequest
from trivet.platform.dialects.algorithmia.context import PREFIX
from trivet.platform.wire.paths import sent_path

_VERSION = "v1"
_WORKERS = "w"
_ENCODED_SLASH = "%2f"


class WorkerProof(NamedTuple):
    """What a worker's own address says: which one it is, and what proves it."""

    worker_id: str
    token: str


class Place(NamedTuple):
    """What a path asks for. ``area`` is its first name behind ``/v1``, ``rest`` what follows, percent-encoded as it came."""

    area: str
    rest: str
    worker: WorkerProof | None = None

    @property
    def parts(self) -> list[str]:
        """The names in ``rest``, each decoded for itself. Empty ones are left out, as a slash at the end makes one.

        Raises:
            BadRequest: one is not UTF-8.
        """
        return [decoded(part) for part in self.rest.split("/") if part]


def place_of(path: str, raw_path: bytes, root: str = "") -> Place | None:
    """What a path asks for; None where it is none of this dialect's.

    Args:
        path: decoded.
        raw_path: as it was sent; empty where that is not known.
        root: what a proxy in front has put before all paths.
    """
    sent = sent_path(path, raw_path, root)
    below = sent.removeprefix(PREFIX).lstrip("/")  # an address that ends in a slash makes two of them
    first, _, rest = below.partition("/")
    worker = None
    if first == _WORKERS:
        proof, _, rest = rest.partition("/")
        worker_id, _, token = proof.partition(".")
        worker = WorkerProof(worker_id, token)
        first, _, rest = rest.lstrip("/").partition("/")
    if first != _VERSION:
        return None
    area, _, rest = rest.lstrip("/").partition("/")
    return Place(area, rest, worker) if area else None


def decoded(text: str) -> str:
    """The text that was percent-encoded.

    Raises:
        BadRequest: it is not UTF-8.
    """
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest("A name in this path is not text in UTF-8.", hint="Percent-encode it as UTF-8.") from None


def data_path(place: Place) -> str:
    """The URI that a path below ``/data`` or ``/connector`` means. ``+`` and ``//`` in it stay as they are.

    Raises:
        BadRequest: it is not UTF-8, or a slash that was encoded would become a part of a name.
    """
    if place.area != "connector":
        if _ENCODED_SLASH in place.rest.lower():
            raise BadRequest("A slash can't be part of a name, not even an encoded one.")
        return decoded(place.rest)
    scheme, _, rest = decoded(place.rest).partition("/")  # some clients encode the slashes, too
    return f"{scheme}://{rest}"


def shown(place: Place) -> str:
    """A path for an error's text: without a worker's proof, and not longer than a line."""
    return f"{PREFIX}/{_VERSION}/{place.area}/{place.rest}"[:200]
