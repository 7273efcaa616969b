"""Rollouts: how versions come to get calls, step by step. Pure functions from an endpoint to the endpoint as it is then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trivet.platform.core.aliases import MAX_ALIASES, WHOLE, Alias, Share, check_alias_name, complete
from trivet.platform.core.endpoints import Endpoint, Version
from trivet.platform.core.errors import BadRequest, NotFound

HISTORY_LIMIT = 50
"""Versions that an endpoint remembers to have been current, and can go back to."""

# -- the current version --------------------------------------------------------------------------------------------------


def publish(endpoint: Endpoint, version_id: str, now: float) -> Endpoint:
    """The endpoint with a new current version. A canary keeps its share, unless this is it."""
    kept = tuple(v for v in endpoint.history if v != version_id)
    canary = None if endpoint.canary is not None and endpoint.canary.version_id == version_id else endpoint.canary
    return replace(endpoint, history=(*kept, version_id)[-HISTORY_LIMIT:], canary=canary, updated_at=now)


def deploy(endpoint: Endpoint, version_id: str, canary: int | None, now: float) -> Endpoint:
    """The endpoint with a version that was just built.

    Args:
        endpoint: as it is.
        version_id: the new version.
        canary: None makes the version current. A number gives it so many percent of the unpinned calls, in place of a canary
            that may be there; 0 leaves all as it is. An endpoint's first version is current in any case: nothing else could
            answer.
        now: seconds since the epoch.
    """
    if canary is None or endpoint.current_id is None:
        return publish(endpoint, version_id, now)
    share = Share(version_id, canary) if canary else endpoint.canary
    return replace(endpoint, canary=share, updated_at=now)


def promote(endpoint: Endpoint, version_id: str | None, now: float) -> Endpoint:
    """The endpoint with a version current, and no canary.

    Args:
        endpoint: as it is.
        version_id: which version; None: the canary.
        now: seconds since the epoch.

    Raises:
        BadRequest: none is named, and there is no canary.
    """
    if version_id is None:
        if endpoint.canary is None:
            raise BadRequest(
                f"{endpoint.full_name} has no canary to promote.",
                hint="Name the version: `trivet endpoints promote NAME 1.2.0`.",
            )
        version_id = endpoint.canary.version_id
    return replace(publish(endpoint, version_id, now), canary=None)


def roll_back(endpoint: Endpoint, now: float) -> Endpoint:
    """The endpoint one step back: without its canary, or else with the version current that was so before.

    Raises:
        BadRequest: there is none before.
    """
    if endpoint.canary is not None:
        return end_canary(endpoint, now)
    if len(endpoint.history) < 2:
        raise BadRequest(
            f"{endpoint.full_name} has no earlier version to go back to.",
            hint=f"Name one with `--to`: `trivet endpoints versions {endpoint.full_name}` lists them.",
        )
    return replace(endpoint, history=endpoint.history[:-1], updated_at=now)


# -- the canary ----------------------------------------------------------------------------------------------------------


def set_canary(endpoint: Endpoint, version: Version, weight: int, now: float) -> Endpoint:
    """The endpoint with ``weight`` percent of its unpinned calls going to a version that is not current.

    Raises:
        BadRequest: the version is the current one, there is none to share with, or the weight can't be.
    """
    check_canary_weight(weight, least=1)
    current = endpoint.current_id
    if current is None or version.id == current:
        raise BadRequest(
            f"Version {version.number} of {endpoint.full_name} gets all unpinned calls already, so it can't be the canary.",
            hint="A canary is a version beside the current one: `trivet deploy PATH --canary 10` makes one.",
        )
    return replace(endpoint, canary=Share(version.id, weight), updated_at=now)


def check_canary_weight(weight: int, *, least: int = 0) -> None:
    """Raises `BadRequest` where a canary can't have so many percent of the calls."""
    if not least <= weight < WHOLE:
        raise BadRequest(
            f"A canary can't get {weight} percent of the calls; give a whole number from {least} to {WHOLE - 1}.",
            hint="To give a version all calls: `trivet endpoints promote NAME VERSION`. To take them away: `canary NAME --off`.",
        )


def end_canary(endpoint: Endpoint, now: float) -> Endpoint:
    """The endpoint with all unpinned calls going to the current version again."""
    return endpoint if endpoint.canary is None else replace(endpoint, canary=None, updated_at=now)


# -- aliases -------------------------------------------------------------------------------------------------------------


def set_alias(endpoint: Endpoint, name: str, versions: Sequence[tuple[Version, int | None]], now: float) -> Endpoint:
    """The endpoint with an alias that stands for ``versions``, in place of what it stood for before.

    Args:
        endpoint: as it is.
        name: the alias.
        versions: each with its weight in percent; one may go without, and gets the rest.
        now: seconds since the epoch.

    Raises:
        BadRequest: the name, the weights or the versions can't be, said in a sentence.
    """
    check_alias_name(name)
    weights = complete([weight for _, weight in versions])
    ids = [version.id for version, _ in versions]
    twice = next((version.number for version, _ in versions if ids.count(version.id) > 1), None)
    if twice is not None:
        raise BadRequest(f"Version {twice} is named twice for the alias {name!r}.", hint="Name each version once.")
    others = tuple(alias for alias in endpoint.aliases if alias.name != name)
    if len(others) >= MAX_ALIASES:
        raise BadRequest(f"{endpoint.full_name} has {MAX_ALIASES} aliases, which is the most that it may have.")
    alias = Alias(name, tuple(Share(version_id, weight) for version_id, weight in zip(ids, weights, strict=True)))
    return replace(endpoint, aliases=tuple(sorted((*others, alias), key=lambda a: a.name)), updated_at=now)


def remove_alias(endpoint: Endpoint, name: str, now: float) -> Endpoint:
    """The endpoint without an alias.

    Raises:
        NotFound: it has none of that name.
    """
    left = tuple(alias for alias in endpoint.aliases if alias.name != name)
    if len(left) == len(endpoint.aliases):
        raise no_alias(endpoint, name)
    return replace(endpoint, aliases=left, updated_at=now)


def no_alias(endpoint: Endpoint, name: str) -> NotFound:
    """What to say where an endpoint has no alias of that name."""
    known = ", ".join(alias.name for alias in endpoint.aliases)
    return NotFound(
        f"{endpoint.full_name} has no alias {name!r}.",
        hint=f"It has: {known}." if known else "It has no aliases at all.",
    )
