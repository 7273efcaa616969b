"""Templates: recipes for workers, which name an image and hold an environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trivet.platform.core.endpoints import Version
from trivet.platform.core.errors import BadRequest, TooLarge
from trivet.platform.core.ids import is_name

MAX_TITLE = 191
"""Characters of a template's or a credential's name, at most."""
MAX_ENV = 200
"""Variables of a template or a deployment, at most."""
MAX_ENV_VALUE = 32 * 1024
"""Bytes of one variable's value, at most."""
MAX_ENV_SIZE = 512 * 1024
"""Bytes of all variables together, at most: a program can't be started with much more."""
MAX_EXTRAS = 64 * 1024
"""Bytes of what a dialect keeps of its own words with a template or an endpoint, at most."""

_MAX_NAME = 63
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
_PLATFORMS_OWN = "TRIVET_"
"""How the names of variables begin by which a worker of ours finds the platform and proves who it is."""
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9_]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """A named recipe for workers: the name of an image, which need not be there yet, and the environment they get.

    ``sealed_env`` is encrypted. ``extras`` is what a dialect keeps beside, in its own words: a JSON object.
    """

    id: str
    owner_id: str
    owner_name: str
    name: str
    image: str
    created_at: float
    updated_at: float
    sealed_env: bytes | None = field(default=None, repr=False)
    extras: Mapping[str, Any] = field(default_factory=dict)


# -- rules --------------------------------------------------------------------------------------------------------------


def check_title(noun: str, name: str) -> str:
    """The name of a template or a credential itself.

    Raises:
        BadRequest: it can't be one.
    """
    if not name.strip() or len(name) > MAX_TITLE or not name.isprintable():
        raise BadRequest(
            f"{name[:80]!r} can't be the name of a {noun}.", hint=f"A name has 1 to {MAX_TITLE} printable characters."
        )
    return name


def is_text(value: str) -> bool:
    """Whether UTF-8 can carry it: JSON can smuggle halves of surrogate pairs in."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_env(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The variables of a template or a deployment. Of those with the same name the last one counts.

    Raises:
        BadRequest: a name or a value can't stand in an environment, or there are too many.
        TooLarge: a value, or all of them together, is over its limit.
    """
    env = dict(pairs)
    if len(env) > MAX_ENV:
        raise BadRequest(f"There are {len(env)} variables; at most {MAX_ENV} may be.")
    total = 0
    for name, value in env.items():
        if _VARIABLE.fullmatch(name) is None:
            raise BadRequest(
                f"{name[:80]!r} can't be the name of an environment variable.",
                hint="Use letters, digits and `_`, not beginning with a digit; 128 characters at most.",
            )
        if "\0" in value or not is_text(value):
            raise BadRequest(
                f"The value of {name} holds a NUL character or half of a surrogate pair; no environment variable can."
            )
        size = len(value.encode())
        if size > MAX_ENV_VALUE:
            raise TooLarge(
                f"The value of {name} has {size} bytes; at most {MAX_ENV_VALUE} may be.", limit=MAX_ENV_VALUE
            )
        total += len(name) + size
    if total > MAX_ENV_SIZE:
        raise TooLarge(f"The variables have {total} bytes together; at most {MAX_ENV_SIZE} may be.", limit=MAX_ENV_SIZE)
    return env


def without_platforms_own(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that a worker is given: all but those by which it finds the platform and proves who it is.

    What a program of another kind is reached by, the runtime sets over whatever is given here.
    """
    return {name: value for name, value in env.items() if not name.startswith(_PLATFORMS_OWN)}


def check_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """What a dialect keeps beside, as a plain dictionary.

    Raises:
        TooLarge: it is over its limit as JSON.
    """
    size = len(json.dumps(dict(extras)).encode())
    if size > MAX_EXTRAS:
        raise TooLarge(
            f"The fields that are only kept have {size} bytes together; at most {MAX_EXTRAS} may be.", limit=MAX_EXTRAS
        )
    return dict(extras)


def does_the_same(version: Version, other: Version) -> bool:
    """Whether two versions of an endpoint differ in nothing but their number and how they came to be."""
    alike = replace(
        other,
        id=version.id,
        number=version.number,
        created_at=version.created_at,
        created_by=version.created_by,
        deployment_id=version.deployment_id,
    )
    return alike == version


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """The name for an endpoint that somebody called ``wanted``: what of it a name may hold, and ``-2``, ``-3`` … where taken.

    Args:
        wanted: any text.
        taken: the names that the owner's endpoints have; upper and lower case count as the same.
    """
    base = wanted if is_name(wanted) else _BETWEEN_WORDS.sub("-", wanted)[:_MAX_NAME].strip("-_") or "endpoint"
    known = {name.lower() for name in taken}
    name, number = base, 1
    while name.lower() in known:
        number += 1
        end = f"-{number}"
        name = base[: _MAX_NAME - len(end)].rstrip("-_") + end
    return name
