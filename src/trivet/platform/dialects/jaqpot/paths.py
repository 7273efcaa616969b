"""The paths below ``/jaqpot/v1``, and what tells who asks."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from trivet.platform.core.errors import BadRequest, Unauthenticated
from trivet.platform.dialects.jaqpot.context import PREFIX, VERSION
from trivet.platform.wire.answers import Header
from trivet.platform.wire.credentials import token_in, token_of_pair
from trivet.platform.wire.paths import sent_path

_LONGEST = 1024
_KEY, _SECRET, _AUTHORIZATION = b"x-api-key", b"x-api-secret", b"authorization"
_NOT_A_PAIR = (
    "Only one of X-Api-Key and X-Api-Secret came with this request, so it counts as one without a key.",
    "Send both: `trivet env jaqpot` prints them, and POST /v1/user/api-keys makes a new pair.",
)
_OF_JAQPOT = "jq_"
_NOT_OURS = (
    "This API key is one of Jaqpot's own site; the keys of this platform begin with `trv_`.",
    "`trivet env jaqpot` prints key and secret, and POST /v1/user/api-keys makes a new pair.",
)
_NO_KEY = (
    "No API key came with this request.",
    "Send X-Api-Key and X-Api-Secret, or `Authorization: Bearer <token>`. `trivet env jaqpot` prints what the SDK needs.",
)


def parts_of(path: str, raw_path: bytes, root: str = "") -> tuple[str, ...] | None:
    """The names of a path behind ``/v1``, each decoded for itself; None where it is none of this dialect's.

    Slashes count once, however many there are: an address that ends in one makes two of them.

    Args:
        path: decoded.
        raw_path: as it was sent; empty where that is not known.
        root: what a proxy in front has put before all paths.

    Raises:
        BadRequest: a name is not UTF-8.
    """
    sent = sent_path(path, raw_path, root)
    names = [name for name in sent.split("/") if name]
    if names[:2] != [PREFIX[1:], VERSION]:
        return None
    return tuple(map(_decoded, names[2:]))


def token_of(headers: Iterable[Header]) -> str | None:
    """The text of the token that a request carries; None where it carries no credential, or one half of one.

    Raises:
        Unauthenticated: there is a credential that can be none.
    """
    key = secret = authorization = None
    for name, value in headers:
        if name == _KEY:
            key = _text(value)
        elif name == _SECRET:
            secret = _text(value)
        elif name == _AUTHORIZATION:
            authorization = value if authorization is None else b""
    if authorization is not None:
        found = token_in(authorization)
        if found is None:
            raise Unauthenticated
        return found
    if not key:
        return None
    if key.startswith(_OF_JAQPOT):
        detail, hint = _NOT_OURS
        raise Unauthenticated(detail, hint=hint)
    found = token_of_pair(key, secret or "")
    if found is None and secret:
        raise Unauthenticated
    return found


def nobody(headers: Iterable[Header]) -> Unauthenticated:
    """The refusal of a request without a credential: it says what was missing."""
    halves = {name for name, value in headers if name in (_KEY, _SECRET) and value.strip()}
    detail, hint = _NOT_A_PAIR if len(halves) == 1 else _NO_KEY
    return Unauthenticated(detail, hint=hint)


def _text(value: bytes) -> str:
    # what is too long or no plain text can be no key; it is looked up as one that there is not
    return value.strip().decode("ascii") if len(value) <= _LONGEST and value.isascii() else "?"


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest("A name in this path is not text in UTF-8.", hint="Percent-encode it as UTF-8.") from None
