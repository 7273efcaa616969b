"""Credentials: the API key in a request, whichever way it was sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from trivet.platform.core.keys import TOKEN_PREFIX, Token

_LONGEST = 1024
"""No credential is longer than this, in bytes; a longer one is not looked at."""
_SCHEMES = frozenset({b"bearer", b"simple", b"basic"})


def token_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The text of the token in the headers of a request, or None where there is none.

    Two ``Authorization`` headers count as none: which of them was meant can't be known.
    """
    found: bytes | None = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
    return None if found is None else token_in(found)


def token_in(value: bytes, *, bare: bool = False) -> str | None:
    """The text of the token in the value of an ``Authorization`` header, or None.

    Understood are ``Bearer <token>``, ``Simple <token>``, and ``Basic`` with the key's id and its secret as name and
    password. With ``Basic`` a whole token may also stand in either place, so that ``curl -u <token>:`` works.

    Args:
        value: the header's value.
        bare: whether the token alone counts, too.
    """
    if len(value) > _LONGEST:
        return None
    kind, _, rest = value.strip().partition(b" ")
    scheme, credential = kind.lower(), rest.strip()
    if not credential:
        return _text(kind) if bare and kind and scheme not in _SCHEMES else None
    if scheme in (b"bearer", b"simple"):
        return _text(credential)
    if scheme == b"basic":
        return _pair(credential)
    return None


def _pair(credential: bytes) -> str | None:
    try:
        decoded = base64.b64decode(credential, validate=True)
    except binascii.Error:
        return None
    name, _, password = (_text(decoded) or "").partition(":")
    return token_of_pair(name, password)


def token_of_pair(name: str, password: str) -> str | None:
    """The text of the token that comes in two halves, or None where they make none.

    Args:
        name: the key's id, with or without what tokens begin with; or a whole token beside an empty password.
        password: the key's secret, or a whole token.
    """
    if Token.parse(password) is not None:
        return password
    if Token.parse(name) is not None and not password:
        return name
    key_id = name.removeprefix(f"{TOKEN_PREFIX}_")
    return str(Token(key_id, password)) if key_id and password else None


def _text(data: bytes) -> str | None:
    # a token is plain ASCII; anything else can't be one
    return data.decode("ascii") if data.isascii() else None
