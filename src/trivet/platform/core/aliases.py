"""Aliases: names for versions of an endpoint, and how calls are split among several of them.

A split is a row of shares, whose weights are whole percents that add up to 100. Which version a call gets is decided here,
from chance (`draw`) or from a text that the caller sends along (`stick`): the same text gets the same version for as long as
the weights stand, and when a version alone gains weight it keeps every caller that it has.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from trivet.platform.core.errors import BadRequest

WHOLE = 100
"""What the weights of a split add up to."""
MAX_SHARES = 10
"""Versions that one alias may be split among."""
MAX_ALIASES = 50
"""Aliases that one endpoint may have."""

_NAME = re.compile(r"[a-z](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_LIKE_A_HASH = re.compile(r"[0-9a-f]{7,}")
_RESERVED = frozenset({"latest", "current", "default", "none"})


@dataclass(frozen=True, slots=True)
class Share:
    """The part of the calls that a version gets: ``weight`` percent."""

    version_id: str
    weight: int


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for one version, or for several that its calls are split among."""

    name: str
    shares: tuple[Share, ...]


def check_alias_name(name: str) -> str:
    """``name`` itself, if an alias may have it. None can be taken for a version: those win wherever both could stand.

    Raises:
        BadRequest: it may not, with the reason.
    """
    if name in _RESERVED:
        raise BadRequest(
            f"{name!r} has a meaning of its own and can't name an alias.", hint="Choose another name: `prod`."
        )
    if _LIKE_A_HASH.fullmatch(name) or name.startswith("ver_"):
        raise BadRequest(
            f"{name!r} reads like a version's hash or id and can't name an alias.", hint="Choose another name: `prod`."
        )
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name[:80]!r} can't name an alias.",
            hint="An alias has 1 to 63 lower-case letters, digits, `-` and `_`, and begins with a letter: `prod`.",
        )
    return name


def complete(weights: Sequence[int | None]) -> tuple[int, ...]:
    """The weights of a split, in percent, where one may be left out: it gets what the others leave.

    Raises:
        BadRequest: they don't make up a whole, said in a sentence.
    """
    if not 1 <= len(weights) <= MAX_SHARES:
        raise BadRequest(f"An alias stands for 1 to {MAX_SHARES} versions, not for {len(weights)}.")
    given = [weight for weight in weights if weight is not None]
    wrong = next((weight for weight in given if not 1 <= weight <= WHOLE), None)
    if wrong is not None:
        raise BadRequest(
            f"A weight of {wrong} can't be: a weight is a whole percent from 1 to {WHOLE}.",
            hint="Leave out the version that shall get nothing.",
        )
    rest = WHOLE - sum(given)
    open_places = len(weights) - len(given)
    if open_places > 1:
        raise BadRequest("Several versions have no weight; only one may go without, and gets the rest.")
    if rest < open_places or (rest and not open_places):
        raise BadRequest(
            f"The weights add up to {sum(given)} percent, not to {WHOLE}.",
            hint=f"Leave out the weight of one version: it gets what is left of {WHOLE}.",
        )
    return tuple(rest if weight is None else weight for weight in weights)


def draw(shares: Sequence[Share], point: float) -> str:
    """The version that chance gives a call.

    Args:
        shares: a split; not empty.
        point: a number in [0, 1).
    """
    reach = point * WHOLE
    for share in shares:
        reach -= share.weight
        if reach < 0:
            return share.version_id
    return shares[-1].version_id


def stick(shares: Sequence[Share], affinity: str) -> str:
    """The version that callers with this text get, whatever the order of the shares.

    Each version has a score for the text, which its weight scales; the highest wins (weighted rendezvous hashing). A score
    depends on its own version and weight alone, so a version that gains weight from others wins callers and loses none. With
    two versions, as with a canary, callers therefore only move towards the one that gains.

    Args:
        shares: a split; not empty.
        affinity: any text, such as a user's id.
    """
    return max(shares, key=lambda share: (_score(share, affinity), share.version_id)).version_id


def _score(share: Share, affinity: str) -> float:
    text = f"{share.version_id}\0{affinity}".encode("utf-8", "surrogateescape")
    number = int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "big")
    # in (0, 1), so that the logarithm is finite and below zero
    return share.weight / -math.log((number + 0.5) / 2.0**48)
