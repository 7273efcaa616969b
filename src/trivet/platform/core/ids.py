"""Ids: made from a time and random bytes that the caller brings."""

from __future__ import annotations

import base64
import re

ENDPOINT_ID_LENGTH = 14
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
_OPAQUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,63}")


def make(prefix: str, now: float, entropy: bytes) -> str:
    """An id that sorts by time: the prefix, milliseconds since the epoch in hex, and the entropy in hex.

    Args:
        prefix: what it names, e.g. ``job``.
        now: seconds since the epoch.
        entropy: random bytes; eight are enough within a millisecond.
    """
    return f"{prefix}_{int(now * 1000):012x}{entropy.hex()}"


def make_opaque(entropy: bytes) -> str:
    """An endpoint's opaque id: 14 lower-case letters and digits that begin with a letter, from 10 random bytes or more."""
    number = int.from_bytes(entropy, "big")
    digits = []
    for _ in range(ENDPOINT_ID_LENGTH):
        number, rest = divmod(number, 36)
        digits.append(_ALPHABET[rest])
    if digits[0].isdigit():
        digits[0] = _ALPHABET[10 + int(digits[0])]
    return "".join(digits)


def make_secret(entropy: bytes) -> str:
    """The secret half of a key: lower-case base32 without padding (25 bytes give 40 letters)."""
    return base64.b32encode(entropy).decode().rstrip("=").lower()


def is_name(text: str) -> bool:
    """Whether ``text`` may name an account, an organization or an endpoint: 1–63 letters, digits, ``-``, ``_``."""
    return _NAME.fullmatch(text) is not None


def is_opaque(text: str) -> bool:
    """Whether ``text`` may be an endpoint's opaque id: 3–64 letters, digits, ``-``, ``_``. Digits alone are integer ids."""
    return _OPAQUE.fullmatch(text) is not None and not text.isdigit()
