"""The addresses by which programs in a worker find the platform, where they can show nothing but the address itself."""

from __future__ import annotations

import hashlib
import hmac

UNCLAIMED = ""
"""Stands for whoever comes first, in the address of a program that was started before anybody's job came."""


def address_secret(token: str, account_id: str) -> str:
    """What an address holds that proves who asks: a worker, while it works for one account.

    A program may tell its address to its caller, and its worker may work for another account afterwards. So the secret is good
    for the one account, and the worker's own token does not follow from it (HMAC-SHA-256).

    Args:
        token: the one that the worker was started with.
        account_id: whom the program works for, or `UNCLAIMED`.
    """
    return hmac.new(token.encode(), account_id.encode(), hashlib.sha256).hexdigest()[:40]
